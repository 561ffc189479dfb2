import { createExecutionContext, runDurableObjectAlarm, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CodePurpose } from '../../src/core/user/codes.ts';
import { keyRing } from '../../src/crypto/key-ring.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { type CodeOrder, endCode, guessCode, issueCode } from '../../src/login-step/user-codes.ts';
import { readDevMailbox } from '../../src/notify/dev-mailbox.ts';
import { cells, config, must, newUser, outcome, transit, walkWith } from './world.ts';

const HOUR = 3_600_000;
const WRONG = 'wrong!';

const order = (changes: Partial<CodeOrder> = {}): CodeOrder => ({
  purpose: 'emailVerification',
  basis: 'mini@mouse.com',
  channel: 'email',
  to: 'mini@mouse.com',
  way: { kind: 'returned' },
  ...changes,
});
const returned = async (user: User, changes: Partial<CodeOrder> = {}): Promise<string> =>
  must(await issueCode(walkWith(), user, order(changes))).code ?? 'no code';
const guess = (user: User, code: string, purpose: CodePurpose = 'emailVerification') => guessCode(walkWith(), user, purpose, code);
const kindOf = async (user: User, code: string) => (await guess(user, code)).kind;
const stubOf = (user: User) => env.USERS.getByName(user.cell);
const rowsOf = (user: User) =>
  runInDurableObject(stubOf(user), (_, { storage }) => ({
    codes: [...storage.sql.exec('SELECT * FROM code')],
    outbox: [...storage.sql.exec('SELECT * FROM outbox')],
  }));

/** Stops the clock at the whole second that comes next; it goes on as the test says. */
function stopClock(): number {
  const now = Math.ceil(Date.now() / 1000) * 1000;
  vi.useFakeTimers({ toFake: ['Date'], now });
  return now;
}

/** One request to the whole Worker, by the operator. */
async function send(path: string, body: object) {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  const request = new Request(`http://sallyport.test${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const response = await app.fetch(request, env, context);
  const answer = { status: response.status, body: await response.json<{ details?: { id?: string }[]; verificationCode: string }>() };
  await waitOnExecutionContext(context);
  return answer;
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('a code of a user', () => {
  it('lasts an hour to the millisecond, is told as expired for another, and is then gone', async () => {
    const user = await newUser();
    const began = stopClock();
    const code = await returned(user);
    vi.setSystemTime(began + HOUR - 1);
    expect(await kindOf(user, code)).toBe('right');
    vi.setSystemTime(began + HOUR);
    expect(await kindOf(user, code)).toBe('expired');
    vi.setSystemTime(began + 2 * HOUR - 1);
    await runDurableObjectAlarm(stubOf(user));
    expect(await kindOf(user, code)).toBe('expired');
    vi.setSystemTime(began + 2 * HOUR);
    expect(await runDurableObjectAlarm(stubOf(user))).toBe(true);
    expect(await kindOf(user, code)).toBe('none');
    expect((await rowsOf(user)).codes).toEqual([]);
  });

  it('is refused over HTTP from the moment when it expires: an address does not say so, a password does', async () => {
    const user = await newUser();
    const began = stopClock();
    const email = await send(`/v2/users/${user.id}/email`, { email: 'mini@mouse.com', returnCode: {} });
    const reset = await send(`/v2/users/${user.id}/password_reset`, { returnCode: {} });
    const setPassword = { newPassword: { password: 'N3wS3cret!' }, verificationCode: reset.body.verificationCode };
    const verification = { verificationCode: email.body.verificationCode };
    const answers = async () => {
      const [verified, set] = [
        await send(`/v2/users/${user.id}/email/verify`, verification),
        await send(`/v2/users/${user.id}/password`, setPassword),
      ];
      return [verified, set].map(({ status, body }) => [status, body.details?.[0]?.id]);
    };
    vi.setSystemTime(began + HOUR);
    expect(await answers()).toEqual([
      [400, 'COMMAND-eis9R'],
      [400, 'CODE-QvUQ4P'],
    ]);
    vi.setSystemTime(began + HOUR - 1000);
    expect((await answers()).map(([status]) => status)).toEqual([200, 200]);
  });

  it('that expired is not sent again, and counts no guess', async () => {
    const user = await newUser();
    const began = stopClock();
    const code = await returned(user);
    vi.setSystemTime(began + HOUR);
    for (let i = 0; i < 6; i += 1) expect(await kindOf(user, WRONG)).toBe('expired');
    expect(outcome(await issueCode(walkWith(), user, order({ again: true })))).toBe('EMAIL-5w5ilin4yt');
    vi.setSystemTime(began + HOUR - 1);
    expect(await kindOf(user, code)).toBe('right');
    expect(outcome(await issueCode(walkWith(), user, order({ again: true })))).toBe('ok');
  });

  it('that is replaced begins anew: its hour, and its five guesses', async () => {
    const user = await newUser();
    const began = stopClock();
    const first = await returned(user);
    for (let i = 0; i < 5; i += 1) expect(await kindOf(user, WRONG)).toBe('wrong');
    expect(await kindOf(user, first)).toBe('none');
    vi.setSystemTime(began + HOUR - 1);
    const second = await returned(user);
    for (let i = 0; i < 4; i += 1) expect(await kindOf(user, WRONG)).toBe('wrong');
    vi.setSystemTime(began + 2 * HOUR - 2);
    expect(await kindOf(user, second)).toBe('right');
  });

  it('stays void for as long as it would have lasted, whatever is swept meanwhile', async () => {
    const user = await newUser();
    const began = stopClock();
    const code = await returned(user);
    for (let i = 0; i < 5; i += 1) await guess(user, WRONG);
    for (const later of [1, HOUR / 2, HOUR - 1]) {
      vi.setSystemTime(began + later);
      await runDurableObjectAlarm(stubOf(user));
      expect(await kindOf(user, code)).toBe('none');
    }
  });

  it('tells what it was opened for, and stays open until it is ended by its own id', async () => {
    const user = await newUser();
    const code = await returned(user, { basis: 'other@mouse.com' });
    const right = await guess(user, code);
    if (right.kind !== 'right') throw new Error(right.kind);
    expect(right.basis).toBe('other@mouse.com');
    expect(await guess(user, code)).toEqual(right);
    const newer = await returned(user);
    await endCode(walkWith(), user, 'emailVerification', right.id);
    expect(await kindOf(user, newer)).toBe('right');
    const last = await guess(user, newer);
    if (last.kind === 'right') await endCode(walkWith(), user, 'emailVerification', last.id);
    expect(await kindOf(user, newer)).toBe('none');
  });

  it('is one for each purpose, each with guesses of its own', async () => {
    const user = await newUser();
    const purposes = ['emailVerification', 'phoneVerification', 'passwordReset'] as const;
    const codes = await Promise.all(purposes.map((purpose) => returned(user, { purpose })));
    for (let i = 0; i < 5; i += 1) await guess(user, WRONG, 'passwordReset');
    const kinds = await Promise.all(purposes.map(async (purpose, nth) => (await guess(user, codes[nth] ?? '', purpose)).kind));
    expect(kinds).toEqual(['right', 'right', 'none']);
  });

  it('is stored neither in plain nor as a mere digest that could be tried out', async () => {
    const user = await newUser();
    const code = await returned(user);
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(code)));
    const stored = JSON.stringify(await rowsOf(user));
    for (const form of [code, digest.toHex(), digest.toBase64({ alphabet: 'base64url', omitPadding: true })]) expect(stored).not.toContain(form);
  });

  it('outlives a rotation of the pepper while the older one is listed', async () => {
    const user = await newUser();
    const key = (byte: number) => new Uint8Array(32).fill(byte).toBase64();
    const under = (PEPPER_KEYS: string) => walkWith({ passwords: { ...config.passwords, peppers: keyRing(PEPPER_KEYS, 'SHA-512') } });
    const [older, newer] = [`1:${key(1)}`, `2:${key(2)}`];
    const code = must(await issueCode(under(older), user, order())).code ?? '';
    expect((await guessCode(under(`${newer},${older}`), user, 'emailVerification', code)).kind).toBe('right');
    expect((await guessCode(under(newer), user, 'emailVerification', code)).kind).toBe('wrong');
  });
});

describe('a message with a code of a user', () => {
  const way = { kind: 'sent', urlTemplate: 'https://a.example/{{.UserID}}/{{.Code}}', ownLink: true } as const;
  const sent = async (user: User, changes: Partial<CodeOrder> = {}) => issueCode(walkWith(), user, order({ way, ...changes }));
  const mailsTo = async (address: string) => (await readDevMailbox(env.DB)).filter(({ recipient }) => recipient === address);
  const anAddress = () => `${crypto.randomUUID()}@mouse.com`;

  /** Has the user's cell deliver to the mailbox; where `db` is out of order, a delivery fails and is tried again. */
  const deliverInto = (user: User, db: D1Database) =>
    runInDurableObject(stubOf(user), (instance) => {
      const target = instance as unknown as { env: object };
      target.env = { ...target.env, DEV_MAILBOX: 'true', DB: db };
    });
  const broken = {
    prepare: (query: string) => env.DB.prepare(query),
    batch: () => Promise.reject(new Error('out of order')),
  } as unknown as D1Database;

  /** A code whose message could not be delivered yet. */
  async function undelivered(purpose: CodePurpose = 'emailVerification') {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const user = await newUser();
    const to = anAddress();
    await deliverInto(user, broken);
    stopClock();
    must(await sent(user, { to, basis: to, purpose }));
    // The next try comes sooner after one that failed than after one that is under way.
    await vi.waitFor(async () => expect(Number((await rowsOf(user)).outbox[0]?.due)).toBeLessThan(Date.now() + 2000), 5000);
    return { user, to };
  }
  /** In the user's cell alone, as the directory is out of order. */
  const beginDeletion = async (user: User) =>
    must(await cells.user(user.cell).transit({ userId: user.id, seen: { state: 'active', epoch: user.epoch }, transition: 'delete' }));
  /** Lets a minute go by, in which the mailbox is put in order, and then the alarm ring. */
  async function minuteLater(user: User) {
    vi.setSystemTime(Date.now() + 61_000);
    await deliverInto(user, env.DB);
    await runDurableObjectAlarm(stubOf(user));
    await vi.waitFor(async () => expect((await rowsOf(user)).outbox).toEqual([]), 30_000);
  }

  it('is delivered once when its provider is back, and its code works', async () => {
    const { user, to } = await undelivered();
    await minuteLater(user);
    await minuteLater(user);
    const mails = await mailsTo(to);
    expect(mails).toHaveLength(1);
    const [{ code, url }] = mails as [(typeof mails)[0]];
    expect(url).toBe(`https://a.example/${user.id}/${code}`);
    expect(await guess(user, code)).toMatchObject({ kind: 'right', basis: to });
  });

  it('holds its code sealed while it waits', async () => {
    const { user, to } = await undelivered();
    const stored = JSON.stringify(await rowsOf(user));
    await minuteLater(user);
    const [mail] = await mailsTo(to);
    expect(mail?.code).toHaveLength(6);
    expect(stored).not.toContain(mail?.code);
  });

  it('is not sent any more when its code is void, replaced or expired, its user deleted, or, if it resets a password, stopped', async () => {
    const [guessedAt, replaced, expired, deleted, stopped] = [
      await undelivered(),
      await undelivered(),
      await undelivered(),
      await undelivered(),
      await undelivered('passwordReset'),
    ];
    for (let i = 0; i < 5; i += 1) await guess(guessedAt.user, WRONG);
    await returned(replaced.user);
    await beginDeletion(deleted.user);
    await transit(stopped.user, 'lock');
    for (const { user } of [guessedAt, replaced, deleted, stopped]) await minuteLater(user);
    vi.setSystemTime(Date.now() + HOUR);
    await minuteLater(expired.user);
    const reached = await Promise.all(
      Object.entries({ guessedAt, replaced, expired, deleted, stopped }).map(async ([why, { to }]) => [why, await mailsTo(to)]),
    );
    expect(reached).toEqual(Object.keys({ guessedAt, replaced, expired, deleted, stopped }).map((why) => [why, []]));
  });

  it('that verifies an address reaches a locked user as well', async () => {
    const { user, to } = await undelivered();
    await transit(user, 'lock');
    await minuteLater(user);
    expect(await mailsTo(to)).toHaveLength(1);
  });

  it('leaves nothing in the cell of a user who is deleted: no code, no address, no guess', async () => {
    const { user, to } = await undelivered();
    await guess(user, WRONG);
    const everything = () =>
      runInDurableObject(stubOf(user), (_, { storage }) =>
        ['code', 'outbox', 'sent', 'guess', 'spent']
          .flatMap((table) => [...storage.sql.exec(`SELECT * FROM ${table}`)])
          .map((row) => JSON.stringify(row)),
      );
    const ofTheirs = async () => (await everything()).filter((row) => row.includes(user.id) || row.includes(to));
    expect((await ofTheirs()).length).toBeGreaterThan(3);
    await beginDeletion(user);
    expect(await ofTheirs()).toEqual([]);
  });

  it('goes to an address of a user once in 30 seconds and five times an hour; a code that is handed out counts for nothing', async () => {
    const user = await newUser();
    const to = anAddress();
    await deliverInto(user, env.DB);
    const began = stopClock();
    const at = async (seconds: number) => {
      vi.setSystemTime(began + seconds * 1000);
      return outcome(await sent(user, { to }));
    };
    expect([await at(0), await at(0), await at(29), await at(30), await at(59)]).toEqual(['ok', 'SALLY-Sends', 'SALLY-Sends', 'ok', 'SALLY-Sends']);
    for (const purpose of ['passwordReset', 'phoneVerification'] as const) expect(outcome(await sent(user, { to, purpose }))).toBe('SALLY-Sends');
    expect(outcome(await sent(user, { to: anAddress(), purpose: 'passwordReset' }))).toBe('ok');
    expect([await at(60), await at(90), await at(120), await at(150), await at(3599)]).toEqual(['ok', 'ok', 'ok', 'SALLY-Sends', 'SALLY-Sends']);
    for (let i = 0; i < 6; i += 1) await returned(user, { to });
    expect([await at(3600), await at(3630)]).toEqual(['ok', 'ok']);
    await vi.waitFor(async () => expect(await mailsTo(to)).toHaveLength(7), 30_000);
  });

  it('goes to no more than five addresses an hour for one purpose, one right after the other', async () => {
    const user = await newUser();
    await deliverInto(user, env.DB);
    const began = stopClock();
    const told: unknown[] = [];
    for (let i = 0; i < 6; i += 1) told.push(outcome(await sent(user, { to: anAddress() })));
    expect(told).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'SALLY-Sends']);
    expect(outcome(await sent(user, { to: anAddress(), purpose: 'passwordReset' }))).toBe('ok');
    vi.setSystemTime(began + 3_600_000);
    expect(outcome(await sent(user, { to: anAddress() }))).toBe('ok');
  });

  it('that may not be sent leaves the code that is open', async () => {
    const user = await newUser();
    const to = anAddress();
    await deliverInto(user, env.DB);
    must(await sent(user, { to }));
    const code = await returned(user, { to });
    expect(outcome(await sent(user, { to }))).toBe('SALLY-Sends');
    expect(await kindOf(user, code)).toBe('right');
  });
});
