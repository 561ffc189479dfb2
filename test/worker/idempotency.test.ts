import { evictAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cellOfSession } from '../../src/cells/session-id.ts';
import type { Cells } from '../../src/cells/stubs.ts';
import { EVERYWHERE } from '../../src/core/permission.ts';
import type { UpdateSession } from '../../src/core/session/command.ts';
import { keyRing } from '../../src/crypto/key-ring.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { authenticator } from '../support/authenticator.ts';
import { aTotpUser, SECRET } from './billed-session.ts';
import {
  cells,
  config,
  interposed,
  type Login,
  must,
  newSession,
  newUser,
  outcome,
  PASSWORD,
  passwordCheck,
  patch,
  read,
  tokenAfter,
  walkWith,
} from './world.ts';

const WINDOW_MS = 5 * 60_000;
const metadata: Partial<UpdateSession> = { metadata: [['a', 'MQ==']] };
const repeatableOf = (key: string, command: object) => ({ key, body: JSON.stringify(command) });

/** One PATCH with an Idempotency-Key. */
const keyedPatch = (login: Login, key: string, command: Partial<UpdateSession>, within: Partial<Walk> = {}) =>
  patch(login, command, within, repeatableOf(key, command));

/** One Create with an Idempotency-Key. */
const keyedCreate = (key: string, command: Partial<UpdateSession> = {}, within: Partial<Walk> = {}) =>
  createSession(walkWith(within), {
    cellOf: (random = 0) => `sessions:weur:${random % 50}`,
    sessionIdKeys: config.sessionIdKeys,
    callerId: 'creator',
    command: { checks: {}, metadata: [], ...command },
    repeatable: repeatableOf(key, command),
    now: Date.now(),
  });

/** Cells whose `verb` does its work, and whose answer is then lost. */
const losingTheAnswerOf = (verb: string): Cells => {
  const losing = (name: string) =>
    new Proxy(cells.session(name), {
      get: (target, called) =>
        called !== verb
          ? Reflect.get(target, called)
          : async (...args: unknown[]) => {
              await (Reflect.get(target, called) as unknown as (...given: unknown[]) => Promise<unknown>)(...args);
              throw new Error('the answer was lost');
            },
    });
  return { ...cells, session: losing };
};

/** Cells that fail ahead of `verb`: the walk ends there. */
const endingBefore = (verb: string): Cells =>
  interposed((called) => {
    if (called === verb) throw new Error('the walk ended');
  });

/** What the cell of a session keeps of it, as it stands in the row. */
const rowOf = ({ sessionId, sessionCell }: Login): Promise<string> =>
  runInDurableObject(env.SESSIONS.getByName(sessionCell), (_, state) =>
    String(state.storage.sql.exec('SELECT content FROM session WHERE id = ?', sessionId).one().content),
  );

const newRing = (...numbers: number[]) => numbers.map((number) => `${number}:${crypto.getRandomValues(new Uint8Array(32)).toBase64()}`).join(',');

afterEach(() => {
  vi.useRealTimers();
});

describe('a request with an Idempotency-Key whose answer was lost', () => {
  it.each([
    ['metadata', async () => metadata],
    ['a password', async () => passwordCheck()],
  ])('is answered when it is repeated: %s', async (_, commandFor) => {
    const login = await newSession(await newUser());
    const command = await commandFor();
    await expect(keyedPatch(login, 'key', command, { cells: losingTheAnswerOf('commit') })).rejects.toThrow('lost');
    const { sequence } = must(await read(login)).session;
    const again = must(await keyedPatch(login, 'key', command));
    expect(again.sequence).toBe(sequence);
    expect(outcome(await patch({ ...login, token: again.sessionToken }, { metadata: [['b', 'Mg==']] }))).toBe('ok');
  });

  it('is answered when it is repeated, and was a Create', async () => {
    const user = await newUser();
    const command = { checks: { user: { userId: user.id }, password: { password: PASSWORD } } };
    const key = crypto.randomUUID();
    await expect(keyedCreate(key, command, { cells: losingTheAnswerOf('create') })).rejects.toThrow('lost');
    const [one, two] = [must(await keyedCreate(key, command)), must(await keyedCreate(key, command))];
    expect(one).toEqual(two);
    const sessionCell = (await cellOfSession(one.sessionId, config.sessionIdKeys)) ?? '';
    expect(outcome(await patch({ sessionId: one.sessionId, sessionCell, token: one.sessionToken }, metadata))).toBe('ok');
  });

  it('is answered also after its cell was evicted', async () => {
    const login = await newSession(await newUser());
    const first = must(await keyedPatch(login, 'key', passwordCheck()));
    await evictAllDurableObjects();
    expect(must(await keyedPatch(login, 'key', passwordCheck()))).toEqual(first);
  });
});

describe('a walk that ended between its settle and its commit', () => {
  it.each([
    ['with a key', (login: Login, within: Partial<Walk> = {}) => keyedPatch(login, 'key', passwordCheck(), within)],
    ['without one', (login: Login, within: Partial<Walk> = {}) => patch(login, passwordCheck(), within)],
  ])('is repeated to success, %s', async (_, send) => {
    const login = await newSession(await newUser());
    await expect(send(login, { cells: endingBefore('commit') })).rejects.toThrow('ended');
    expect(must(await read(login)).session.factors).toEqual({});
    expect(outcome(await send(login))).toBe('ok');
    expect(must(await read(login)).session.factors.password).toBeDefined();
  });

  it('is repeated to one session, as a Create', async () => {
    const user = await newUser();
    const command = { checks: { user: { userId: user.id }, password: { password: PASSWORD } } };
    const key = crypto.randomUUID();
    await expect(keyedCreate(key, command, { cells: endingBefore('create') })).rejects.toThrow('ended');
    expect(must(await keyedCreate(key, command))).toEqual(must(await keyedCreate(key, command)));
  });
});

describe('tries of one request that run side by side', () => {
  /** Cells whose settles wait until so many reservations were made. */
  const meeting = (count: number): Cells => {
    let open = () => {};
    const everybody = new Promise<void>((resolve) => {
      open = resolve;
    });
    let reserved = 0;
    return interposed(async (verb) => {
      if (verb !== 'settle') return;
      reserved += 1;
      if (reserved === count) open();
      await everybody;
    });
  };

  it('count a wrong password once', async () => {
    const login = await newSession(await newUser());
    await patch(login, passwordCheck('wrong'));
    const shared = meeting(4);
    const answers = await Promise.all(Array.from({ length: 4 }, () => keyedPatch(login, 'key', passwordCheck('wrong'), { cells: shared })));
    for (const answer of answers) expect(answer).toMatchObject({ problem: { id: 'COMMAND-3M0fs', evidence: { failedAttempts: '2' } } });
    expect(await patch(login, passwordCheck('wrong'))).toMatchObject({ problem: { evidence: { failedAttempts: '3' } } });
  });

  it('are as many attempts as they are when their keys, or their bodies, differ', async () => {
    const login = await newSession(await newUser());
    const shared = meeting(4);
    const answers = await Promise.all([
      keyedPatch(login, 'one', passwordCheck('wrong'), { cells: shared }),
      keyedPatch(login, 'two', passwordCheck('wrong'), { cells: shared }),
      keyedPatch(login, 'two', passwordCheck('worse'), { cells: shared }),
      patch(login, passwordCheck('wrong'), { cells: shared }),
    ]);
    const counts = answers.map((answer) => (answer.ok ? 0 : Number(answer.problem.evidence?.failedAttempts)));
    expect(counts.sort()).toEqual([1, 2, 3, 4]);
  });

  it('share one verdict, and of those that pass one commits', async () => {
    const login = await newSession(await newUser());
    const shared = meeting(4);
    const answers = await Promise.all(Array.from({ length: 4 }, () => keyedPatch(login, 'key', passwordCheck(), { cells: shared })));
    const [first] = answers.map(must);
    for (const answer of answers) expect(must(answer)).toEqual(first);
    expect(must(await read(login)).session.sequence).toBe(first?.sequence);
  });

  it('are both answered when one begins ahead of the other and fails its check after it', async () => {
    const user = await newUser();
    const login = await newSession(user);
    let first: Awaited<ReturnType<typeof keyedPatch>> | undefined;
    const overtaken = interposed(async (verb) => {
      if (verb !== 'reserve' || first) return;
      first = await keyedPatch(login, 'key', passwordCheck());
      await env.DB.prepare('UPDATE user SET password_hash = NULL WHERE id = ?').bind(user.id).run();
      await cells.user(user.cell).forget(user.id);
    });
    const second = await keyedPatch(login, 'key', passwordCheck(), { cells: overtaken });
    expect(must(second)).toEqual(must(first ?? second));
    expect(first).toBeDefined();
  });
});

describe('one key in two sessions', () => {
  it('is no repeat: a TOTP that served in the one serves in no other', async () => {
    const user = await aTotpUser();
    const [one, other] = [await newSession(user), await newSession(user)];
    const totp = { checks: { totp: { code: authenticator(SECRET).code() } } };
    must(await keyedPatch(one, 'key', totp));
    expect(outcome(await keyedPatch(other, 'key', totp))).toBe('TOTP-Auw0a');
  });
});

describe('what is kept for repeats', () => {
  it('is sealed: the row holds neither the token nor the key', async () => {
    const login = await newSession(await newUser());
    const token = tokenAfter(await keyedPatch(login, 'a-key-of-the-caller', passwordCheck()));
    const row = await rowOf(login);
    expect(row).toContain('"answers"');
    for (const secret of [token, token.slice(-43), 'a-key-of-the-caller', PASSWORD]) expect(row).not.toContain(secret);
  });

  it('lasts five minutes, and is then gone from the row by the next sweep', async () => {
    const login = await newSession();
    const began = Date.now();
    const first = must(await keyedPatch(login, 'key', metadata));
    vi.useFakeTimers({ toFake: ['Date'], now: began + WINDOW_MS - 1000 });
    expect(must(await keyedPatch(login, 'key', metadata))).toEqual(first);
    vi.setSystemTime(began + WINDOW_MS + 1000);
    expect(outcome(await keyedPatch(login, 'key', metadata))).toBe('COMMAND-sGr42');
    expect(await rowOf(login)).toContain('"sealed"');
    vi.setSystemTime(began + WINDOW_MS + 61_000);
    expect(await runDurableObjectAlarm(env.SESSIONS.getByName(login.sessionCell))).toBe(true);
    expect(await rowOf(login)).not.toContain('"sealed"');
    expect(outcome(await patch({ ...login, token: first.sessionToken }, { metadata: [['b', 'Mg==']] }))).toBe('ok');
  });

  it('of a Create lasts five minutes; after it the same key makes another session', async () => {
    const key = crypto.randomUUID();
    const began = Date.now();
    const first = must(await keyedCreate(key));
    vi.useFakeTimers({ toFake: ['Date'], now: began + WINDOW_MS - 1000 });
    expect(must(await keyedCreate(key))).toEqual(first);
    vi.setSystemTime(began + WINDOW_MS + 1000);
    const second = must(await keyedCreate(key));
    expect(second.sessionId).not.toBe(first.sessionId);
    expect(must(await keyedCreate(key))).toEqual(second);
  });

  it('goes with the end of the session', async () => {
    const login = await newSession();
    await keyedPatch(login, 'key', metadata);
    const ending = { sessionId: login.sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE };
    must(await cells.session(login.sessionCell).terminate(ending));
    expect(await rowOf(login)).not.toContain('"sealed"');
  });

  it('is no more than the latest 32 answers of a session; a Create that was pushed out is refused, and not made again', async () => {
    const key = crypto.randomUUID();
    const created = must(await keyedCreate(key));
    const sessionCell = (await cellOfSession(created.sessionId, config.sessionIdKeys)) ?? '';
    let login: Login = { sessionId: created.sessionId, sessionCell, token: created.sessionToken };
    for (let n = 0; n < 32; n += 1) {
      const token = tokenAfter(await keyedPatch(login, `key ${n}`, { metadata: [['n', btoa(String(n))]] }));
      login = { ...login, token };
    }
    expect(JSON.parse(await rowOf(login)).answers).toHaveLength(32);
    expect(outcome(await keyedCreate(key))).toBe('SALLY-Forgotten');
  });
});

describe('the keys of repeats, rotated', () => {
  const [older, newer] = [newRing(1), newRing(2)];
  const before = { idempotencyKeys: keyRing(older, 'SHA-256'), sealKeys: keyRing(older, 'AES-GCM') };
  const during = { idempotencyKeys: keyRing(`${newer},${older}`, 'SHA-256'), sealKeys: keyRing(`${newer},${older}`, 'AES-GCM') };
  const after = { idempotencyKeys: keyRing(newer, 'SHA-256'), sealKeys: keyRing(newer, 'AES-GCM') };

  it('recognise and open what was kept under the older key', async () => {
    const login = await newSession();
    const first = must(await keyedPatch(login, 'key', metadata, before));
    expect(must(await keyedPatch(login, 'key', metadata, during))).toEqual(first);
    const key = crypto.randomUUID();
    const created = must(await keyedCreate(key, metadata, before));
    expect(must(await keyedCreate(key, metadata, during))).toEqual(created);
    expect(outcome(await keyedCreate(key, {}, during))).toBe('SALLY-KeyReused');
  });

  it('keep what is new under the newer key alone', async () => {
    const login = await newSession();
    const first = must(await keyedPatch(login, 'key', metadata, during));
    expect(must(await keyedPatch(login, 'key', metadata, after))).toEqual(first);
  });

  it('when the older one is dropped too early, leave a repeat refused and the session whole', async () => {
    const login = await newSession();
    const first = must(await keyedPatch(login, 'key', metadata, before));
    expect(outcome(await keyedPatch(login, 'key', metadata, after))).toBe('COMMAND-sGr42');
    expect(outcome(await keyedPatch(login, 'key', metadata, { ...before, sealKeys: after.sealKeys }))).toBe('SALLY-Forgotten');
    expect(outcome(await keyedPatch({ ...login, token: first.sessionToken ?? '' }, 'next', passwordless, after))).toBe('ok');
  });

  const passwordless: Partial<UpdateSession> = { metadata: [['b', 'Mg==']] };
});

describe('the key of session ids, rotated', () => {
  const [older, newer] = [newRing(1), newRing(2)];

  it('leaves live sessions where they are until it is dropped, and then they are unknown', async () => {
    const before = keyRing(older, 'SHA-256');
    const created = must(
      await createSession(walkWith(), {
        cellOf: () => 'sessions:weur:7',
        sessionIdKeys: before,
        callerId: 'creator',
        command: { checks: {}, metadata: [] },
        now: Date.now(),
      }),
    );
    const sessionCell = await cellOfSession(created.sessionId, keyRing(`${newer},${older}`, 'SHA-256'));
    expect(sessionCell).toBe('sessions:weur:7');
    expect(outcome(await patch({ sessionId: created.sessionId, sessionCell: 'sessions:weur:7', token: created.sessionToken }, metadata))).toBe('ok');
    expect(await cellOfSession(created.sessionId, keyRing(newer, 'SHA-256'))).toBeUndefined();
  });
});
