import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hashPassword } from '../../src/crypto/password-hash.ts';
import { replacePassword } from '../../src/directory/passwords.ts';
import type { User } from '../../src/directory/users.ts';
import { cells, config, interposed, must, newSession, newUser, outcome, passwordCheck, patch, read, transit } from './world.ts';

const NEW_PASSWORD = 'N3wS3cret!';
const stubOf = (user: User) => env.USERS.getByName(user.cell);
const factorsOf = async (login: Awaited<ReturnType<typeof newSession>>) => Object.keys(must(await read(login)).session.factors);

const begin = (user: User, more: { endSessions?: boolean } = {}) =>
  cells.user(user.cell).beginPasswordChange({ userId: user.id, version: user.passwordVersion + 1, callerId: 'admin', endSessions: false, ...more });

async function write(user: User): Promise<void> {
  const passwordHash = await hashPassword(NEW_PASSWORD, config.passwords);
  const written = { userId: user.id, passwordHash, changeRequired: false, expectedVersion: user.passwordVersion };
  expect(await replacePassword(env.DB, written, Date.now())).toBeDefined();
}

/** The whole change, as the API makes it. */
async function change(user: User): Promise<void> {
  await begin(user);
  await write(user);
  expect(await cells.user(user.cell).finish(user.id)).toBe(true);
}

async function loggedIn() {
  const user = await newUser();
  const login = await newSession(user);
  const { sessionToken = '' } = must(await patch(login, passwordCheck()));
  expect(await factorsOf(login)).toEqual(['password']);
  return { user, login: { ...login, token: sessionToken } };
}

/** Makes a user's cell unable to reach session cells, until the function that it returns is called. */
async function cutOff(user: User): Promise<() => Promise<unknown>> {
  const withSessions = (sessions: unknown) =>
    runInDurableObject(stubOf(user), (instance) => {
      const target = instance as unknown as { env: { SESSIONS: unknown } };
      const before = target.env.SESSIONS;
      target.env = { ...target.env, SESSIONS: sessions };
      return before;
    });
  const unreachable = { passwordChanged: () => Promise.reject(new Error('out of reach')) };
  const real = env.SESSIONS;
  await withSessions({ getByName: () => unreachable });
  return () => withSessions(real);
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a password that changes while a check of the old one is under way', () => {
  for (const verb of ['settle', 'commit']) {
    it(`lets no old factor in when it comes before the ${verb}`, async () => {
      const user = await newUser();
      const login = await newSession(user);
      let done = false;
      const overtaken = interposed(async (called) => {
        if (called !== verb || done) return;
        done = true;
        await change(user);
      });
      const outcomeThen = outcome(await patch(login, passwordCheck(), { cells: overtaken }));
      expect(outcomeThen).toBe(verb === 'commit' ? 'SALLY-Retry' : 'COMMAND-3M0fs');
      expect(await factorsOf(login)).toEqual([]);
      expect(outcome(await patch(login, passwordCheck(NEW_PASSWORD)))).toBe('ok');
    });
  }

  it('lets no old factor in beside a user check in a cell that the user was not in before', async () => {
    const user = await newUser();
    const login = await newSession();
    let done = false;
    const overtaken = interposed(async (called) => {
      if (called !== 'commit' || done) return;
      done = true;
      await change(user);
    });
    const both = { checks: { user: { userId: user.id }, ...passwordCheck().checks } };
    expect(outcome(await patch(login, both, { cells: overtaken }))).toBe('SALLY-Retry');
    expect(outcome(await patch(login, both))).toBe('COMMAND-3M0fs');
  });
});

describe('a change of password whose request was cut off', () => {
  it('after it was written is passed on by the alarm', async () => {
    const { user, login } = await loggedIn();
    await begin(user);
    await write(user);
    expect(await factorsOf(login)).toEqual(['password']);
    expect(await runDurableObjectAlarm(stubOf(user))).toBe(true);
    expect(await factorsOf(login)).toEqual([]);
    expect(outcome(await patch(login, passwordCheck()))).toBe('COMMAND-3M0fs');
  });

  it('before it was written drops nothing, and is given up after a minute', async () => {
    const { user, login } = await loggedIn();
    await begin(user);
    const pending = () => runInDurableObject(stubOf(user), (_, { storage }) => storage.sql.exec('SELECT 1 FROM password_change').toArray().length);
    await runDurableObjectAlarm(stubOf(user));
    expect([await pending(), await factorsOf(login)]).toEqual([1, ['password']]);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    await runDurableObjectAlarm(stubOf(user));
    expect([await pending(), await factorsOf(login)]).toEqual([0, ['password']]);
  });

  it('is passed on to a cell that was out of reach once it is back', async () => {
    const { user, login } = await loggedIn();
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    const restore = await cutOff(user);
    await begin(user);
    await write(user);
    expect(await cells.user(user.cell).finish(user.id)).toBe(false);
    expect(await factorsOf(login)).toEqual(['password']);
    await restore();
    log.mockRestore();
    await runDurableObjectAlarm(stubOf(user));
    expect(await factorsOf(login)).toEqual([]);
  });

  it('still ends the sessions that it was to end when another change comes on top of it', async () => {
    const { user, login } = await loggedIn();
    await begin(user, { endSessions: true });
    await write(user);
    const next = { ...user, passwordVersion: user.passwordVersion + 1 };
    await change(next);
    expect(outcome(await read(login))).toBe('QUERY-SFeaa');
  });

  it('tells nobody after the user was deleted', async () => {
    const { user } = await loggedIn();
    await begin(user);
    await transit(user, 'delete');
    const pending = await runInDurableObject(stubOf(user), (_, { storage }) => storage.sql.exec('SELECT 1 FROM password_change').toArray().length);
    expect(pending).toBe(0);
  });
});
