import { evictAllDurableObjects } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Cells } from '../../src/cells/stubs.ts';
import type { UpdateSession } from '../../src/core/session/command.ts';
import { findTotp, registerTotp, removeTotp, verifyTotp } from '../../src/directory/totp.ts';
import { findUserDetails, type User } from '../../src/directory/users.ts';
import { sealSeed } from '../../src/login-step/totp-seed.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { authenticator } from '../support/authenticator.ts';
import { cells, config, interposed, must, newSession, newUser, outcome, patch, read, transit } from './world.ts';

const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const STEP_MS = 30_000;
const app = authenticator(SECRET);

const totp = (code: string): Partial<UpdateSession> => ({ checks: { totp: { code } } });

/** A person with a TOTP. */
async function aUser(overrides: { cell?: string } = {}): Promise<User> {
  const user = await newUser(overrides);
  const seed = await sealSeed(config.sealKeys, user.id, SECRET);
  await registerTotp(env.DB, user.id, seed, Date.now());
  await verifyTotp(env.DB, user.id, seed, Date.now());
  return user;
}

/** Stops the clock in the middle of a step. @returns that moment */
function midStep(): number {
  const now = Math.floor(Date.now() / STEP_MS) * STEP_MS + STEP_MS / 2;
  vi.useFakeTimers({ toFake: ['Date'], now });
  return now;
}

/** One PATCH with an Idempotency-Key. */
const keyedPatch = (login: Parameters<typeof patch>[0], command: Partial<UpdateSession>, within: Partial<Walk> = {}) =>
  patch(login, command, within, { key: 'key', body: JSON.stringify(command) });

/** Cells that fail ahead of `verb`: the walk ends there. */
const endingBefore = (verb: string): Cells =>
  interposed((called) => {
    if (called === verb) throw new Error('the walk ended');
  });

/** Cells that count how often `verb` is called. */
function counting(verb: string) {
  const counted = { calls: 0, cells };
  counted.cells = interposed((called) => {
    if (called === verb) counted.calls += 1;
  });
  return counted;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a TOTP code', () => {
  it('passes in its step and the ones beside it, to the millisecond, and no farther away', async () => {
    const middle = midStep();
    const code = app.codeAt(middle);
    const [begin, end] = [middle - STEP_MS / 2, middle + STEP_MS / 2];
    for (const [at, expected] of [
      [begin - STEP_MS - 1, 'EVENT-8isk2'],
      [begin - STEP_MS, 'ok'],
      [middle, 'ok'],
      [end + STEP_MS - 1, 'ok'],
      [end + STEP_MS, 'EVENT-8isk2'],
    ] as const) {
      const user = await aUser();
      vi.setSystemTime(at);
      expect(outcome(await patch(await newSession(user), totp(code))), String(at - middle)).toBe(expected);
    }
  });

  it('spends its own step: the codes before and after it pass, each once', async () => {
    const now = midStep();
    const login = { ...(await newSession(await aUser())), token: undefined };
    const codes = [app.codeAt(now), app.codeAt(now - STEP_MS), app.codeAt(now + STEP_MS)];
    for (const code of codes) expect(outcome(await patch(login, totp(code)))).toBe('ok');
    for (const code of codes) expect(outcome(await patch(login, totp(code)))).toBe('TOTP-Auw0a');
  });

  it('stays spent for as long as it would be accepted', async () => {
    const now = midStep();
    const login = { ...(await newSession(await aUser())), token: undefined };
    const code = app.codeAt(now + STEP_MS);
    expect(outcome(await patch(login, totp(code)))).toBe('ok');
    for (const later of [STEP_MS, 2 * STEP_MS, 2.4 * STEP_MS]) {
      vi.setSystemTime(now + later);
      expect(outcome(await patch(login, totp(code)))).toBe('TOTP-Auw0a');
    }
    vi.setSystemTime(now + 2.5 * STEP_MS);
    expect(outcome(await patch(login, totp(code)))).toBe('EVENT-8isk2');
  });

  it('is refused, right or wrong, once ten wrong ones have locked the method, and passes a quarter of an hour later', async () => {
    let now = midStep();
    const user = await aUser();
    const login = await newSession(user);
    const wait = (ms: number) => {
      now += ms;
      vi.setSystemTime(now);
    };
    for (let failures = 1; failures <= 10; failures += 1) {
      expect(outcome(await patch(login, totp(app.wrongCode())))).toBe('EVENT-8isk2');
      if (failures >= 5 && failures < 10) {
        expect(outcome(await patch(login, totp(app.codeAt(now))))).toBe('SALLY-BackOff');
        wait(1000 * 2 ** (failures - 5));
      }
    }
    for (const code of [app.codeAt(now), app.wrongCode()]) {
      const refused = await patch(login, totp(code));
      expect(refused).toMatchObject({ problem: { id: 'COMMAND-SF3fg', kind: 'failed-precondition', evidence: { retryAfterSeconds: '900' } } });
      expect(refused).not.toHaveProperty('problem.evidence.failedAttempts');
    }
    wait(15 * 60_000 - 1);
    expect(outcome(await patch(login, totp(app.codeAt(now))))).toBe('COMMAND-SF3fg');
    wait(1);
    expect(outcome(await patch(login, totp(app.codeAt(now))))).toBe('ok');
  });

  it('of a user who is stopped is not looked at', async () => {
    const user = await aUser();
    const login = await newSession(user);
    await transit(user, 'lock');
    for (const code of [app.code(), app.wrongCode()]) expect(outcome(await patch(login, totp(code)))).toBe('SESSION-Gj4ko');
  });

  it('is told clearly to be unreadable when the key of its seed is gone, and counts for nothing', async () => {
    const user = await aUser();
    const login = await newSession(user);
    const other = { sealKeys: { newest: 9, keys: new Map() } };
    for (let n = 0; n < 11; n += 1) expect(outcome(await patch(login, totp(app.code()), other))).toBe('SALLY-Sealed');
    expect(outcome(await patch(login, totp(app.code())))).toBe('ok');
  });
});

describe('a spent step', () => {
  it('stays spent for others when every cell was evicted after the settle; the same request succeeds when it is repeated', async () => {
    const now = midStep();
    const user = await aUser();
    const [login, other] = [await newSession(user), await newSession(user)];
    await expect(patch(login, totp(app.codeAt(now)), { cells: endingBefore('commit') })).rejects.toThrow('ended');
    await evictAllDurableObjects();
    expect(outcome(await patch(other, totp(app.codeAt(now))))).toBe('TOTP-Auw0a');
    expect(must(await read(login)).session.factors).toEqual({});
    expect(outcome(await patch(login, totp(app.codeAt(now))))).toBe('ok');
    await evictAllDurableObjects();
    expect(outcome(await patch(other, totp(app.codeAt(now))))).toBe('TOTP-Auw0a');
  });

  it('is known by its user: a user in the same cell with the same secret spends their own', async () => {
    const now = midStep();
    const cell = `users:weur:${crypto.randomUUID()}`;
    for (let n = 0; n < 2; n += 1) {
      const login = await newSession(await aUser({ cell }));
      expect(outcome(await patch(login, totp(app.codeAt(now))))).toBe('ok');
    }
  });

  it('is still its own for a request without a token that was overtaken and begins again on top', async () => {
    const now = midStep();
    const user = await aUser();
    const [login, other] = [{ ...(await newSession(user)), token: undefined }, await newSession(user)];
    let overtaken = false;
    const rival = interposed(async (verb) => {
      if (verb !== 'commit' || overtaken) return;
      overtaken = true;
      must(await patch(login, { metadata: [['rival', 'MQ==']] }));
    });
    expect(outcome(await patch(login, totp(app.codeAt(now)), { cells: rival }))).toBe('ok');
    expect(overtaken).toBe(true);
    for (const again of [login, other]) expect(outcome(await patch(again, totp(app.codeAt(now))))).toBe('TOTP-Auw0a');
  });

  it('is not its own for one that was overtaken by a request with the same code', async () => {
    const now = midStep();
    const login = { ...(await newSession(await aUser())), token: undefined };
    let overtaken = false;
    const rival = interposed(async (verb) => {
      if (verb !== 'commit' || overtaken) return;
      overtaken = true;
      expect(outcome(await patch(login, totp(app.codeAt(now))))).toBe('ok');
    });
    expect(outcome(await patch(login, totp(app.codeAt(now)), { cells: rival }))).toBe('TOTP-Auw0a');
  });
});

describe('a PATCH with a TOTP check and an Idempotency-Key', () => {
  it('is told the same when it is repeated, and spends once', async () => {
    const now = midStep();
    const user = await aUser();
    const [login, other] = [await newSession(user), await newSession(user)];
    const first = must(await keyedPatch(login, totp(app.codeAt(now))));
    const again = counting('settle');
    expect(must(await keyedPatch(login, totp(app.codeAt(now)), { cells: again.cells }))).toEqual(first);
    expect(again.calls).toBe(0);
    expect(outcome(await patch(other, totp(app.codeAt(now))))).toBe('TOTP-Auw0a');
    // Also when the code is none any more.
    vi.setSystemTime(now + 3 * STEP_MS);
    expect(must(await keyedPatch(login, totp(app.codeAt(now))))).toEqual(first);
  });

  it('is told the same 16 times at once', async () => {
    const now = midStep();
    const user = await aUser();
    const [login, other] = [await newSession(user), await newSession(user)];
    const answers = await Promise.all(Array.from({ length: 16 }, () => keyedPatch(login, totp(app.codeAt(now)))));
    const [first] = answers.map(must);
    for (const answer of answers) expect(must(answer)).toEqual(first);
    expect(must(await read(login)).session.sequence).toBe(first?.sequence);
    expect(outcome(await patch(other, totp(app.codeAt(now))))).toBe('TOTP-Auw0a');
    const next = { ...login, token: first?.sessionToken };
    expect(outcome(await patch(next, totp(app.codeAt(now + STEP_MS))))).toBe('ok');
  });

  it('succeeds when it is repeated after its walk ended between settle and commit, and the step is spent for everybody else', async () => {
    const now = midStep();
    const user = await aUser();
    const [login, other] = [await newSession(user), await newSession(user)];
    const command = totp(app.codeAt(now));
    await expect(keyedPatch(login, command, { cells: endingBefore('commit') })).rejects.toThrow('ended');
    expect(outcome(await patch(other, command))).toBe('TOTP-Auw0a');
    const again = (await Promise.all(Array.from({ length: 4 }, () => keyedPatch(login, command)))).map(must);
    for (const answer of again) expect(answer).toEqual(again[0]);
    expect(must(await read(login)).session.factors.totp).toBeDefined();
    expect(outcome(await patch(other, command))).toBe('TOTP-Auw0a');
  });

  it('succeeds when it is repeated without a token after its walk ended and another change came on top', async () => {
    const now = midStep();
    const user = await aUser();
    const [login, other] = [{ ...(await newSession(user)), token: undefined }, await newSession(user)];
    const command = totp(app.codeAt(now));
    await expect(keyedPatch(login, command, { cells: endingBefore('commit') })).rejects.toThrow('ended');
    must(await patch(login, { metadata: [['rival', 'MQ==']] }));
    const [one, two] = await Promise.all([keyedPatch(login, command), keyedPatch(login, command)]);
    expect(must(one)).toEqual(must(two));
    for (const again of [login, other]) expect(outcome(await patch(again, command))).toBe('TOTP-Auw0a');
  });
});

describe('the registration of a TOTP', () => {
  it('is sealed at rest, for its user alone', async () => {
    const user = await aUser();
    const rows = JSON.stringify((await env.DB.prepare('SELECT * FROM totp WHERE user_id = ?').bind(user.id).all()).results);
    expect(rows).toContain('"seed":"1.');
    expect(rows).not.toContain(SECRET);
    // Another's seed in the place of one's own opens nothing.
    const [thief, own] = [await aUser(), await findTotp(env.DB, user.id)];
    await env.DB.prepare('UPDATE totp SET seed = ?2 WHERE user_id = ?1').bind(thief.id, own?.seed).run();
    expect(outcome(await patch(await newSession(thief), totp(app.code())))).toBe('SALLY-Sealed');
  });

  it('is verified by the seed that was read, and not when another has come in its place', async () => {
    const user = await newUser();
    await registerTotp(env.DB, user.id, 'older', 1);
    expect(await registerTotp(env.DB, user.id, 'newer', 2)).toBeDefined();
    expect(await verifyTotp(env.DB, user.id, 'older', 3)).toBeUndefined();
    expect(await findTotp(env.DB, user.id)).toEqual({ seed: 'newer', verified: false });
    expect(await verifyTotp(env.DB, user.id, 'newer', 4)).toBeDefined();
    expect(await verifyTotp(env.DB, user.id, 'newer', 5)).toBeUndefined();
    expect(await registerTotp(env.DB, user.id, 'newest', 6)).toBeUndefined();
    expect(await findTotp(env.DB, user.id)).toEqual({ seed: 'newer', verified: true });
  });

  it('counts as one change of its user each time that something changed, and only then', async () => {
    const user = await newUser();
    const sequence = async () => (await findUserDetails(env.DB, user.id))?.sequence;
    const before = (await sequence()) ?? 0;
    await registerTotp(env.DB, user.id, 'seed', 1);
    await verifyTotp(env.DB, user.id, 'other', 2);
    await verifyTotp(env.DB, user.id, 'seed', 3);
    await registerTotp(env.DB, user.id, 'next', 4);
    expect(await sequence()).toBe(before + 2);
    expect(await removeTotp(env.DB, user.id, 5)).toBeDefined();
    expect(await removeTotp(env.DB, user.id, 6)).toBeUndefined();
    expect(await findUserDetails(env.DB, user.id)).toMatchObject({ sequence: before + 3, changeDate: 5 });
  });

  it('is made for people alone, and goes with its user', async () => {
    const machine = await newUser({ kind: 'machine' });
    expect(await registerTotp(env.DB, machine.id, 'seed', 1)).toBeUndefined();
    const user = await aUser();
    await transit(user, 'delete');
    expect(await findTotp(env.DB, user.id)).toBeUndefined();
    expect(await registerTotp(env.DB, user.id, 'seed', 1)).toBeUndefined();
    expect(await findTotp(env.DB, user.id)).toBeUndefined();
  });
});
