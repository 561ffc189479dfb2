import { describe, expect, it } from 'vitest';
import { compose, type Style } from '../../src/notify/compose.ts';
import { MESSAGE_KINDS, type Message, type MessageKind } from '../../src/notify/message.ts';
import { messageTemplates } from '../../src/notify/overrides.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const CODE = '48151623';
const USER = { userId: '1', organizationId: '2', loginName: 'mini', displayName: 'Minnie Mouse', preferredLanguage: 'en' };

const message = (changes: Partial<Message> = {}): Message => ({
  id: 'id-1',
  kind: 'otpEmail',
  channel: 'email',
  to: 'mini@mouse.com',
  code: CODE,
  url: 'https://login.acme.com/otp?a=1&b=2',
  expiresAt: NOW + 300_000,
  user: USER,
  sessionId: '7',
  ...changes,
});
const inLanguage = (preferredLanguage: string, changes: Partial<Message> = {}) => message({ ...changes, user: { ...USER, preferredLanguage } });
const styleOf = (templates: object = {}, smsDomain?: string): Style => ({
  overrides: messageTemplates.parse(JSON.stringify(templates)),
  smsDomain,
});
const worded = async (which: Message, style = styleOf()) => {
  const letter = await compose(which, style, NOW);
  if (letter === undefined) throw new Error('no wording');
  return letter;
};

const MAIL: readonly MessageKind[] = ['otpEmail', 'emailVerification', 'passwordReset', 'passwordChanged'];
const SMS: readonly MessageKind[] = ['otpSms', 'phoneVerification', 'passwordReset', 'passwordChanged'];

describe('a mail', () => {
  it.each(MAIL.flatMap((kind) => [[kind, 'en'] as const, [kind, 'de'] as const]))(
    'is worded for %s in %s, with nothing left open',
    async (kind, language) => {
      const { subject, text, html } = await worded(inLanguage(language, { kind }));
      for (const part of [subject, text, html]) expect(part).not.toMatch(/\{\{|undefined|null/);
      expect(text).toContain(CODE);
      expect(text).toContain('https://login.acme.com/otp?a=1&b=2');
      expect(html).toContain(`<html lang="${language}">`);
      expect(html).toContain(`<p class="code">${CODE}</p>`);
      expect(html).toContain('href="https://login.acme.com/otp?a=1&amp;b=2"');
    },
  );

  it('is in the nearest language that there is', async () => {
    const subjects = await Promise.all(['de-CH', 'DE', 'fr', '', 'no language'].map(async (tag) => (await worded(inLanguage(tag))).subject));
    expect(subjects).toEqual(['Ihr Anmeldecode', 'Ihr Anmeldecode', 'Your sign-in code', 'Your sign-in code', 'Your sign-in code']);
  });

  it.each([
    [1, '1 minute', '1 Minute'],
    [300_000, '5 minutes', '5 Minuten'],
    [7_200_000, '2 hours', '2 Stunden'],
    [3 * 86_400_000, '3 days', '3 Tage'],
  ])('tells how long its code is good: %i ms', async (ms, english, german) => {
    expect((await worded(inLanguage('en', { expiresAt: NOW + ms }))).text).toContain(english);
    expect((await worded(inLanguage('de', { expiresAt: NOW + ms }))).text).toContain(german);
  });

  it('escapes in its page what a person is called, and keeps it on one line', async () => {
    const { text, html } = await worded(message({ user: { ...USER, displayName: '<b>Mini</b>\r\n\r\nVisit evil.com' } }));
    expect(text).toContain('Hello <b>Mini</b> Visit evil.com,');
    expect(html).toContain('&lt;b&gt;Mini&lt;/b&gt; Visit evil.com');
    expect(html).not.toContain('<b>');
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', 'no address'])(
    'leaves out a link that is none: %s',
    async (url) => {
      const { text, html } = await worded(message({ url }));
      expect(`${text}${html}`).not.toContain(url);
      expect(html).not.toContain('class="button"');
    },
  );

  it('has no code and no link where there is none', async () => {
    const { text, html } = await worded(message({ kind: 'passwordChanged', code: '', url: undefined }));
    expect(html).not.toMatch(/class="code"|class="button"/);
    expect(text).toBe(
      'Hello Minnie Mouse,\n\nThe password of the login name mini was changed.\n\n-- \nIf it was not you who changed it, tell your administrator at once.\n',
    );
  });
});

describe('an SMS', () => {
  const sms = (kind: MessageKind, language = 'en') => inLanguage(language, { kind, channel: 'sms', to: '+41791234567' });

  it.each(SMS.flatMap((kind) => [[kind, 'en'] as const, [kind, 'de'] as const]))(
    'is worded for %s in %s and ends with the line that binds its code',
    async (kind, language) => {
      const { text, html } = await worded(sms(kind, language));
      expect(html).toBeUndefined();
      expect(text).not.toMatch(/\{\{|undefined/);
      expect(text.split('\n').slice(-2)).toEqual(['', `@login.acme.com #${CODE}`]);
    },
  );

  it('binds its code to the domain that is set, else to that of its link, else to none', async () => {
    const last = async (which: Message, style = styleOf()) => (await worded(which, style)).text.split('\n').at(-1);
    expect(await last(sms('otpSms'), styleOf({}, 'acme.com'))).toBe(`@acme.com #${CODE}`);
    expect(await last(sms('otpSms'))).toBe(`@login.acme.com #${CODE}`);
    expect(await last({ ...sms('otpSms'), url: undefined })).toMatch(/^48151623 is your sign-in code/);
  });

  it('cannot be given such a line by a name', async () => {
    const user = { ...USER, loginName: 'mini\n@evil.com #1' };
    expect((await worded({ ...sms('passwordChanged'), code: '', user })).text).toBe(
      'The password of mini @evil.com #1 was changed. If it was not you, tell your administrator at once.',
    );
  });
});

describe("an operator's own wording", () => {
  it('replaces a mail, its values filled in and escaped in its page alone', async () => {
    const own = { subject: '{{.Code}} for {{ .DisplayName }}', text: 'Hi {{.LoginName}}', html: '<p>{{.DisplayName}}: {{.Code}}</p>' };
    const user = { ...USER, displayName: 'A & B' };
    expect(await worded(message({ user }), styleOf({ otpEmail: { en: own } }))).toMatchObject({
      subject: `${CODE} for A & B`,
      text: 'Hi mini',
      html: `<p>A &amp; B: ${CODE}</p>`,
    });
  });

  it('is plain text without a page, and no value is taken for a placeholder', async () => {
    const user = { ...USER, displayName: '{{.Code}}' };
    const style = styleOf({ otpEmail: { en: { subject: 'S', text: '{{.DisplayName}}' } } });
    expect(await worded(message({ user }), style)).toMatchObject({ text: '{{.Code}}', html: undefined });
  });

  it('adds a language, whose other channel stays as it was', async () => {
    const style = styleOf({ passwordReset: { 'fr-CA': { sms: 'Code {{.Code}}' }, fr: { subject: 'Bonjour', text: 'Code {{.Code}}' } } });
    const reset = inLanguage('fr-ca', { kind: 'passwordReset' });
    expect((await worded(reset, style)).subject).toBe('Bonjour');
    expect((await worded({ ...reset, channel: 'sms' }, style)).text).toMatch(/^Code 48151623\n/);
    expect((await worded({ ...inLanguage('fr', { kind: 'passwordReset' }), channel: 'sms' }, style)).text).toContain('choose a new password');
  });

  it.each([
    ['of a kind that there is not', { otp: { en: { sms: 'x' } } }, /^JSON of the form/],
    ['in no language', { otpEmail: { 'no language': { sms: 'x' } } }, /is no language|^JSON of the form/],
    ['with a part that there is not', { otpEmail: { en: { sms: 'x', footer: 'y' } } }, /^JSON of the form/],
    ['without a text', { otpEmail: { en: { subject: 'x' } } }, /^otpEmail\.en: needs subject and text/],
    ['that is empty', { otpEmail: { en: {} } }, /^otpEmail\.en: needs/],
    ['with an unknown placeholder', { otpEmail: { en: { sms: '{{.Secret}}' } } }, /^otpEmail\.en\.sms: has a placeholder that is none of Code,/],
    ['with more than a placeholder', { otpEmail: { en: { sms: '{{if .Code}}' } } }, /^otpEmail\.en\.sms: has braces/],
  ])('%s is refused, and its place is named', (_, templates, expected) => {
    const read = messageTemplates.safeParse(JSON.stringify(templates));
    expect(read.success ? 'taken' : read.error.issues[0]?.message).toMatch(expected);
  });

  it('that is no JSON is refused and not repeated', () => {
    const read = messageTemplates.safeParse('hunter2');
    expect(read.success ? 'taken' : read.error.message).not.toContain('hunter2');
  });

  it('may be there for every kind', () => {
    const all = Object.fromEntries(MESSAGE_KINDS.map((kind) => [kind, { en: { sms: 'x', subject: 'y', text: 'z' } }]));
    expect(Object.keys(styleOf(all).overrides)).toEqual([...MESSAGE_KINDS]);
  });
});
