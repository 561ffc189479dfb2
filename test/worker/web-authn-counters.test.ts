import { evictAllDurableObjects, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Settle } from '../../src/cells/user-protocol.ts';
import { removeCredential } from '../../src/directory/credentials.ts';
import { registerTotp, verifyTotp } from '../../src/directory/totp.ts';
import type { User } from '../../src/directory/users.ts';
import { sealSeed } from '../../src/login-step/totp-seed.ts';
import { authenticator } from '../support/authenticator.ts';
import { answered, asking, challenged, countersOf, giving, newPasskeyUser, register, rowsOf } from './passkey-user.ts';
import { cells, config, interposed, must, newSession, newUser, outcome, patch, read, tokenAfter, transit } from './world.ts';

const MINUTE = 60_000;
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const app = authenticator(SECRET);

/** Stops the clock at the whole minute that comes next. @returns that moment */
function stopClock(): number {
  const now = Math.ceil(Date.now() / MINUTE) * MINUTE + MINUTE / 4;
  vi.useFakeTimers({ toFake: ['Date'], now });
  return now;
}

async function addTotp(user: User): Promise<void> {
  const seed = await sealSeed(config.sealKeys, user.id, SECRET);
  await cells.user(user.cell).forget(user.id);
  await registerTotp(env.DB, user.id, seed, Date.now());
  await verifyTotp(env.DB, user.id, seed, Date.now());
  await cells.user(user.cell).forget(user.id);
}

async function remove(user: User, id: string): Promise<void> {
  await cells.user(user.cell).forget(user.id);
  expect(await removeCredential(env.DB, { id, userId: user.id, kind: 'passkey' }, Date.now())).toBeDefined();
  await cells.user(user.cell).forget(user.id);
}

/** Signs in anew with a counter that stands at this. */
const signedIn = async ({ user, passkey }: Pick<Awaited<ReturnType<typeof newPasskeyUser>>, 'user' | 'passkey'>, signCount: number) =>
  outcome((await answered(await newSession(user), passkey, { signCount })).result);

/** Reserves an attempt in a user's cell. @returns how it is settled with a counter */
async function reserved(user: User, tokenId: string, shared?: string) {
  const cell = cells.user(user.cell);
  await cell.load(user.id);
  const reservation = await cell.reserve({ userId: user.id, tries: [{ method: 'webAuthN' }], shared });
  if (reservation.kind !== 'reserved') throw new Error(reservation.kind);
  return async (count: number, spender: Pick<Settle, 'attemptId' | 'requestId'>, registered = 0) => {
    const signCount = { tokenId, kind: 'passkey' as const, count, registered };
    const verdicts = [{ method: 'webAuthN' as const, passed: true, signCount }];
    const settled = await cell.settle({ reservationId: reservation.id, userId: user.id, ...spender, verdicts });
    return settled.kind === 'settled' ? (settled.usedBefore ?? 'ok') : settled.kind;
  };
}

const endingBeforeCommit = () =>
  interposed((verb) => {
    if (verb === 'commit') throw new Error('the walk ended');
  });

afterEach(() => {
  vi.useRealTimers();
});

describe('the counter of a credential', () => {
  it('goes on from where it stood when the credential was registered, and from each use', async () => {
    const person = await newPasskeyUser({ signCount: 7 });
    for (const [count, expected] of [
      [7, 'WEBAU-4M90s'],
      [1, 'WEBAU-4M90s'],
      [0, 'WEBAU-4M90s'],
      [8, 'ok'],
      [8, 'WEBAU-4M90s'],
      [20, 'ok'],
      [19, 'WEBAU-4M90s'],
      [0, 'WEBAU-4M90s'],
      [2 ** 32 - 1, 'ok'],
    ] as const)
      expect([count, await signedIn(person, count)]).toEqual([count, expected]);
    expect(await countersOf(person.user)).toEqual({ [person.id]: 2 ** 32 - 1 });
  });

  it('that is 0 each time is let pass and written down nowhere, until it counts', async () => {
    const person = await newPasskeyUser();
    for (const _ of [1, 2, 3]) expect(await signedIn(person, 0)).toBe('ok');
    expect(await rowsOf(person.user, 'spent')).toEqual([]);
    expect([await signedIn(person, 1), await signedIn(person, 0)]).toEqual(['ok', 'WEBAU-4M90s']);
  });

  it('is known to all of the user’s sessions, in one row however often and with however many credentials', async () => {
    const one = await newPasskeyUser();
    const other = { user: one.user, ...(await register(one.user)) };
    for (let count = 1; count <= 6; count += 1) {
      expect(await signedIn(one, count)).toBe('ok');
      expect(await signedIn(other, 10 * count)).toBe('ok');
    }
    expect(await rowsOf(one.user, 'spent')).toHaveLength(1);
    expect(await countersOf(one.user)).toEqual({ [one.id]: 6, [other.id]: 60 });
    expect([await signedIn(one, 6), await signedIn(other, 60)]).toEqual(['WEBAU-4M90s', 'WEBAU-4M90s']);
  });

  it('is still known after every cell was evicted', async () => {
    const person = await newPasskeyUser();
    expect(await signedIn(person, 5)).toBe('ok');
    await evictAllDurableObjects();
    expect([await signedIn(person, 5), await signedIn(person, 6)]).toEqual(['WEBAU-4M90s', 'ok']);
  });

  it('only ever grows, also when many sessions come at once: each count succeeds once at most, and none behind a greater one', async () => {
    const { user, id, passkey } = await newPasskeyUser();
    const stub = env.USERS.getByName(user.cell);
    const written = await runInDurableObject(stub, (_, { storage }) => {
      const counts: number[] = [];
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        if (query.startsWith('INSERT OR REPLACE INTO spent')) counts.push(JSON.parse(String(bindings[2])).at(-1).count);
        return exec(query, ...bindings);
      }) as typeof exec;
      return counts;
    });
    const counts = [3, 1, 2, 4, 1, 3, 2, 4, 4, 1, 3, 2];
    const attempts = await Promise.all(
      counts.map(async (signCount) => {
        const { login, options } = await challenged(await newSession(user));
        return { login, signCount, assertion: await passkey.get(options.challenge, { signCount }) };
      }),
    );
    const outcomes = await Promise.all(attempts.map(async ({ login, assertion }) => outcome(await patch(login, giving(assertion)))));
    expect(new Set(outcomes)).toEqual(new Set(['ok', 'WEBAU-4M90s']));
    const passed = counts.filter((_, n) => outcomes[n] === 'ok').sort();
    expect(written).toEqual(passed);
    expect(new Set(written).size).toBe(written.length);
    expect(await countersOf(user)).toEqual({ [id]: 4 });
    expect(await rowsOf(user, 'trail')).toHaveLength(counts.length - passed.length);
  });

  it('is told by any number of attempts side by side: a signature cannot be guessed, so none waits for its rivals', async () => {
    const user = await newUser();
    const settles = [];
    for (let n = 0; n < 20; n += 1) settles.push(await reserved(user, 'a-credential'));
    const outcomes = [];
    for (const [n, settle] of settles.entries()) outcomes.push(await settle(n + 1, { attemptId: String(n) }));
    expect(outcomes).toEqual(settles.map(() => 'ok'));
  });

  it('of a user is none of another’s in the same cell', async () => {
    const cell = `users:weur:${crypto.randomUUID()}`;
    const [one, other] = [await newUser({ cell }), await newUser({ cell })];
    const settle = async (user: User) => (await reserved(user, 'a-credential'))(5, { attemptId: crypto.randomUUID() });
    expect([await settle(one), await settle(other), await settle(one)]).toEqual(['ok', 'ok', 'webAuthN']);
  });

  it('is forgotten once its credential is gone, at the next use of another', async () => {
    const one = await newPasskeyUser();
    const other = { user: one.user, ...(await register(one.user)) };
    expect([await signedIn(one, 5), await signedIn(other, 5)]).toEqual(['ok', 'ok']);
    await remove(one.user, one.id);
    expect(await countersOf(one.user)).toEqual({ [one.id]: 5, [other.id]: 5 });
    expect(await signedIn(other, 6)).toBe('ok');
    expect(await countersOf(one.user)).toEqual({ [other.id]: 6 });
  });

  it('is remembered beside an attempt in flight, which may have begun before its credential was gone', async () => {
    const one = await newPasskeyUser();
    const other = { user: one.user, ...(await register(one.user)) };
    expect(await signedIn(one, 5)).toBe('ok');
    await remove(one.user, one.id);
    const rival = await reserved(one.user, one.id);
    expect(await signedIn(other, 6)).toBe('ok');
    expect(await countersOf(one.user)).toEqual({ [one.id]: 5, [other.id]: 6 });
    expect(await rival(5, { attemptId: 'rival' })).toBe('webAuthN');
    expect(await signedIn(other, 7)).toBe('ok');
    expect(await countersOf(one.user)).toEqual({ [other.id]: 7 });
  });

  it('goes with its user', async () => {
    const person = await newPasskeyUser();
    expect(await signedIn(person, 5)).toBe('ok');
    await transit(person.user, 'delete');
    expect(await rowsOf(person.user, 'spent')).toEqual([]);
  });
});

describe('a counter that was told', () => {
  it('may be told again by the same request when its walk broke off before the commit, and by no other session', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const assertion = await passkey.get(options.challenge, { signCount: 5 });
    await expect(patch(login, giving(assertion), { cells: endingBeforeCommit() })).rejects.toThrow('ended');
    await evictAllDurableObjects();
    expect(await signedIn({ user, passkey }, 5)).toBe('WEBAU-4M90s');
    expect(must(await read(login)).session.factors).toEqual({});
    expect(outcome(await patch(login, giving(assertion)))).toBe('ok');
    expect(must(await read(login)).session.factors.webAuthN).toMatchObject({ userVerified: true });
    expect(await signedIn({ user, passkey }, 5)).toBe('WEBAU-4M90s');
    expect(await signedIn({ user, passkey }, 6)).toBe('ok');
  });

  for (const named of [true, false]) {
    for (let step = 1; step <= 7; step += 1) {
      const whose = named ? 'of its user' : 'without a user';
      it(`is not lost with the cells that are evicted before call ${step} of a walk ${whose}: it succeeds, or does when it is repeated`, async () => {
        const { user, id, passkey } = await newPasskeyUser();
        const { login, options } = await challenged(await newSession(named ? user : undefined));
        const before = must(await read(login)).session;
        const evicting = interposed(async (_, nth) => {
          if (nth === step) await evictAllDurableObjects();
        });
        const command = giving(await passkey.get(options.challenge, { signCount: 5 }));
        const first = await patch(login, command, { cells: evicting });
        if (!first.ok) {
          expect(first.problem.kind).toBe('unavailable');
          expect(must(await read(login)).session).toEqual(before);
        }
        expect(outcome(first.ok ? first : await patch(login, command))).toBe('ok');
        expect(await countersOf(user)).toEqual({ [id]: 5 });
        expect(await signedIn({ user, passkey }, 5)).toBe('WEBAU-4M90s');
        expect(await rowsOf(user, 'trail')).toHaveLength(1);
      });
    }
  }

  it('is not told again by that request once another session has told a greater one', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    const assertion = await passkey.get(options.challenge, { signCount: 5 });
    await expect(patch(login, giving(assertion), { cells: endingBeforeCommit() })).rejects.toThrow('ended');
    expect(await signedIn({ user, passkey }, 6)).toBe('ok');
    expect(outcome(await patch(login, giving(assertion)))).toBe('WEBAU-4M90s');
  });

  for (const times of [1, 2]) {
    it(`is still its own for a request without a token that was overtaken ${times === 1 ? 'once' : 'twice'} and begins again on top`, async () => {
      const { user, passkey } = await newPasskeyUser();
      expect(await signedIn({ user, passkey }, 4)).toBe('ok');
      const { login, options } = await challenged({ ...(await newSession(user)), token: undefined });
      const assertion = await passkey.get(options.challenge, { signCount: 5 });
      let overtaken = 0;
      const rival = interposed(async (verb) => {
        if (verb !== 'commit' || overtaken === times) return;
        overtaken += 1;
        must(await patch(login, { metadata: [[`rival-${overtaken}`, 'MQ==']] }));
      });
      expect(outcome(await patch(login, giving(assertion), { cells: rival }))).toBe('ok');
      expect(overtaken).toBe(times);
      expect(await rowsOf(user, 'trail')).toEqual([]);
      expect(outcome(await patch(login, giving(assertion)))).toBe('COMMAND-Ioqu5');
      expect(await signedIn({ user, passkey }, 5)).toBe('WEBAU-4M90s');
    });
  }

  it('is not its own for one that was overtaken by a request with the same assertion', async () => {
    const { user, passkey } = await newPasskeyUser();
    const { login, options } = await challenged({ ...(await newSession(user)), token: undefined });
    await challenged(login);
    const assertion = await passkey.get(options.challenge, { signCount: 5 });
    let overtaken = 0;
    const rival = interposed(async (verb) => {
      if (verb !== 'commit' || overtaken > 0) return;
      overtaken += 1;
      expect(outcome(await patch(login, giving(assertion)))).toBe('ok');
    });
    expect(outcome(await patch(login, giving(assertion), { cells: rival }))).toBe('WEBAU-3M9si');
    expect(overtaken).toBe(1);
  });

  it('is the attempt’s own for five minutes to the millisecond, and only as it was told', async () => {
    const now = stopClock();
    const user = await newUser();
    for (const [later, count, expected] of [
      [5 * MINUTE - 1, 5, 'ok'],
      [5 * MINUTE, 5, 'webAuthN'],
      [1, 4, 'webAuthN'],
      [1, 0, 'webAuthN'],
      [1, 6, 'ok'],
    ] as const) {
      const credential = crypto.randomUUID();
      vi.setSystemTime(now);
      expect(await (await reserved(user, credential))(5, { attemptId: 'a' })).toBe('ok');
      vi.setSystemTime(now + later);
      expect([later, count, await (await reserved(user, credential))(count, { attemptId: 'a' })]).toEqual([later, count, expected]);
    }
  });

  it('is the request’s own as long as no other request told the same as that attempt', async () => {
    const user = await newUser();
    const settle = async (attemptId: string, requestId: string) => (await reserved(user, 'a-credential'))(5, { attemptId, requestId });
    expect(await settle('a', 'one')).toBe('ok');
    expect(await settle('b', 'one')).toBe('ok');
    expect(await settle('b', 'two')).toBe('ok');
    // Now it may be either's that was committed: only the attempt itself still has it.
    expect([await settle('c', 'one'), await settle('c', 'two'), await settle('b', 'one')]).toEqual(['webAuthN', 'webAuthN', 'ok']);
  });
});

describe('whatever a user’s credentials sign, in whichever order it is settled', () => {
  interface Told {
    readonly nth: number;
    readonly count: number;
    readonly attemptId: string;
    readonly requestId: string | undefined;
    readonly passesMs: number;
  }
  const told: fc.Arbitrary<Told> = fc.record({
    nth: fc.constantFrom(0, 1),
    count: fc.integer({ min: 0, max: 6 }),
    attemptId: fc.constantFrom('1', '2', '3'),
    requestId: fc.constantFrom('x', 'y', undefined),
    passesMs: fc.constantFrom(0, 1, 5 * MINUTE),
  });

  const highestOf = (earlier: readonly Told[]): number => Math.max(0, ...earlier.map(({ count }) => count));

  /** How it has to end, after what passed of the same credential; either way where it is the latest once more, by one who told it. */
  function expected({ count, attemptId, requestId }: Told, earlier: readonly Told[]): string[] {
    const highest = highestOf(earlier);
    if (count > highest || highest === 0) return ['ok'];
    const latest = earlier.filter((each) => each.count === highest);
    const own = latest.some((each) => each.attemptId === attemptId || (requestId !== undefined && each.requestId === requestId));
    return count === highest && own ? ['ok', 'webAuthN'] : ['webAuthN'];
  }

  it('passes only beyond all that passed before, or as its own latest, or where nothing was ever counted', async () => {
    stopClock();
    await fc.assert(
      fc.asyncProperty(fc.array(told, { minLength: 2, maxLength: 12 }), async (all) => {
        const { user, id } = await newPasskeyUser();
        const ids = [id, (await register(user)).id];
        const passed: Told[] = [];
        for (const each of all) {
          vi.setSystemTime(Date.now() + each.passesMs);
          const earlier = passed.filter(({ nth }) => nth === each.nth);
          const credential = ids[each.nth] ?? '';
          const settled = await (await reserved(user, credential))(each.count, each);
          expect(expected(each, earlier)).toContain(settled);
          if (settled === 'ok') passed.push(each);
          expect((await countersOf(user))[credential] ?? 0).toBe(highestOf(passed.filter(({ nth }) => nth === each.nth)));
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('a PATCH of which another check fails', () => {
  const withTotp = async () => {
    const person = await newPasskeyUser();
    await addTotp(person.user);
    const { login, options } = await challenged(await newSession(person.user));
    return { ...person, login, sign: (signCount: number) => person.passkey.get(options.challenge, { signCount }) };
  };

  it('moves no counter, neither for a wrong code nor for one that was used before', async () => {
    const now = stopClock();
    const { user, login, sign } = await withTotp();
    expect(outcome(await patch(login, giving(await sign(5), { totp: { code: app.wrongCode() } })))).toBe('EVENT-8isk2');
    const code = app.codeAt(now);
    expect(outcome(await patch(await newSession(user), { checks: { totp: { code } } }))).toBe('ok');
    expect(outcome(await patch(login, giving(await sign(5), { totp: { code } })))).toBe('TOTP-Auw0a');
    expect(await countersOf(user)).toEqual({});
    expect(must(await read(login)).session.factors).toEqual({});
    expect(outcome(await patch(login, giving(await sign(1))))).toBe('ok');
  });

  it('moves none in the user’s cell either, whatever it is told', async () => {
    const { user, id } = await newPasskeyUser();
    await cells.user(user.cell).load(user.id);
    const tries = [{ method: 'webAuthN' as const }, { method: 'totp' as const }];
    const reservation = await cells.user(user.cell).reserve({ userId: user.id, tries });
    if (reservation.kind !== 'reserved') throw new Error(reservation.kind);
    const verdicts = [
      { method: 'webAuthN' as const, passed: true, signCount: { tokenId: id, kind: 'passkey' as const, count: 5, registered: 0 } },
      { method: 'totp' as const, passed: false },
    ];
    await cells.user(user.cell).settle({ reservationId: reservation.id, userId: user.id, attemptId: 'a', verdicts });
    expect(await countersOf(user)).toEqual({});
  });

  it('moves none either when the challenge that is to follow the checks cannot be opened', async () => {
    const { user, passkey } = await newPasskeyUser({ kind: 'u2f' });
    const { login, options } = await challenged(await newSession(user));
    const check = giving(await passkey.get(options.challenge, { signCount: 5 }));
    expect(outcome(await patch(login, { ...check, challenges: { otpSms: { returnCode: true } } }))).toBe('COMMAND-BJ2g3');
    const hops: string[] = [];
    const counting = interposed((verb) => {
      hops.push(verb);
    });
    expect(outcome(await patch(login, { ...check, ...asking('required') }, { cells: counting }))).toBe('WEBAU-4G8sw');
    expect(await countersOf(user)).toEqual({});
    // Nothing is asked for any more: what was not spent is not followed by a challenge that can be opened by then.
    expect(hops).toEqual(['peek', 'reserve', 'settle']);
    expect(outcome(await patch(login, { ...check, ...asking() }))).toBe('ok');
  });

  it('is not noted, as nothing says that the rest of it was the user’s', async () => {
    const { user, passkey, login, sign } = await withTotp();
    expect(await signedIn({ user, passkey }, 5)).toBe('ok');
    expect(outcome(await patch(login, giving(await sign(5), { totp: { code: app.wrongCode() } })))).toBe('EVENT-8isk2');
    expect(await rowsOf(user, 'trail')).toEqual([]);
  });

  it('because of the counter spends no code, and resets no failures', async () => {
    const now = stopClock();
    const { user, passkey, login, sign } = await withTotp();
    expect(await signedIn({ user, passkey }, 5)).toBe('ok');
    const totp = { code: app.codeAt(now) };
    expect(outcome(await patch(login, { checks: { totp: { code: app.wrongCode() } } }))).toBe('EVENT-8isk2');
    expect(outcome(await patch(login, giving(await sign(5), { totp })))).toBe('WEBAU-4M90s');
    expect(await rowsOf(user, 'failure')).toMatchObject([{ method: 'totp', total: 1, forgiven: 0 }]);
    expect(outcome(await patch(login, giving(await sign(6), { totp })))).toBe('ok');
    expect(await rowsOf(user, 'failure')).toMatchObject([{ method: 'totp', total: 1, forgiven: 1 }]);
  });
});

describe('the events of a user', () => {
  it('tell of each attempt that was refused for its counter, once, by the kind of its credential', async () => {
    const passkey = await newPasskeyUser({ signCount: 5 });
    const u2f = { user: passkey.user, ...(await register(passkey.user, { kind: 'u2f', signCount: 5 })) };
    const now = stopClock();
    expect([await signedIn(passkey, 5), await signedIn(u2f, 4), await signedIn(u2f, 6)]).toEqual(['WEBAU-4M90s', 'WEBAU-4M90s', 'ok']);
    expect(await cells.user(passkey.user.cell).events(passkey.user.id)).toEqual([
      { type: 'user.human.passwordless.token.check.failed', at: now, tokenId: passkey.id },
      { type: 'user.human.mfa.u2f.token.check.failed', at: now, tokenId: u2f.id },
    ]);
    expect(await rowsOf(passkey.user, 'failure')).toEqual([]);
  });

  it('tell once of an attempt that several repeats of its request share', async () => {
    const user = await newUser();
    const settles = [await reserved(user, 'x', 'shared'), await reserved(user, 'x', 'shared'), await reserved(user, 'x', 'shared')];
    for (const settle of settles) expect(await settle(5, { attemptId: 'a' }, 5)).toBe('webAuthN');
    expect(await cells.user(user.cell).events(user.id)).toHaveLength(1);
  });

  it('are the latest hundred of each user, and go with the user', async () => {
    const cell = `users:weur:${crypto.randomUUID()}`;
    const [user, other] = [await newUser({ cell }), await newUser({ cell })];
    const refused = async (of: User, tokenId: string) =>
      expect(await (await reserved(of, tokenId))(5, { attemptId: crypto.randomUUID() }, 5)).toBe('webAuthN');
    await refused(other, 'other');
    for (let n = 1; n <= 103; n += 1) await refused(user, `credential-${n}`);
    await refused(other, 'other again');
    const events = await cells.user(cell).events(user.id);
    expect(events.map(({ tokenId }) => tokenId)).toEqual(Array.from({ length: 100 }, (_, n) => `credential-${n + 4}`));
    await transit(user, 'delete');
    expect(await rowsOf(user, 'trail')).toEqual([]);
    expect(await cells.user(cell).events(other.id)).toMatchObject([{ tokenId: 'other' }, { tokenId: 'other again' }]);
  });

  it('say nothing of a request whose assertion is wrong', async () => {
    const { user, passkey } = await newPasskeyUser({ signCount: 5 });
    const { result } = await answered(await newSession(user), passkey, { signCount: 5, rpId: 'example.org' });
    expect(outcome(result)).toBe('WEBAU-3M9si');
    expect(await rowsOf(user, 'trail')).toEqual([]);
  });
});

describe('a credential that is removed while an assertion of it is verified', () => {
  it('lets nobody in, and leaves no counter', async () => {
    const { user, id, passkey } = await newPasskeyUser();
    const { login, options } = await challenged(await newSession(user));
    let removed = 0;
    const meanwhile = interposed(async (verb) => {
      if (verb !== 'settle' || removed > 0) return;
      removed += 1;
      await remove(user, id);
    });
    const assertion = await passkey.get(options.challenge, { signCount: 5 });
    expect(outcome(await patch(login, giving(assertion), { cells: meanwhile }))).toBe('COMMAND-Aej7i');
    expect(removed).toBe(1);
    expect(await countersOf(user)).toEqual({});
    expect(outcome(await patch(login, asking()))).toBe('WEBAU-4G8sw');
  });

  it('is none to the next request; another that was offered goes on', async () => {
    const one = await newPasskeyUser();
    const other = await register(one.user);
    const { login, options } = await challenged(await newSession(one.user));
    expect(options.allowCredentials.map(({ id }) => id)).toEqual([one.passkey.credentialId, other.passkey.credentialId]);
    await remove(one.user, one.id);
    expect(outcome(await patch(login, giving(await one.passkey.get(options.challenge))))).toBe('COMMAND-Aej7i');
    const passed = await patch(login, giving(await other.passkey.get(options.challenge)));
    expect(tokenAfter(passed)).not.toBe('');
  });
});
