import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FactsCache } from '../../src/cells/facts-cache.ts';
import type { Reservation } from '../../src/cells/user-protocol.ts';
import { findUser, type User } from '../../src/directory/users.ts';
import { cells, must, newSession, newUser, outcome, passwordCheck, patch, read } from './world.ts';

const stubOf = (user: User) => env.USERS.getByName(user.cell);

afterEach(() => {
  vi.useRealTimers();
});

async function reserve(user: User): Promise<Reservation> {
  const cell = cells.user(user.cell);
  const reservation = await cell.reserve({ userId: user.id, tries: [{ method: 'password' }] });
  if (reservation.kind !== 'cold') return reservation;
  await cell.load(user.id);
  return cell.reserve({ userId: user.id, tries: [{ method: 'password' }] });
}

async function reserved(user: User) {
  const reservation = await reserve(user);
  if (reservation.kind !== 'reserved') throw new Error(`not reserved but ${reservation.kind}`);
  return reservation;
}

const settle = (user: User, reservationId: string, passed: boolean) =>
  cells.user(user.cell).settle({ reservationId, userId: user.id, attemptId: 'attempt', verdicts: [{ method: 'password', passed }] });

async function fail(user: User, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await settle(user, (await reserved(user)).id, false);
}

const transit = (user: User, transition: 'lock' | 'unlock' | 'deactivate' | 'delete') =>
  cells.user(user.cell).transit({ userId: user.id, seen: { state: user.state, epoch: user.epoch }, transition });

describe('a user cell', () => {
  it('lets five attempts be in flight at once, and further ones when one is settled', async () => {
    const user = await newUser();
    const five = [await reserved(user), await reserved(user), await reserved(user), await reserved(user), await reserved(user)];
    expect(await reserve(user)).toEqual({ kind: 'busy' });
    await settle(user, five[0]?.id ?? '', true);
    expect((await reserve(user)).kind).toBe('reserved');
    expect(await reserve(user)).toEqual({ kind: 'busy' });
  });

  it('lets nobody attempt anything who is stopped, also before the directory and the session cells know', async () => {
    const user = await newUser();
    must(await transit(user, 'lock'));
    expect(await reserve(user)).toMatchObject({ kind: 'refused', problem: { id: 'SESSION-Gj4ko' } });
  });

  it('counts the attempts of each user by themselves', async () => {
    const cell = `users:weur:${crypto.randomUUID()}`;
    const [one, other] = [await newUser({ cell }), await newUser({ cell })];
    await fail(one, 5);
    expect((await reserve(one)).kind).toBe('refused');
    expect((await reserve(other)).kind).toBe('reserved');
  });

  it('lets a reservation lapse after 15 seconds, and then says nothing of what it found out', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    const five = await Promise.all([1, 2, 3, 4, 5].map(() => reserved(user)));
    vi.setSystemTime(Date.now() + 14_999);
    expect(await reserve(user)).toEqual({ kind: 'busy' });
    vi.setSystemTime(Date.now() + 1);
    expect((await reserve(user)).kind).toBe('reserved');
    expect(await settle(user, five[0]?.id ?? '', true)).toEqual({ kind: 'lost' });
  });

  it('waits 1, 2, 4, 8 and 16 seconds, then locks the method for 15 minutes, then forgives', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    await fail(user, 5);
    for (const seconds of [1, 2, 4, 8, 16]) {
      expect(await reserve(user)).toMatchObject({ problem: { kind: 'resource-exhausted', evidence: { retryAfterSeconds: String(seconds) } } });
      vi.setSystemTime(Date.now() + seconds * 1000 - 1);
      expect((await reserve(user)).kind).toBe('refused');
      vi.setSystemTime(Date.now() + 1);
      await fail(user, 1);
    }
    expect(await reserve(user)).toMatchObject({
      problem: { id: 'COMMAND-JLK35', evidence: { failedAttempts: '10', retryAfterSeconds: '900' } },
    });
    vi.setSystemTime(Date.now() + 15 * 60_000);
    const attempt = await reserved(user);
    expect(await settle(user, attempt.id, false)).toMatchObject({ failures: { password: 1 } });
  });

  it('evaluates one attempt at a time after five failures', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    await fail(user, 5);
    vi.setSystemTime(Date.now() + 1000);
    expect((await reserve(user)).kind).toBe('reserved');
    expect(await reserve(user)).toEqual({ kind: 'busy' });
  });

  it('keeps its count across an eviction', async () => {
    const user = await newUser();
    await fail(user, 3);
    await evictDurableObject(stubOf(user));
    expect(await settle(user, (await reserved(user)).id, false)).toMatchObject({ failures: { password: 4 } });
  });

  it('writes no row for a success that no failure came before', async () => {
    const user = await newUser();
    const attempt = await reserved(user);
    const rows = await runInDurableObject(stubOf(user), (instance, { storage }) => {
      let written = 0;
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        const cursor = exec(query, ...bindings);
        written += cursor.rowsWritten;
        return cursor;
      }) as typeof exec;
      instance.settle({ reservationId: attempt.id, userId: user.id, attemptId: 'attempt', verdicts: [{ method: 'password', passed: true }] });
      return written;
    });
    expect(rows).toBe(0);
  });

  it('does not keep facts whose load was under way when they changed', async () => {
    const user = await newUser();
    const state = await runInDurableObject(stubOf(user), async (instance) => {
      const load = instance.load(user.id);
      instance.forget(user.id);
      await load;
      return instance.reserve({ userId: user.id, tries: [{ method: 'password' }] }).kind;
    });
    expect(state).toBe('cold');
  });

  it('is held up by a load that hangs no longer than a second', async () => {
    const cache = new FactsCache();
    const facts = {
      kind: 'human',
      passwordHash: 'hash',
      passwordVersion: 1,
      totp: undefined,
      otpSms: undefined,
      otpEmail: undefined,
      recoveryCodes: [],
      credentials: [],
    } as const;
    cache.load('user', () => new Promise(() => {})).catch(() => undefined);
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(Date.now() + 1000);
    await cache.load('user', async () => facts);
    expect(cache.get('user', Date.now())).toEqual(facts);
  });

  it('asks D1 once for all who wait for the same facts', async () => {
    const cache = new FactsCache();
    const read = vi.fn(async () => undefined);
    await Promise.all([cache.load('user', read), cache.load('user', read), cache.load('user', read)]);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('reads facts again after a minute, whatever happened', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    await reserved(user);
    vi.setSystemTime(Date.now() + 60_000);
    expect(await cells.user(user.cell).reserve({ userId: user.id, tries: [{ method: 'password' }] })).toEqual({ kind: 'cold' });
  });

  it('needs no D1 for a warm password check', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const { sessionToken } = must(await patch(login, passwordCheck()));
    const db = new Proxy(env.DB, {
      get: () => {
        throw new Error('D1 was asked');
      },
    });
    expect(outcome(await patch({ ...login, token: sessionToken }, passwordCheck(), { db }))).toBe('ok');
    await runInDurableObject(stubOf(user), (instance) =>
      expect(instance.reserve({ userId: user.id, tries: [{ method: 'password' }] }).kind).toBe('reserved'),
    );
  });

  it('goes on telling a session cell of a stop until it was told, and refuses the user meanwhile', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const restore = await breakSessions(user);
    must(await transit(user, 'lock'));
    expect(await cells.user(user.cell).finish(user.id)).toBe(false);
    expect(await cells.user(user.cell).admit({ userId: user.id, seen: { state: 'active', epoch: 1 }, sessionCell: 'x' })).toMatchObject({
      ok: false,
    });
    expect(must(await read(login)).state).toBe('active');
    await restore();
    expect(await runDurableObjectAlarm(stubOf(user))).toBe(true);
    expect(must(await read(login)).state).toBe('stopped');
    expect(await findUser(env.DB, { userId: user.id })).toMatchObject({ state: 'locked' });
  });

  it('has its alarm finish what nobody asked it to finish', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await runDurableObjectAlarm(stubOf(user));
    must(await transit(user, 'lock'));
    const alarm = await runInDurableObject(stubOf(user), (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeLessThanOrEqual(Date.now() + 5_000);
    await runDurableObjectAlarm(stubOf(user));
    expect(must(await read(login)).state).toBe('stopped');
    expect(await findUser(env.DB, { userId: user.id })).toMatchObject({ state: 'locked' });
  });

  it('passes on what it owes of other users while fifty cannot be told', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const pending = await runInDurableObject(stubOf(user), async (instance, { storage }) => {
      for (let n = 0; n < 50; n += 1)
        storage.sql.exec("INSERT INTO admission (user_id, session_cell, owed) VALUES (?, 'sessions:weur:out-of-reach', 2)", ` ${n}`);
      const target = instance as unknown as { env: { SESSIONS: DurableObjectNamespace } };
      const real = target.env.SESSIONS;
      const broken = { stop: () => Promise.reject(new Error('out of reach')) };
      target.env = { ...target.env, SESSIONS: { getByName: (name: string) => (name.endsWith('reach') ? broken : real.getByName(name)) } as never };
      const log = vi.spyOn(console, 'error').mockImplementation(() => {});
      must(instance.transit({ userId: user.id, seen: { state: user.state, epoch: user.epoch }, transition: 'lock' }));
      const owed = () => storage.sql.exec('SELECT 1 FROM admission WHERE user_id = ? AND owed IS NOT NULL', user.id).toArray().length;
      for (let round = 0; round < 200 && owed() > 0; round += 1) await instance.alarm();
      log.mockRestore();
      return owed();
    });
    expect(pending).toBe(0);
    expect(must(await read(login)).state).toBe('stopped');
  });

  it('owes a newer stop still when an older one was on its way and has arrived', async () => {
    const user = await newUser();
    await newSession(user);
    const told = await runInDurableObject(stubOf(user), async (instance) => {
      const epochs: number[] = [];
      const arrivals: (() => void)[] = [];
      const stop = ({ epoch }: { epoch: number }) => {
        epochs.push(epoch);
        return new Promise<void>((resolve) => arrivals.push(resolve));
      };
      const target = instance as unknown as { env: { SESSIONS: unknown } };
      target.env = { ...target.env, SESSIONS: { getByName: () => ({ stop }) } };
      const change = (transition: 'lock' | 'unlock') =>
        must(instance.transit({ userId: user.id, seen: { state: user.state, epoch: user.epoch }, transition }));
      change('lock');
      const first = instance.finish(user.id);
      change('unlock');
      change('lock');
      arrivals.shift()?.();
      await first;
      const second = instance.finish(user.id);
      arrivals.shift()?.();
      await second;
      return epochs;
    });
    expect(told).toEqual([user.epoch + 1, user.epoch + 3]);
  });

  it('tells every session cell that the user was admitted to', async () => {
    const user = await newUser();
    const logins = [await newSession(user), await newSession(user), await newSession(user)];
    must(await transit(user, 'deactivate'));
    expect(await cells.user(user.cell).finish(user.id)).toBe(true);
    for (const login of logins) expect(must(await read(login)).state).toBe('stopped');
  });

  it('goes on with a stop that could not be passed on when it is repeated', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const restore = await breakSessions(user);
    must(await transit(user, 'lock'));
    expect(await cells.user(user.cell).finish(user.id)).toBe(false);
    await restore();
    expect(outcome(await transit(user, 'lock'))).toBe('ok');
    expect(await cells.user(user.cell).finish(user.id)).toBe(true);
    expect(must(await read(login)).state).toBe('stopped');
    expect(outcome(await transit(user, 'lock'))).toBe('COMMAND-lgws8wtsqf');
  });

  it('carries transitions that come at once out one after another', async () => {
    const user = await newUser();
    const answers = await Promise.all([transit(user, 'lock'), transit(user, 'unlock'), transit(user, 'lock')]);
    expect(answers.map(outcome)).toEqual(['ok', 'ok', 'ok']);
    expect((await Promise.all([transit(user, 'deactivate'), transit(user, 'unlock')])).map(outcome)).toEqual(['ok', 'COMMAND-olb9vb0oca']);
  });

  it('forgets the failures of a user who is unlocked', async () => {
    const user = await newUser();
    await fail(user, 5);
    must(await transit(user, 'lock'));
    must(await transit(user, 'unlock'));
    expect(await settle(user, (await reserved(user)).id, false)).toMatchObject({ failures: { password: 1 } });
  });

  it('leaves a tombstone without anything personal', async () => {
    const user = await newUser();
    must(await transit(user, 'delete'));
    await cells.user(user.cell).finish(user.id);
    const row = await env.DB.prepare('SELECT * FROM user WHERE id = ?').bind(user.id).first();
    expect(row).toMatchObject({ state: 'deleted', username: null, login_name_key: null, display_name: '', email: '', password_hash: null });
    expect(await findUser(env.DB, { userId: user.id })).toBeUndefined();
  });
});

/** Cuts the user's cell off from every session cell, until the function that it returns is called. */
async function breakSessions(user: User): Promise<() => Promise<void>> {
  await runInDurableObject(stubOf(user), (instance) => {
    const target = instance as unknown as { env: { SESSIONS: unknown } };
    const bindings = target.env;
    const broken = { stop: () => Promise.reject(new Error('out of reach')) };
    target.env = { ...bindings, SESSIONS: { getByName: () => broken } };
  });
  return () => evictDurableObject(stubOf(user));
}
