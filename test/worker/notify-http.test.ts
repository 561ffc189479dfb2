import { env } from 'cloudflare:workers';
import { createHmac } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { deliver } from '../../src/notify/deliver.ts';
import type { Delivery } from '../../src/notify/delivery.ts';
import type { Message } from '../../src/notify/message.ts';
import { CODE, deliverBy, httpPeer, mail, NOW, officeOf, PHONE, requestsAt, sms, TO } from './post-office.ts';

const KEY = 'a signing key of this test';
const SENT = { kind: 'sent' };
const LATE = { kind: 'failed', reason: 'the provider did not answer in time' };

const mailTo = (port: number, settings: object = {}) => ({
  EMAIL_PROVIDER: 'http',
  EMAIL_HTTP_URL: `http://127.0.0.1:${port}/mail`,
  EMAIL_HTTP_SIGNING_KEY: KEY,
  ...settings,
});
const smsTo = (port: number) => ({ SMS_PROVIDER: 'http', SMS_HTTP_URL: `http://127.0.0.1:${port}/sms`, SMS_HTTP_SIGNING_KEY: KEY });

describe('a message by HTTP', () => {
  it("is posted once, in Zitadel's form", async () => {
    const port = await httpPeer({ answers: [200] });
    const message = mail();
    expect(await deliverBy(mailTo(port), message)).toEqual(SENT);
    const [request, ...more] = await requestsAt(port);
    expect([request, more]).toMatchObject([
      { method: 'POST', path: '/mail', headers: { 'content-type': 'application/json', 'idempotency-key': message.id } },
      [],
    ]);
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      contextInfo: { eventType: 'session.otp.email.challenged', provider: { id: 'sallyport-email' }, recipientEmailAddress: TO },
      templateData: { subject: 'Your sign-in code', greeting: 'Hello Minnie Mouse,', url: message.url, buttonText: 'Sign in' },
      args: {
        userID: '1',
        orgID: '2',
        code: CODE,
        oTP: CODE,
        sessionID: '7',
        loginName: 'mini',
        verifiedEmail: TO,
        origin: 'https://login.acme.com',
        domain: 'login.acme.com',
        expiry: 300_000_000_000,
      },
    });
  });

  it('is signed over its time and its body', async () => {
    const port = await httpPeer({ answers: [204] });
    await deliverBy(mailTo(port), mail());
    const [request] = await requestsAt(port);
    const time = Math.floor(NOW / 1000);
    const signature = createHmac('sha256', KEY).update(`${time}.${request?.body}`).digest('hex');
    expect(request?.headers['zitadel-signature']).toBe(`t=${time},v1=${signature}`);
  });

  it('is an SMS as well, with the line that binds its code', async () => {
    const port = await httpPeer({ answers: [200] });
    expect(await deliverBy(smsTo(port), sms())).toEqual(SENT);
    const [request] = await requestsAt(port);
    const { contextInfo, templateData, args } = JSON.parse(request?.body ?? '');
    expect(contextInfo).toMatchObject({ eventType: 'session.otp.sms.challenged', recipientPhoneNumber: PHONE });
    expect(templateData.text).toMatch(new RegExp(`^${CODE} is your .*\\n\\n@login\\.acme\\.com #${CODE}$`));
    expect(args).toMatchObject({ code: CODE, oTP: CODE, verifiedPhone: PHONE });
  });

  it('is failed at a 500, and arrives with a later try, each with the same key', async () => {
    const port = await httpPeer({ answers: [500, 503, 200] });
    const message = mail();
    const outcomes: Delivery[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) outcomes.push(await deliverBy(mailTo(port), message));
    expect(outcomes).toEqual([{ kind: 'failed', reason: 'HTTP 500' }, { kind: 'failed', reason: 'HTTP 503' }, SENT]);
    expect((await requestsAt(port)).map(({ headers }) => headers['idempotency-key'])).toEqual(Array(3).fill(message.id));
  });

  it.each([400, 401, 403, 404, 410, 422])('is refused for good by a %i', async (status) => {
    expect(await deliverBy(mailTo(await httpPeer({ answers: [status] })), mail())).toEqual({ kind: 'refused', reason: `HTTP ${status}` });
  });

  it.each([408, 425, 429])('is failed by a %i, which passes', async (status) => {
    expect(await deliverBy(mailTo(await httpPeer({ answers: [status] })), mail())).toEqual({ kind: 'failed', reason: `HTTP ${status}` });
  });

  it.each([301, 302, 303, 307, 308])('goes nowhere else by a %i', async (status) => {
    const elsewhere = await httpPeer({ answers: [200] });
    const port = await httpPeer({ answers: [status], location: `http://127.0.0.1:${elsewhere}/` });
    expect(await deliverBy(mailTo(port), mail())).toEqual({ kind: 'failed', reason: `HTTP ${status}: redirects are not followed` });
    expect(await requestsAt(elsewhere)).toEqual([]);
  });

  it('is given up at the deadline when nobody answers, and holds no other up', async () => {
    const [hanging, well] = [await httpPeer({ answers: ['hang'] }), await httpPeer({ answers: [200] })];
    const done: string[] = [];
    const hung = deliverBy(mailTo(hanging, { DELIVERY_DEADLINE_SECONDS: 4 }), mail()).then((outcome) => {
      done.push('hung');
      return outcome;
    });
    await deliverBy(mailTo(well), mail()).then(() => done.push('well'));
    expect(await hung).toEqual(LATE);
    expect(done).toEqual(['well', 'hung']);
  });

  it('is failed when nobody is there', async () => {
    expect(await deliverBy(mailTo(1), mail())).toEqual({ kind: 'failed', reason: 'the provider could not be reached' });
  });
});

describe("an SMS by Twilio's API", () => {
  const account = { sid: `AC${'0a'.repeat(16)}`, token: 'the token of this test' };
  const twilioAt = (port: number, settings: object = {}) => ({
    SMS_PROVIDER: 'twilio',
    TWILIO_URL: `http://127.0.0.1:${port}`,
    TWILIO_ACCOUNT_SID: account.sid,
    TWILIO_AUTH_TOKEN: account.token,
    TWILIO_FROM: '+15005550006',
    ...settings,
  });
  const sentTo = async (port: number) => Object.fromEntries(new URLSearchParams((await requestsAt(port)).at(-1)?.body));

  it('is sent once, from a number or a messaging service', async () => {
    const port = await httpPeer({ answers: [201], account });
    expect(await deliverBy(twilioAt(port), sms())).toEqual(SENT);
    expect(await requestsAt(port)).toHaveLength(1);
    expect(await sentTo(port)).toEqual({ To: PHONE, From: '+15005550006', Body: expect.stringMatching(new RegExp(`@login\\.acme\\.com #${CODE}$`)) });
    expect(await deliverBy(twilioAt(port, { TWILIO_FROM: 'MG12', SMS_DOMAIN: 'acme.com' }), sms())).toEqual(SENT);
    expect(await sentTo(port)).toEqual({
      To: PHONE,
      MessagingServiceSid: 'MG12',
      Body: expect.stringMatching(new RegExp(`@acme\\.com #${CODE}$`)),
    });
  });

  it.each([
    ['is refused for good by a 400', 400, { kind: 'refused', reason: 'HTTP 400' }],
    ['may be tried again after a 429', 429, { kind: 'failed', reason: 'HTTP 429' }],
    ['may be tried again after a 500', 500, { kind: 'failed', reason: 'HTTP 500' }],
  ] as const)('%s', async (_, status, outcome) => {
    expect(await deliverBy(twilioAt(await httpPeer({ answers: [status], account })), sms())).toEqual(outcome);
  });

  it('is refused with a wrong token, which nothing shows', async () => {
    const port = await httpPeer({ answers: [201], account });
    expect(await deliverBy(twilioAt(port, { TWILIO_AUTH_TOKEN: 'another' }), sms())).toEqual({ kind: 'refused', reason: 'HTTP 401' });
  });
});

describe('a reason', () => {
  const outcomesOf = (message: Message) =>
    Promise.all(
      [400, 500, 302].map(async (status) => {
        const port = await httpPeer({ answers: [status], location: `http://127.0.0.1:1/${CODE}` });
        return deliverBy({ ...mailTo(port), ...smsTo(port) }, message);
      }),
    );

  it('holds no code, address or secret, and nothing of what the provider said; and nothing is logged', async () => {
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
    const outcomes = JSON.stringify([await outcomesOf(mail()), await outcomesOf(sms())]);
    for (const secret of [CODE, TO, PHONE, KEY, 'not repeated', '127.0.0.1']) expect(outcomes).not.toContain(secret);
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});

describe('a message that cannot be sent', () => {
  it.each([
    ['without a provider for mail', mail(), 'no provider'],
    ['without a provider for SMS', sms(), 'no provider'],
    ['to what is no address', mail({ to: 'mini@mouse.com\r\nBcc: all@mouse.com' }), 'not an e-mail address'],
    ['to what is no number', sms({ to: '+41 79 &To=' }), 'not a phone number'],
  ])('is refused for good: %s', async (_, message, reason) => {
    expect(await deliverBy({}, message)).toEqual({ kind: 'refused', reason });
  });

  it('is refused for good where its kind has no wording for its channel', async () => {
    const port = await httpPeer({ answers: [200] });
    const reason = 'this kind of message has no wording for its channel';
    expect(await deliverBy(smsTo(port), sms({ kind: 'otpEmail' }))).toEqual({ kind: 'refused', reason });
    expect(await requestsAt(port)).toEqual([]);
  });

  it('never throws', async () => {
    const office = { ...officeOf({ DEV_MAILBOX: 'true' }), db: {} as D1Database };
    expect(await deliver(mail(), office)).toEqual({ kind: 'failed', reason: 'a message could not be handed over' });
  });
});

describe('a mail by the send_email binding', () => {
  const settings = { EMAIL_PROVIDER: 'binding', EMAIL_FROM: 'login@acme.com' };
  const bindingThat = (send: (mail: unknown) => Promise<unknown>) => ({ send }) as unknown as SendEmail;

  it('is taken by the one that runs here', async () => {
    expect(await deliver(mail(), officeOf(settings, env.EMAIL))).toEqual(SENT);
    expect(await deliver(mail({ to: 'mäuschen@mouse.com' }), officeOf(settings, env.EMAIL))).toEqual(SENT);
  });

  it('is handed over with both bodies', async () => {
    const given: unknown[] = [];
    const binding = bindingThat(async (mail) => given.push(mail));
    expect(await deliver(mail(), officeOf(settings, binding))).toEqual(SENT);
    expect(given).toEqual([
      {
        from: { email: 'login@acme.com', name: 'Sallyport' },
        to: TO,
        subject: 'Your sign-in code',
        text: expect.stringContaining(CODE),
        html: expect.stringContaining(CODE),
      },
    ]);
  });

  it.each([
    ['E_RECIPIENT_SUPPRESSED', { kind: 'refused', reason: 'E_RECIPIENT_SUPPRESSED' }],
    ['E_RATE_LIMIT_EXCEEDED', { kind: 'failed', reason: 'E_RATE_LIMIT_EXCEEDED' }],
    [`E_${CODE}`, { kind: 'failed', reason: 'the send_email binding failed' }],
    [undefined, { kind: 'failed', reason: 'the send_email binding failed' }],
  ])('that is answered %s', async (code, outcome) => {
    const binding = bindingThat(() => Promise.reject(Object.assign(new Error(`${TO} ${CODE}`), { code })));
    expect(await deliver(mail(), officeOf(settings, binding))).toEqual(outcome);
  });

  it('is given up at the deadline when nothing comes back', async () => {
    const binding = bindingThat(() => new Promise(() => undefined));
    expect(await deliver(mail(), officeOf({ ...settings, DELIVERY_DEADLINE_SECONDS: 1 }, binding))).toEqual(LATE);
  });
});
