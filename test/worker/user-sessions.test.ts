import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UserCell } from '../../src/cells/user-cell.ts';
import type { User } from '../../src/directory/users.ts';
import { entryOf, evict, newCell, send, sessionIn, stubOf, untilTold } from './sessions-world.ts';
import {
  cells,
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
  transit,
} from './world.ts';

const userStub = (user: User) => env.USERS.getByName(user.cell);
const endAll = (user: User, body: object = {}, bindings: object = {}) => send('DELETE', `/v2/users/${user.id}/sessions`, body, { bindings });

/** Ends all, as the API does, up to the step that tells the others. */
const endSessions = (user: User, exceptSessionId?: string) =>
  cells.user(user.cell).endSessions({ userId: user.id, seen: { state: user.state, epoch: user.epoch }, callerId: 'ender', exceptSessionId });

const stateOf = async (login: Login): Promise<string> => {
  const view = await read(login);
  return view.ok ? view.value.state : (view.problem.id ?? '');
};

const outOfReach = () => Promise.reject(Object.assign(new Error('out of reach'), { remote: true }));

/** Gives the user's cell other bindings, until it is evicted. */
async function breakUserCell(user: User, bindings: (real: typeof env) => object): Promise<void> {
  await runInDurableObject(userStub(user), (instance: UserCell) => {
    const target = instance as unknown as { env: typeof env };
    target.env = { ...target.env, ...bindings(target.env) } as typeof env;
  });
}

/** Cuts the user's cell off from one session cell, or from every one. */
const cutOff = (user: User, sessionCell?: string) =>
  breakUserCell(user, (real) => ({
    SESSIONS: {
      getByName: (name: string) => (sessionCell === undefined || name === sessionCell ? { stop: outOfReach } : real.SESSIONS.getByName(name)),
    },
  }));

const mend = (user: User) => evictDurableObject(userStub(user));

const ring = (user: User) => runDurableObjectAlarm(userStub(user));

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('the end of all sessions of a user', () => {
  it('reaches every cell before it is answered, and the index soon after', async () => {
    const user = await newUser();
    const logins = [await newSession(user), await newSession(user), await newSession(user)];
    for (const login of logins) await untilTold(login);
    expect((await endAll(user)).status).toBe(200);
    for (const login of logins) {
      expect(await stateOf(login)).toBe('QUERY-SFeaa');
      await untilTold(login);
      expect(await entryOf(login)).toMatchObject({ ended: 1 });
    }
  });

  it('is in the trail of each, with the name of whoever ended it', async () => {
    const user = await newUser();
    const login = await newSession(user);
    expect(await endSessions(user)).toBe(true);
    expect(await cells.user(user.cell).finish(user.id)).toBe(true);
    const trail = await runInDurableObject(stubOf(login.sessionCell), (_, { storage }) => {
      const [row] = storage.sql.exec<{ content: string }>('SELECT content FROM session WHERE id = ?', login.sessionId).toArray();
      return JSON.parse(row?.content ?? '{}').trail;
    });
    expect(trail.at(-1)).toEqual([expect.any(Number), 'session.terminated', expect.any(Number), 'ender']);
  });

  it('spares one: it lives on under the new epoch, its token too, and the index finds it', async () => {
    const [user, cell] = [await newUser(), newCell()];
    const [spared, other] = [await sessionIn(cell, user), await sessionIn(cell, user)];
    await untilTold(spared);
    await untilTold(other);
    const before = must(await read(spared)).session;
    expect((await endAll(user, { exceptSessionId: spared.sessionId })).status).toBe(200);
    const { session, state } = must(await read(spared));
    expect([session, state]).toEqual([{ ...before, user: { ...before.user, epoch: user.epoch + 1 } }, 'active']);
    await untilTold(spared);
    await untilTold(other);
    expect(await entryOf(spared)).toMatchObject({ epoch: user.epoch + 1, ended: 0 });
    expect(await entryOf(other)).toMatchObject({ ended: 1 });
    expect(outcome(await patch(spared, passwordCheck()))).toBe('ok');
  });

  it('is told to the index of a spared session even when memory is lost right after', async () => {
    const [user, cell] = [await newUser(), newCell()];
    const spared = await sessionIn(cell, user);
    await untilTold(spared);
    expect((await endAll(user, { exceptSessionId: spared.sessionId })).status).toBe(200);
    await evict(cell);
    await untilTold(spared);
    expect(await entryOf(spared)).toMatchObject({ epoch: user.epoch + 1, ended: 0 });
  });

  for (const verb of ['peek', 'admit', 'commit'] as const) {
    it(`refuses a user check that is under way, at its ${verb}, or lets it in under the new epoch`, async () => {
      const user = await newUser();
      const login = await newSession();
      await newSession(user);
      let done = false;
      const within = interposed(async (called) => {
        if (called !== verb || done) return;
        done = true;
        expect((await endAll(user)).status).toBe(200);
      });
      const result = await patch(login, { checks: { user: { userId: user.id }, password: { password: PASSWORD } } }, { cells: within });
      expect(done).toBe(true);
      if (verb === 'commit') expect(outcome(result)).not.toBe('ok');
      const { session } = must(await read(login));
      if (result.ok) expect(session.user?.epoch).toBe(user.epoch + 1);
      else expect(session.user).toBeUndefined();
      const token = result.ok ? tokenAfter(result) : login.token;
      expect((await endAll(user)).status).toBe(200);
      expect(outcome(await patch({ ...login, token }, { metadata: [['a', 'MQ==']] }))).toBe(result.ok ? 'QUERY-SFeaa' : 'ok');
    });
  }

  it('refuses the create of a session that is under way', async () => {
    const user = await newUser();
    await newSession(user);
    let done = false;
    const within = interposed(async (verb) => {
      if (verb !== 'create' || done) return;
      done = true;
      expect((await endAll(user)).status).toBe(200);
    });
    await expect(newSession(user, { cells: within })).rejects.toThrow('refused');
    expect(done).toBe(true);
  });

  it('refuses a password check that is under way in a session that it ends', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const within = interposed(async (verb) => {
      if (verb === 'commit') expect((await endAll(user)).status).toBe(200);
    });
    expect(outcome(await patch(login, passwordCheck(), { cells: within }))).toBe('QUERY-SFeaa');
  });

  it('lets the password check of the spared session that is under way go through', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const within = interposed(async (verb) => {
      if (verb === 'commit') expect((await endAll(user, { exceptSessionId: login.sessionId })).status).toBe(200);
    });
    expect(outcome(await patch(login, passwordCheck(), { cells: within }))).toBe('ok');
  });

  it('is answered 503 while a cell cannot be reached, is in force in the others, and the alarm finishes it', async () => {
    const user = await newUser();
    const [near, far] = [await newSession(user), await newSession(user)];
    await cutOff(user, far.sessionCell);
    const refused = await endAll(user);
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect([await stateOf(near), await stateOf(far)]).toEqual(['QUERY-SFeaa', 'active']);
    await mend(user);
    expect(await ring(user)).toBe(true);
    expect(await stateOf(far)).toBe('QUERY-SFeaa');
    expect((await endAll(user)).status).toBe(200);
  });

  it('spares the sessions that the user began after it, also where it arrives late', async () => {
    const [user, cell] = [await newUser(), newCell()];
    const old = await sessionIn(cell, user);
    await cutOff(user);
    expect((await endAll(user)).status).toBe(503);
    await mend(user);
    const fresh = await sessionIn(cell, { ...user, epoch: user.epoch + 1 });
    await ring(user);
    expect([await stateOf(old), await stateOf(fresh)]).toEqual(['QUERY-SFeaa', 'active']);
    expect(outcome(await patch(fresh, passwordCheck()))).toBe('ok');
  });

  it('spares the same session when it is the alarm that finishes it', async () => {
    const user = await newUser();
    const [spared, other] = [await newSession(user), await newSession(user)];
    await cutOff(user);
    expect((await endAll(user, { exceptSessionId: spared.sessionId })).status).toBe(503);
    await mend(user);
    await ring(user);
    expect([await stateOf(spared), await stateOf(other)]).toEqual(['active', 'QUERY-SFeaa']);
  });

  it('is finished by a repeat, too', async () => {
    const user = await newUser();
    const logins = [await newSession(user), await newSession(user)];
    await cutOff(user);
    expect((await endAll(user)).status).toBe(503);
    await mend(user);
    expect((await endAll(user)).status).toBe(200);
    for (const login of logins) expect(await stateOf(login)).toBe('QUERY-SFeaa');
  });

  it('that could not reach a cell stays an end when a stop of the user comes after it', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await cutOff(user);
    expect((await endAll(user)).status).toBe(503);
    must(await cells.user(user.cell).transit({ userId: user.id, seen: { state: 'active', epoch: 1 }, transition: 'lock' }));
    await mend(user);
    await ring(user);
    expect(await stateOf(login)).toBe('QUERY-SFeaa');
  });

  it('that spares a session and could not reach its cell does not spare it from a stop that comes after it', async () => {
    const user = await newUser();
    const spared = await newSession(user);
    await cutOff(user);
    expect((await endAll(user, { exceptSessionId: spared.sessionId })).status).toBe(503);
    must(await cells.user(user.cell).transit({ userId: user.id, seen: { state: 'active', epoch: 1 }, transition: 'lock' }));
    await mend(user);
    await ring(user);
    expect(await stateOf(spared)).toBe('stopped');
    expect(outcome(await patch(spared, { metadata: [['a', 'MQ==']] }))).toBe('SESSION-Gj4ko');
  });

  it('is over with once it was told: a stop that comes later ends nothing', async () => {
    const user = await newUser();
    const cell = newCell();
    await sessionIn(cell, user);
    expect((await endAll(user)).status).toBe(200);
    const fresh = await sessionIn(cell, { ...user, epoch: user.epoch + 1 });
    await transit(user, 'lock');
    expect(await stateOf(fresh)).toBe('stopped');
  });

  it('that comes while an older stop is on its way is told as well', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await transit(user, 'lock');
    await cutOff(user);
    expect((await endAll(user)).status).toBe(503);
    expect(await stateOf(login)).toBe('stopped');
    await mend(user);
    await ring(user);
    expect(await stateOf(login)).toBe('QUERY-SFeaa');
  });

  it('is answered 503 while D1 cannot be told, with every session ended, and the alarm finishes it', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const DB = new Proxy(env.DB, {
      get: () => () => {
        throw new Error('D1_ERROR: no such host: SECRET');
      },
    });
    await breakUserCell(user, () => ({ DB }));
    const refused = await endAll(user);
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
    expect(JSON.stringify(refused.body)).not.toContain('SECRET');
    expect(await stateOf(login)).toBe('QUERY-SFeaa');
    const epochOf = () => env.DB.prepare('SELECT epoch FROM user WHERE id = ?').bind(user.id).first('epoch');
    expect(await epochOf()).toBe(user.epoch);
    await mend(user);
    await ring(user);
    expect(await epochOf()).toBe(user.epoch + 1);
  });

  it('changes nothing when D1 or the user’s cell cannot be reached from the start', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const DB = new Proxy(env.DB, {
      get: () => () => {
        throw new Error('D1_ERROR: no such host');
      },
    });
    const USERS = { getByName: () => new Proxy({}, { get: () => outOfReach }) };
    for (const bindings of [{ DB }, { USERS }]) expect(await endAll(user, {}, bindings)).toMatchObject({ status: 503, body: { code: 14 } });
    expect(outcome(await patch(login, passwordCheck()))).toBe('ok');
  });

  it('is remembered by the user’s cell across an eviction before anybody was told', async () => {
    const user = await newUser();
    const login = await newSession(user);
    expect(await endSessions(user)).toBe(true);
    await mend(user);
    expect(await stateOf(login)).toBe('active');
    await ring(user);
    expect(await stateOf(login)).toBe('QUERY-SFeaa');
  });

  it('is refused by the cell of a user who is deleted, whatever D1 said a moment ago', async () => {
    const user = await newUser();
    await newSession(user);
    await transit(user, 'delete');
    expect(await endSessions(user)).toBe(false);
    expect(await endAll(user)).toMatchObject({ status: 404, body: { details: [{ id: 'QUERY-Dfbg2' }] } });
  });

  it('leaves the sessions of others in the same cell alone', async () => {
    const [user, other, cell] = [await newUser(), await newUser(), newCell()];
    const [login, theirs, nobodys] = [await sessionIn(cell, user), await sessionIn(cell, other), await sessionIn(cell)];
    expect((await endAll(user, { exceptSessionId: theirs.sessionId })).status).toBe(200);
    expect([await stateOf(login), await stateOf(theirs), await stateOf(nobodys)]).toEqual(['QUERY-SFeaa', 'active', 'active']);
    expect(must(await read(theirs)).session.user?.epoch).toBe(other.epoch);
  });
});

describe('the end of all sessions but one', () => {
  it('revives none that was stopped before', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await transit(user, 'lock');
    await transit(user, 'unlock');
    const { id: userId, state, epoch } = user;
    const ends = { userId, seen: { state, epoch }, callerId: 'x', exceptSessionId: login.sessionId };
    expect(await cells.user(user.cell).endSessions(ends)).toBe(true);
    expect(await cells.user(user.cell).finish(userId)).toBe(true);
    expect(outcome(await read(login))).toBe('QUERY-SFeaa');
  });
});
