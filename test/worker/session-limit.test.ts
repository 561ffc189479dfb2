import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { User } from '../../src/directory/users.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { configure } from './otp-user.ts';
import { sessionIn, untilIndexed } from './watcher.ts';
import { interposed, type Login, must, newSession, newUser, outcome, passwordCheck, patch, read, tokenAfter, transit } from './world.ts';

const HOUR_MS = 3_600_000;

/** What is done with a limit of so many sessions, and what goes on beside the answer. */
async function within<T>(sessionsPerUser: number, work: (limit: Partial<Walk>) => Promise<T>, also: Partial<Walk> = {}): Promise<T> {
  const beside: Promise<void>[] = [];
  const result = await work({ sessionsPerUser, later: (promise) => void beside.push(promise), ...also });
  await Promise.all(beside);
  return result;
}

/** One more session of a user, which the index knows. The clock is moved, so that its sessions are told apart by their age. */
async function logIn(user: User, sessionsPerUser: number, also: Partial<Walk> = {}): Promise<Login> {
  vi.setSystemTime(Date.now() + 1000);
  const login = await within(sessionsPerUser, (limit) => newSession(user, limit), also);
  await untilIndexed(login);
  return login;
}

async function logInTimes(count: number, user: User, sessionsPerUser: number): Promise<Login[]> {
  const logins: Login[] = [];
  for (let n = 0; n < count; n += 1) logins.push(await logIn(user, sessionsPerUser));
  return logins;
}

const ENDED = 'QUERY-SFeaa';
const statesOf = (logins: readonly Login[]) =>
  Promise.all(
    logins.map(async (login) => {
      const view = await read(login);
      return view.ok ? view.value.state : outcome(view);
    }),
  );

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const stopClock = () => vi.useFakeTimers({ toFake: ['Date'] });

describe('the most sessions that a user may have', () => {
  it('ends the oldest when there is one more, and only that', async () => {
    stopClock();
    const user = await newUser();
    const logins = await logInTimes(3, user, 3);
    expect(await statesOf(logins)).toEqual(['active', 'active', 'active']);
    logins.push(await logIn(user, 3));
    expect(await statesOf(logins)).toEqual([ENDED, 'active', 'active', 'active']);
    await untilIndexed(logins[0] as Login);
    logins.push(await logIn(user, 3));
    expect(await statesOf(logins)).toEqual([ENDED, ENDED, 'active', 'active', 'active']);
  });

  it('ends as many as are too many once it is lowered', async () => {
    stopClock();
    const user = await newUser();
    const logins = [...(await logInTimes(5, user, 0)), await logIn(user, 2)];
    expect(await statesOf(logins)).toEqual([ENDED, ENDED, ENDED, ENDED, 'active', 'active']);
  });

  it('may be one: each login ends the one before', async () => {
    stopClock();
    const user = await newUser();
    expect(await statesOf(await logInTimes(3, user, 1))).toEqual([ENDED, ENDED, 'active']);
  });

  it('holds for a user who is checked by a PATCH, and spares that session, however old it is', async () => {
    stopClock();
    const user = await newUser();
    const oldest = await newSession();
    const logins = await logInTimes(3, user, 3);
    await within(3, async (limit) => must(await patch(oldest, { checks: { user: { userId: user.id } } }, limit)));
    expect(await statesOf([oldest, ...logins])).toEqual(['active', ENDED, 'active', 'active']);
  });

  it('ends nothing that need not end when the user of a session is checked again', async () => {
    stopClock();
    const user = await newUser();
    const logins = await logInTimes(3, user, 3);
    const [oldest] = logins as [Login];
    await within(3, async (limit) => must(await patch(oldest, { checks: { user: { userId: user.id } } }, limit)));
    expect(await statesOf(logins)).toEqual(['active', 'active', 'active']);
  });

  it('is not looked at by a PATCH that names no user', async () => {
    stopClock();
    const user = await newUser();
    const logins = await logInTimes(3, user, 0);
    const [oldest] = logins as [Login];
    const token = await within(1, async (limit) => tokenAfter(await patch(oldest, passwordCheck(), limit)));
    await within(1, async (limit) => must(await patch({ ...oldest, token }, { metadata: [['a', 'MQ==']] }, limit)));
    expect(await statesOf(logins)).toEqual(['active', 'active', 'active']);
  });

  it('is off at 0', async () => {
    stopClock();
    const user = await newUser();
    expect(await statesOf(await logInTimes(5, user, 0))).toEqual(Array(5).fill('active'));
  });

  it('touches the sessions of nobody else, not even in the same cell, nor those without a user', async () => {
    stopClock();
    const [user, other] = [await newUser(), await newUser()];
    const cell = `sessions:weur:${Math.floor(Math.random() * 99_999)}`;
    const bystanders = [await sessionIn(cell, other.id), await sessionIn(cell), await sessionIn(cell, other.id)];
    for (const login of bystanders) await untilIndexed(login);
    vi.setSystemTime(Date.now() + 1000);
    const own = await sessionIn(cell, user.id);
    await untilIndexed(own);
    const last = await logIn(user, 1);
    expect(await statesOf([...bystanders, own, last])).toEqual(['active', 'active', 'active', ENDED, 'active']);
  });

  it('does not count sessions that have expired, were stopped or have ended', async () => {
    stopClock();
    const user = await newUser();
    const expired = await logIn(user, 0);
    must(await patch({ ...expired, token: undefined }, { lifetimeMs: 2000 }));
    await untilIndexed(expired);
    const stopped = await logIn(user, 0);
    await transit(user, 'lock');
    await transit({ ...user, state: 'locked', epoch: user.epoch + 1 }, 'unlock');
    vi.setSystemTime(Date.now() + HOUR_MS);
    const logins = await logInTimes(3, user, 3);
    expect(await statesOf([expired, stopped, ...logins])).toEqual(['stopped', 'stopped', 'active', 'active', 'active']);
    // An expired one that is not stopped as well.
    const [, , newest] = logins as [Login, Login, Login];
    must(await patch({ ...newest, token: undefined }, { lifetimeMs: 2000 }));
    await untilIndexed(newest);
    vi.setSystemTime(Date.now() + 5000);
    await logIn(user, 3);
    expect(await statesOf(logins)).toEqual(['active', 'active', 'expired']);
  });

  it('does not count sessions that nobody has used for too long, either', async () => {
    stopClock();
    const user = await newUser();
    const cell = `sessions:weur:${Math.floor(Math.random() * 99_999)}`;
    await configure({ sessionCell: cell }, { SESSION_IDLE_TIMEOUT_SECONDS: '60' });
    const logins: Login[] = [];
    for (let n = 0; n < 3; n += 1) {
      vi.setSystemTime(Date.now() + 1000);
      logins.push(await sessionIn(cell, user.id));
    }
    const [used] = logins as [Login];
    for (const login of logins) await untilIndexed(login);
    for (let n = 0; n < 2; n += 1) {
      vi.setSystemTime(Date.now() + 40_000);
      must(await patch({ ...used, token: undefined }, { metadata: [['n', btoa(String(n))]] }));
    }
    expect(await statesOf(logins)).toEqual(['active', 'expired', 'expired']);
    await logIn(user, 3);
    expect(await statesOf([used])).toEqual(['active']);
  });

  it('has the index told of what it ended', async () => {
    stopClock();
    const user = await newUser();
    const [first] = (await logInTimes(2, user, 1)) as [Login];
    await untilIndexed(first);
    const row = await env.DB.prepare('SELECT ended FROM session_index WHERE id = ?').bind(first.sessionId).first();
    expect(row).toEqual({ ended: 1 });
  });

  it('fails no login when the directory does not answer: it is logged, and the next login catches up', async () => {
    stopClock();
    const user = await newUser();
    const first = await logIn(user, 1);
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const broken = new Proxy(env.DB, {
      get: (target, name) => {
        if (name === 'batch') return () => Promise.reject(new Error('D1 is away'));
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const second = await logIn(user, 1, { db: broken });
    expect(await statesOf([first, second])).toEqual(['active', 'active']);
    expect(logged).toHaveBeenCalledWith('sessions beyond the limit could not be ended', expect.objectContaining({ message: 'D1 is away' }));
    logged.mockRestore();
    const third = await logIn(user, 1);
    expect(await statesOf([first, second, third])).toEqual([ENDED, ENDED, 'active']);
  });

  it('fails no login when a cell does not answer', async () => {
    stopClock();
    const user = await newUser();
    const first = await logIn(user, 1);
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const silent = interposed((verb) => {
      if (verb === 'terminate') throw new Error('the cell is away');
    });
    const second = await logIn(user, 1, { cells: silent });
    expect(await statesOf([first, second])).toEqual(['active', 'active']);
    expect(logged).toHaveBeenCalledOnce();
  });

  it('is kept beside the answer: the login does not wait for it', async () => {
    stopClock();
    const user = await newUser();
    const first = await logIn(user, 1);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = interposed(async (verb) => {
      if (verb === 'terminate') await held;
    });
    const beside: Promise<void>[] = [];
    const second = await newSession(user, { sessionsPerUser: 1, cells: slow, later: (work) => void beside.push(work) });
    expect(await statesOf([first, second])).toEqual(['active', 'active']);
    release();
    await Promise.all(beside);
    expect(await statesOf([first, second])).toEqual([ENDED, 'active']);
  });

  it('ends nothing for a login that was refused', async () => {
    stopClock();
    const user = await newUser();
    const first = await logIn(user, 1);
    const anonymous = await newSession();
    const refused = await within(1, (limit) => patch(anonymous, { checks: { user: { userId: user.id }, password: { password: 'wrong' } } }, limit));
    expect(outcome(refused)).toBe('COMMAND-3M0fs');
    expect(await statesOf([first])).toEqual(['active']);
  });
});
