import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeAddress } from '../../src/directory/addresses.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import type { ReceivedRequest } from '../support/peers/http-receiver.ts';
import { codeOf, configure, emailCode, newOtpUser, returned, sent, stubOf } from './otp-user.ts';
import { httpPeer, mailsAt, requestsAt, smtpPeer } from './post-office.ts';
import { cells, config, type Login, must, newSession, outcome, patch, read, walkWith } from './world.ts';

const MINUTE = 60_000;
const KEY = 'a signing key of this test';
const byHttp = (port: number, more: object = {}) => ({
  EMAIL_PROVIDER: 'http',
  EMAIL_HTTP_URL: `http://127.0.0.1:${port}/mail`,
  EMAIL_HTTP_SIGNING_KEY: KEY,
  ...more,
});

/** A session whose cell posts to a receiver that answers so. */
async function loginPostingTo(answers: readonly (number | 'hang')[], more: object = {}) {
  const port = await httpPeer({ answers });
  const user = await newOtpUser();
  const login = await newSession(user);
  await configure(login, byHttp(port, more));
  return { port, user, login };
}

/** What a receiver has got once so many requests are there. */
const received = (port: number, count: number) =>
  vi.waitFor(
    async () => {
      const requests = await requestsAt(port);
      expect(requests).toHaveLength(count);
      return requests;
    },
    { timeout: 30_000, interval: 50 },
  );

const codeIn = (request: ReceivedRequest | undefined): string => JSON.parse(request?.body ?? '{}').args?.code;
const rowsOf = (login: Login): Promise<unknown[]> =>
  runInDurableObject(stubOf(login), (_, { storage }) => [...storage.sql.exec('SELECT * FROM outbox WHERE owner = ?', login.sessionId)]);
const emptied = (login: Login) => vi.waitFor(async () => expect(await rowsOf(login)).toEqual([]), { timeout: 30_000, interval: 50 });

/** The notes in a session's trail. */
const trailOf = (login: Login): Promise<string[]> =>
  runInDurableObject(stubOf(login), (_, { storage }) => {
    const [row] = storage.sql.exec<{ content: string }>('SELECT content FROM session WHERE id = ?', login.sessionId);
    return (JSON.parse(row?.content ?? '{}').trail as [number, string][]).map(([, type]) => type);
  });

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a code that is to be sent', () => {
  it('is sent once, with a link to the login page, and works', async () => {
    const { port, user, login } = await loginPostingTo([200]);
    const { login: next } = codeOf(login, await patch(login, sent));
    const [request] = await received(port, 1);
    const { contextInfo, templateData } = JSON.parse(request?.body ?? '');
    expect(contextInfo).toMatchObject({ eventType: 'session.otp.email.challenged', recipientEmailAddress: user.email });
    expect(templateData.url).toBe(`http://localhost/login?code=${codeIn(request)}`);
    await emptied(login);
    expect(await trailOf(login)).toContain('session.otp.email.sent');
    expect(outcome(await patch(next, emailCode(codeIn(request))))).toBe('ok');
  });

  it('goes to the caller’s own link, each value escaped', async () => {
    const { port, login } = await loginPostingTo([200]);
    const urlTemplate = 'https://me.example/?c={{.Code}}&n={{ .DisplayName }}&s={{.SessionID}}&l={{.LoginName}}';
    await patch(login, { challenges: { otpEmail: { returnCode: false, urlTemplate } } });
    const [request] = await received(port, 1);
    const { session } = must(await read(login));
    expect(JSON.parse(request?.body ?? '').templateData.url).toBe(
      `https://me.example/?c=${codeIn(request)}&n=Minnie%20Mouse&s=${session.id}&l=${encodeURIComponent(session.user?.loginName ?? '')}`,
    );
  });

  it('is tried again, with the same key, by a receiver that answers 500 twice; it arrives once', async () => {
    const { port, login } = await loginPostingTo([500, 500, 200]);
    await patch(login, sent);
    const requests = await received(port, 3);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(new Set(requests.map(codeIn)).size).toBe(1);
    await emptied(login);
    await runDurableObjectAlarm(stubOf(login));
    expect(await requestsAt(port)).toHaveLength(3);
  });

  it('is not waited for by its PATCH, nor by another code of the same cell, when its receiver hangs', async () => {
    const { port, user, login } = await loginPostingTo(['hang', 200, 200], { DELIVERY_DEADLINE_SECONDS: 5 });
    expect(outcome(await patch(login, sent))).toBe('ok');
    await received(port, 1);
    const other = await newOtpUser();
    const created = await createSession(walkWith(), {
      cellOf: () => login.sessionCell,
      sessionIdKeys: config.sessionIdKeys,
      callerId: 'creator',
      command: { checks: { user: { userId: other.id } }, metadata: [], ...sent },
      now: Date.now(),
    });
    expect(outcome(created)).toBe('ok');
    const requests = await received(port, 2);
    const recipients = requests.map(({ body }) => JSON.parse(body).contextInfo.recipientEmailAddress);
    expect(recipients).toEqual([user.email, other.email]);
    await vi.waitFor(async () => {
      const waiting = await runInDurableObject(stubOf(login), (_, { storage }) => [...storage.sql.exec('SELECT owner FROM outbox')]);
      expect(waiting).toEqual([{ owner: login.sessionId }]);
    });
    await emptied(login);
  });

  it('is tried again after its deadline when its receiver hung', async () => {
    const { port, login } = await loginPostingTo(['hang', 200], { DELIVERY_DEADLINE_SECONDS: 1 });
    await patch(login, sent);
    const [first, second] = await received(port, 2);
    expect(codeIn(first)).toBe(codeIn(second));
    await emptied(login);
  });

  it('that is refused is not tried again, and is a note in the trail that moves nothing else', async () => {
    const { port, login } = await loginPostingTo([400]);
    await patch(login, sent);
    const before = must(await read(login)).session;
    await received(port, 1);
    await emptied(login);
    expect(await trailOf(login)).toEqual([
      'session.added',
      'session.user.checked',
      'session.token.set',
      'session.otp.email.challenged',
      'session.token.set',
      'session.otp.email.refused',
    ]);
    const { sequence, changeDate } = must(await read(login)).session;
    expect([sequence, changeDate]).toEqual([before.sequence, before.changeDate]);
    expect(await requestsAt(port)).toHaveLength(1);
  });

  it('goes to the address of the moment at which it was opened', async () => {
    const { port, user, login } = await loginPostingTo([500, 200]);
    await patch(login, sent);
    await changeAddress(env.DB, user.id, { kind: 'email', address: 'elsewhere@mouse.com', verified: true }, Date.now());
    const requests = await received(port, 2);
    expect(requests.map(({ body }) => JSON.parse(body).contextInfo.recipientEmailAddress)).toEqual([user.email, user.email]);
  });

  it.each([[400], [500, 400], ['hang', 400]] as const)('is in no log, nor is the address, whatever its receiver does: %s, %s', async (...answers) => {
    const logged = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) => vi.spyOn(console, level).mockImplementation(() => {}));
    const { port, user, login } = await loginPostingTo(answers, { DELIVERY_DEADLINE_SECONDS: 1 });
    await patch(login, sent);
    const [request] = await received(port, answers.length);
    await emptied(login);
    const lines = logged.flatMap(({ mock }) => mock.calls).map((line) => line.map(String).join(' '));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) for (const secret of [codeIn(request), user.email, KEY]) expect(line).not.toContain(secret);
  });

  it('is in no table in clear, nor is any token', async () => {
    const { port, login } = await loginPostingTo(['hang', 200], { DELIVERY_DEADLINE_SECONDS: 2 });
    const { login: next } = codeOf(login, await patch(login, sent));
    const [request] = await received(port, 1);
    const everything = await runInDurableObject(stubOf(login), (_, { storage }) =>
      JSON.stringify(['session', 'outbox', 'trail'].map((table) => [...storage.sql.exec(`SELECT * FROM ${table}`)])),
    );
    expect(everything).toContain(login.sessionId);
    expect(everything).not.toContain(codeIn(request));
    expect(everything).not.toContain(next.token);
    await emptied(login);
  });
});

describe('a code that is open no more', () => {
  const CLOSING: Record<string, (login: Login, code: string) => Promise<unknown>> = {
    'because it was given': (login, code) => patch(login, emailCode(code)),
    'because another took its place': (login) => patch(login, returned),
    'because its session was ended': ({ sessionId, sessionCell }) =>
      cells.session(sessionCell).terminate({ sessionId, callerId: 'creator', presented: undefined, delete: { everywhere: true, organizations: [] } }),
    'because its time is over': async () => {
      vi.useFakeTimers({ toFake: ['Date'] });
      vi.setSystemTime(Date.now() + 5 * MINUTE);
    },
  };

  it.each(Object.keys(CLOSING))('is not sent again %s', async (why) => {
    const { port, login } = await loginPostingTo([500, 200]);
    // No alarm rings by itself here: the second try is made by hand, once the code is closed.
    await runInDurableObject(stubOf(login), (_, { storage }) => void vi.spyOn(storage, 'setAlarm').mockImplementation(async () => {}));
    const { login: next } = codeOf(login, await patch(login, sent));
    const [request] = await received(port, 1);
    await CLOSING[why]?.(next, codeIn(request));
    await runInDurableObject(stubOf(login), async (instance, { storage }) => {
      storage.sql.exec('UPDATE outbox SET due = 0');
      await instance.alarm();
    });
    expect(await rowsOf(login)).toEqual([]);
    expect(await requestsAt(port)).toHaveLength(1);
  });
});

describe('a cell that goes down', () => {
  it('between the commit and the delivery sends the code once it is back, and then no more', async () => {
    const { port, login } = await loginPostingTo(['hang', 200], { DELIVERY_DEADLINE_SECONDS: 1 });
    await patch(login, sent);
    await evictDurableObject(stubOf(login));
    await configure(login, byHttp(port));
    await runInDurableObject(stubOf(login), async (instance, { storage }) => {
      storage.sql.exec('UPDATE outbox SET due = 0');
      await instance.alarm();
    });
    await vi.waitFor(async () => expect((await requestsAt(port)).length).toBeGreaterThan(0), { timeout: 10_000 });
    await emptied(login);
    const requests = await requestsAt(port);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    await runDurableObjectAlarm(stubOf(login));
    expect(await requestsAt(port)).toHaveLength(requests.length);
  });
});

describe('a code by SMTP', () => {
  it('arrives once at a server with AUTH that drops the first connection', async () => {
    const port = await smtpPeer({ auth: ['PLAIN'], dropsFirst: true });
    const user = await newOtpUser();
    const login = await newSession(user);
    const relay = { SMTP_HOST: '127.0.0.1', SMTP_PORT: port, SMTP_SECURITY: 'none', SMTP_USER: 'user', SMTP_PASSWORD: 's3cret' };
    await configure(login, { EMAIL_PROVIDER: 'smtp', EMAIL_FROM: 'login@acme.com', ...relay });
    const { login: next } = codeOf(login, await patch(login, sent));
    await emptied(login);
    const mails = await mailsAt(port);
    expect(mails).toMatchObject([{ to: [user.email], user: 'user' }]);
    const { text } = await PostalMime.parse(mails[0]?.raw ?? '');
    const [code = ''] = /\d{8}/.exec(text ?? '') ?? [];
    expect(outcome(await patch(next, emailCode(code)))).toBe('ok');
  });
});
