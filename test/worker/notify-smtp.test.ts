import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it, vi } from 'vitest';
import { sendBySmtp } from '../../src/notify/smtp.ts';
import type { SmtpPlan } from '../support/peers/smtp-server.ts';
import { CODE, deliverBy, linesAt, mail, mailsAt, scriptedPeer, smtpPeer, TO } from './post-office.ts';

const FROM = 'login@acme.com';
const relayAt = (port: number, settings: object = {}) => ({
  EMAIL_PROVIDER: 'smtp',
  EMAIL_FROM: FROM,
  SMTP_HOST: '127.0.0.1',
  SMTP_PORT: port,
  SMTP_SECURITY: 'none',
  ...settings,
});
const LOGIN = { SMTP_USER: 'user', SMTP_PASSWORD: 's3cret' };
const SENT = { kind: 'sent' };
const LATE = { kind: 'failed', reason: 'the provider did not answer in time' };
const BROKEN = { kind: 'failed', reason: 'the SMTP connection broke' };

describe('a mail by SMTP', () => {
  it('arrives once, as it was meant', async () => {
    const port = await smtpPeer();
    const message = mail();
    expect(await deliverBy(relayAt(port, { EMAIL_FROM_NAME: 'Acme "Ltd", Zürich' }), message)).toEqual(SENT);
    const [received, ...more] = await mailsAt(port);
    expect([received, more]).toMatchObject([{ from: FROM, to: [TO], secure: false }, []]);
    const { from, to, subject, text, html, date, messageId } = await PostalMime.parse(received?.raw ?? '');
    expect({ from, to, subject }).toMatchObject({
      from: { address: FROM, name: 'Acme "Ltd", Zürich' },
      to: [{ address: TO }],
      subject: 'Your sign-in code',
    });
    expect([text, html].map((body) => body?.includes(CODE))).toEqual([true, true]);
    expect([date, messageId]).toEqual(['2026-11-25T12:00:00.000Z', `<${message.id}@acme.com>`]);
  });

  it.each(['PLAIN', 'LOGIN'] as const)('proves who sends it by AUTH %s', async (mechanism) => {
    const port = await smtpPeer({ auth: [mechanism] });
    expect(await deliverBy(relayAt(port, LOGIN), mail())).toEqual(SENT);
    expect(await mailsAt(port)).toMatchObject([{ user: 'user', mechanism }]);
  });

  it('arrives at an address beyond ASCII where the server takes those, and is refused where it does not', async () => {
    const port = await smtpPeer();
    expect(await deliverBy(relayAt(port), mail({ to: 'mäuschen@mouse.com' }))).toEqual(SENT);
    expect(await mailsAt(port)).toMatchObject([{ to: ['mäuschen@mouse.com'] }]);
    const old = await scriptedPeer('220 hello\r\n', '250 plain\r\n');
    expect(await deliverBy(relayAt(old), mail({ to: 'mäuschen@mouse.com' }))).toMatchObject({ kind: 'refused' });
    expect(await linesAt(old)).toEqual(['EHLO acme.com']);
  });

  it('is failed when the connection drops, and arrives once with the next try', async () => {
    const port = await smtpPeer({ dropsFirst: true });
    expect(await deliverBy(relayAt(port), mail())).toEqual(BROKEN);
    expect(await deliverBy(relayAt(port), mail())).toEqual(SENT);
  });
});

describe('a mail server that says no', () => {
  const steps = [
    ['connect', {}, 'greeting'],
    ['auth', LOGIN, 'AUTH'],
    ['mail', {}, 'MAIL'],
    ['rcpt', {}, 'RCPT'],
    ['data', {}, 'end of DATA'],
  ] as const;

  it.each(steps)('for good (5xx) at %s is not tried again; for now (4xx) it is', async (at, login, step) => {
    const auth: SmtpPlan['auth'] = at === 'auth' ? ['PLAIN'] : [];
    const [forGood, forNow] = [await smtpPeer({ auth, refuses: { at, code: 550 } }), await smtpPeer({ auth, refuses: { at, code: 450 } })];
    expect(await deliverBy(relayAt(forGood, login), mail())).toEqual({ kind: 'refused', reason: `SMTP 550 at ${step}` });
    expect(await deliverBy(relayAt(forNow, login), mail())).toEqual({ kind: 'failed', reason: `SMTP 450 at ${step}` });
  });

  it('to the password is not told it again, and nothing that it repeats is', async () => {
    const logged = vi.spyOn(console, 'log');
    const outcome = await deliverBy(relayAt(await smtpPeer({ auth: ['PLAIN'] }), { ...LOGIN, SMTP_PASSWORD: 'hunter22' }), mail());
    expect(outcome).toEqual({ kind: 'refused', reason: 'SMTP 535 at AUTH' });
    expect(JSON.stringify(logged.mock.calls)).not.toContain('hunter22');
    logged.mockRestore();
  });

  it.each([
    ['says no SMTP', ['hello there\r\n'], BROKEN],
    ['says nothing of the command', ['220 a\r\n', '502 what?\r\n'], { kind: 'refused', reason: 'SMTP 502 at EHLO' }],
    ['never comes to an end', ['220 a\r\n', '250-more\r\n'.repeat(300)], BROKEN],
    ['sends a line without end', [`220 ${'a'.repeat(100_000)}`], BROKEN],
    ['closes in the middle of a reply', ['220 a\r\n', '250-mo', 'CLOSE'], BROKEN],
    ['offers no way to log in that is known', ['220 a\r\n', '250-b\r\n250 AUTH CRAM-MD5\r\n'], 'the SMTP server offers neither AUTH PLAIN nor LOGIN'],
  ])('when it %s', async (what, replies, expected) => {
    const port = await scriptedPeer(...replies);
    const outcome = await deliverBy(relayAt(port, what.includes('log in') ? LOGIN : {}), mail());
    expect(outcome).toEqual(typeof expected === 'string' ? { kind: 'failed', reason: expected } : expected);
  });

  it('is only listened to by the first digit of its reply', async () => {
    const port = await scriptedPeer('220 a\r\n', '250 b\r\n', '250 ok\r\n', '251 will forward\r\n', '354 go\r\n', '250 ok\r\n');
    expect(await deliverBy(relayAt(port), mail())).toEqual(SENT);
  });
});

describe('a mail server that hangs', () => {
  it.each(['connect', 'auth', 'mail', 'rcpt', 'data'] as const)('at %s is given up at the deadline', async (hangsAt) => {
    const port = await smtpPeer({ hangsAt, auth: ['PLAIN'] });
    expect(await deliverBy(relayAt(port, { ...LOGIN, DELIVERY_DEADLINE_SECONDS: 1 }), mail())).toEqual(LATE);
  });

  it('holds no other mail up', async () => {
    const [hanging, well] = [await smtpPeer({ hangsAt: 'data' }), await smtpPeer()];
    const done: string[] = [];
    const hung = deliverBy(relayAt(hanging, { DELIVERY_DEADLINE_SECONDS: 4 }), mail()).then(() => done.push('hung'));
    await deliverBy(relayAt(well), mail()).then(() => done.push('well'));
    await hung;
    expect(done).toEqual(['well', 'hung']);
  });
});

describe('TLS', () => {
  const trusted = { SMTP_HOST: 'localhost', DELIVERY_DEADLINE_SECONDS: 5, ...LOGIN };

  it.each(['tls', 'starttls'] as const)('carries mail and password, %s', async (security) => {
    const port = await smtpPeer({ security, auth: ['PLAIN'] });
    expect(await deliverBy(relayAt(port, { ...trusted, SMTP_SECURITY: security }), mail())).toEqual(SENT);
    expect(await mailsAt(port)).toMatchObject([{ secure: true, user: 'user' }]);
  });

  it.each(['tls', 'starttls'] as const)('with a certificate of nobody who is trusted carries nothing, %s', async (security) => {
    const port = await smtpPeer({ security, certificate: 'stranger', auth: ['PLAIN'] });
    expect(await deliverBy(relayAt(port, { ...trusted, SMTP_SECURITY: security }), mail())).toMatchObject({ kind: 'failed' });
    expect(await mailsAt(port)).toEqual([]);
  });

  it.each(['tls', 'starttls'] as const)('with a certificate for another name carries nothing, %s', async (security) => {
    const port = await smtpPeer({ security, auth: ['PLAIN'] });
    const elsewhere = { ...trusted, SMTP_HOST: '127.0.0.1', SMTP_SECURITY: security };
    expect(await deliverBy(relayAt(port, elsewhere), mail())).toMatchObject({ kind: 'failed' });
    expect(await mailsAt(port)).toEqual([]);
  });

  it('is not done without when the offer of STARTTLS is struck out', async () => {
    const port = await scriptedPeer('220 a\r\n', '250-b\r\n250 AUTH PLAIN\r\n', '235 come in\r\n');
    expect(await deliverBy(relayAt(port, { ...trusted, SMTP_SECURITY: 'starttls' }), mail())).toEqual({
      kind: 'failed',
      reason: 'the SMTP server offers no STARTTLS',
    });
    expect(await linesAt(port)).toEqual(['EHLO acme.com']);
  });

  it('does not take over what was slipped in ahead of it', async () => {
    const port = await scriptedPeer('220 a\r\n', '250 STARTTLS\r\n', '220 go\r\n250 AUTH PLAIN\r\n');
    expect(await deliverBy(relayAt(port, { ...trusted, SMTP_SECURITY: 'starttls' }), mail())).toEqual(BROKEN);
  });
});

describe('a message on its way', () => {
  it('keeps its dots, whatever its lines begin with', async () => {
    const port = await smtpPeer();
    const relay = { host: '127.0.0.1', port, security: 'none', credentials: undefined } as const;
    const line = fc.array(fc.constantFrom('.', '..', 'a', ' ', 'QUIT', '.\t', 'é'), { maxLength: 4 }).map((parts) => parts.join(''));
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 6 }), async (lines) => {
        const content = lines.join('\r\n');
        expect(await sendBySmtp({ from: FROM, to: TO, content }, relay, new AbortController().signal)).toEqual(SENT);
        sent += 1;
        const mails = await mailsAt(port);
        expect([mails.length, mails.at(-1)?.raw]).toEqual([sent, `${content}\r\n`]);
      }),
      { numRuns: 40 },
    );
  });
});
