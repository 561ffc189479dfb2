import { createExecutionContext, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EVERYWHERE } from '../../src/core/permission.ts';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { alarmOf, askToWatch, cellStub, evict, sessionIn, socketsOf, until, Watcher, watching } from './watcher.ts';
import { cells, interposed, type Login, must, newSession, newUser, outcome, passwordCheck, patch, read, tokenAfter, transit } from './world.ts';

const HOUR_MS = 3_600_000;
const LEAST_PAUSE_MS = 1000;
const MOST = 32;

const metadata = (key: string): Partial<UpdateSession> => ({ metadata: [[key, 'MQ==']] });
const patched = (login: Login, command: Partial<UpdateSession>) => patch({ ...login, token: undefined }, command);
const end = (login: Login) =>
  cells.session(login.sessionCell).terminate({ sessionId: login.sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE });
const ring = (login: Login) => runDurableObjectAlarm(cellStub(login));

/** Moves every clock; Durable Objects share it with the test. */
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const stopClock = () => vi.useFakeTimers({ toFake: ['Date'] });

const refusalOf = async (login: Login, headers?: Record<string, string>) => {
  const answer = await askToWatch(login, headers);
  const body = await answer.json<{ details?: { id: string }[] }>();
  return [answer.status, body.details?.[0]?.id];
};

async function endSessions(user: User, exceptSessionId?: string): Promise<void> {
  const { state, epoch } = user;
  expect(await cells.user(user.cell).endSessions({ userId: user.id, seen: { state, epoch }, callerId: 'x', exceptSessionId })).toBe(true);
  expect(await cells.user(user.cell).finish(user.id)).toBe(true);
}

const aCell = () => `sessions:weur:${Math.floor(Math.random() * 99_999)}`;

afterEach(() => {
  vi.useRealTimers();
});

describe('a watch', () => {
  it('begins with the whole state, and each later message names what happened and shows the session after it', async () => {
    const user = await newUser();
    const login = await newSession();
    const watcher = await watching(login);
    const [first] = await watcher.told(1);
    expect(first).toEqual({ sequence: '2', session: expect.objectContaining({ id: login.sessionId, sequence: '2' }) });

    must(await patched(login, metadata('a')));
    must(await patched(login, { checks: { user: { userId: user.id } } }));
    must(await patched(login, passwordCheck()));
    must(await patched(login, { lifetimeMs: HOUR_MS }));
    const later = await watcher.told(5, 1);
    expect(later.map(({ sequence, events }) => [sequence, events])).toEqual([
      ['4', ['session.metadata.set', 'session.token.set']],
      ['6', ['session.user.checked', 'session.token.set']],
      ['8', ['session.password.checked', 'session.token.set']],
      ['10', ['session.lifetime.set', 'session.token.set']],
    ]);
    const [withMetadata, withUser, withPassword, withLifetime] = later.map(({ session }) => session);
    expect([withMetadata.metadata, withMetadata.factors]).toEqual([{ a: 'MQ==' }, undefined]);
    expect(withUser.factors).toEqual({ user: expect.objectContaining({ id: user.id }) });
    expect(Object.keys(withPassword.factors)).toEqual(['user', 'password']);
    expect(Date.parse(withLifetime.expirationDate)).toBe(must(await read(login)).session.expiresAt);
    for (const { sequence, session } of later) expect(session.sequence).toBe(sequence);
  });

  it('tells nothing of a request that was refused, or that changed nothing', async () => {
    const login = await newSession(await newUser());
    const watcher = await watching(login);
    expect(outcome(await patched(login, passwordCheck('wrong')))).toBe('COMMAND-3M0fs');
    expect(outcome(await patch({ ...login, token: 'wrong' }, metadata('a')))).toBe('COMMAND-sGr42');
    must(await patched(login, {}));
    await watcher.settled();
    expect(watcher.texts).toHaveLength(1);
  });

  it('tells nothing of a commit that did not come about', async () => {
    const login = await newSession();
    const watcher = await watching(login);
    await runInDurableObject(cellStub(login), (_, { storage }) => {
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        if (query.startsWith('UPDATE session')) throw new Error('disk I/O error');
        return exec(query, ...bindings);
      }) as typeof exec;
    });
    await expect(patched(login, metadata('a'))).rejects.toThrow('disk I/O error');
    await evict(login);
    await watcher.settled();
    expect(watcher.texts).toHaveLength(1);
  });

  it('hears of its own session only, of two that are in one cell', async () => {
    const cell = aCell();
    const [one, other] = [await sessionIn(cell), await sessionIn(cell)];
    const [atOne, atOther] = [await watching(one), await watching(other)];
    must(await patched(one, metadata('one')));
    must(await patched(other, metadata('other')));
    must(await end(other));
    expect(await atOther.ended()).toEqual([4000, 'terminated']);
    await atOne.settled();
    for (const [watcher, login] of [
      [atOne, one],
      [atOther, other],
    ] as const) {
      const told = await watcher.told(2);
      expect(told.map(({ session }) => session.id)).toEqual([login.sessionId, login.sessionId]);
    }
    expect(atOne.ending).toBeUndefined();
  });

  it('has everybody who watches a session told', async () => {
    const login = await newSession();
    const watchers = [await watching(login), await watching(login), await watching(login)];
    must(await patched(login, metadata('a')));
    for (const watcher of watchers) expect(await watcher.told(2, 1)).toMatchObject([{ sequence: '4' }]);
  });

  it('goes on when the token that it began with is superseded, and a new one begins by the new token alone', async () => {
    const login = await newSession();
    const watcher = await watching(login);
    const token = tokenAfter(await patch(login, metadata('a')));
    must(await patch({ ...login, token }, metadata('b')));
    expect(await watcher.told(3)).toHaveLength(3);
    expect((await refusalOf({ ...login, token }))[0]).toBe(403);
  });

  it('is asked for in whatever case the client writes it, and by no other upgrade', async () => {
    const login = await newSession();
    const protocols = { 'sec-websocket-protocol': `sallyport.watch.v1,${login.token}` };
    // Asked of the app itself: the runtime writes the header small on its way.
    const url = `http://sallyport.test/v2/sessions/${login.sessionId}/watch`;
    for (const upgrade of ['websocket', 'WebSocket']) {
      const answer = await app.fetch(new Request(url, { headers: { ...protocols, upgrade } }), env, createExecutionContext());
      expect(answer.status).toBe(101);
    }
    expect(await refusalOf(login, { ...protocols, upgrade: 'h2c' })).toEqual([400, 'SALLY-Upgrade']);
  });

  it('is answered 503 in time when its caller cannot be looked up', async () => {
    const login = await newSession();
    const DB = { prepare: () => ({ bind: () => ({ all: () => new Promise(() => {}) }) }) };
    const headers = { upgrade: 'websocket', authorization: 'Bearer pat_nobodys' };
    const request = new Request(`http://sallyport.test/v2/sessions/${login.sessionId}/watch`, { headers });
    const answer = await app.fetch(request, { ...env, DB, DEADLINE_SECONDS: '1' }, createExecutionContext());
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    await answer.body?.cancel();
  });

  it('answers ping by pong without waking the cell, and outlives whatever else is sent', async () => {
    const login = await newSession();
    const watcher = await watching(login);
    await watcher.settled();
    watcher.socket.send('hello');
    watcher.socket.send(new Uint8Array([1, 2, 3]));
    await watcher.settled();
    must(await patched(login, metadata('a')));
    expect(await watcher.told(2)).toHaveLength(2);
    expect(watcher.ending).toBeUndefined();
  });
});

describe('who watches', () => {
  it('is at most 32 a session; another session of the cell has its own, and a place is free once a watcher has gone', async () => {
    const cell = aCell();
    const [login, other] = [await sessionIn(cell), await sessionIn(cell)];
    const watchers = await Promise.all(Array.from({ length: MOST }, () => watching(login)));
    expect(await refusalOf(login)).toEqual([429, 'SALLY-Watches']);
    expect((await askToWatch(other)).status).toBe(101);
    watchers[0]?.socket.close(1000, 'enough');
    await until(async () => (await socketsOf(login)) === MOST);
    await watching(login);
    expect(await refusalOf(login)).toEqual([429, 'SALLY-Watches']);
  });

  it('is forgotten once it has closed, with or without a code', async () => {
    const login = await newSession();
    for (const code of [1000, 3999, 1001, undefined]) {
      const watcher = await watching(login);
      expect(await socketsOf(login)).toBe(1);
      watcher.socket.close(code);
      await until(async () => (await socketsOf(login)) === 0);
    }
    must(await patched(login, metadata('a')));
  });

  it('costs a PATCH no hop, no D1 statement, no row and no alarm', async () => {
    const login = await newSession();
    const watcher = await watching(login);
    await ring(login);
    const hops: string[] = [];
    let statements = 0;
    const db = new Proxy(env.DB, {
      get: (target, name) => {
        if (name === 'prepare' || name === 'batch') statements += 1;
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const counting = interposed((verb) => void hops.push(verb));
    const rows = await rowsWrittenIn(login, async () => {
      must(await patch({ ...login, token: undefined }, metadata('a'), { cells: counting, db }));
    });
    expect({ hops, statements, rows }).toEqual({ hops: ['commit'], statements: 0, rows: 1 });
    expect(await watcher.told(2)).toHaveLength(2);
  });

  it('costs no row to begin and to end', async () => {
    const login = await newSession();
    await ring(login);
    const before = await alarmOf(login);
    const rows = await rowsWrittenIn(login, async () => {
      const watcher = await watching(login);
      await watcher.told(1);
      watcher.socket.close(1000);
      await until(async () => (await socketsOf(login)) === 0);
    });
    expect(rows).toBe(0);
    // The alarm now stands at the expiry at the latest, which is the one thing that a watch may have it moved for.
    expect(await alarmOf(login)).toBe(Math.min(before ?? Number.POSITIVE_INFINITY, must(await read(login)).session.expiresAt));
  });
});

/** Rows that a session's cell writes while something is done. */
async function rowsWrittenIn(login: Login, work: () => Promise<void>): Promise<number> {
  let rows = 0;
  await runInDurableObject(cellStub(login), (_, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql);
    storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
      const cursor = exec(query, ...bindings);
      rows += cursor.rowsWritten;
      return cursor;
    }) as typeof exec;
  });
  await work();
  return rows;
}

describe('a watch whose cell is evicted', () => {
  it('is told of what is committed afterwards, and closed when the session ends', async () => {
    const login = await newSession();
    const watcher = await watching(login);
    await evict(login);
    must(await patched(login, metadata('a')));
    expect(await watcher.told(2, 1)).toMatchObject([{ sequence: '4', events: ['session.metadata.set', 'session.token.set'] }]);
    await evict(login);
    must(await end(login));
    expect(await watcher.ended()).toEqual([4000, 'terminated']);
  });

  it('is told nothing by the mere waking, and a new one begins with the latest state', async () => {
    const login = await newSession();
    const early = await watching(login);
    const token = tokenAfter(await patch(login, metadata('a')));
    await early.told(2);
    await evict(login);
    const late = await watching({ ...login, token });
    const [whole] = await late.told(1);
    expect(whole).toEqual({ sequence: '4', session: expect.objectContaining({ sequence: '4', metadata: { a: 'MQ==' } }) });
    await early.settled();
    expect(early.texts).toHaveLength(2);
  });

  it('still counts towards the most there may be', async () => {
    const login = await newSession();
    await Promise.all(Array.from({ length: MOST }, () => watching(login)));
    await evict(login);
    expect(await refusalOf(login)).toEqual([429, 'SALLY-Watches']);
  });

  it('expires by the alarm all the same', async () => {
    stopClock();
    const login = await newSession();
    must(await patched(login, { lifetimeMs: HOUR_MS }));
    const { token } = { token: tokenAfter(await patched(login, metadata('a'))) };
    const watcher = await watching({ ...login, token });
    await ring(login);
    await evict(login);
    pass(HOUR_MS);
    await ring(login);
    expect(await watcher.ended()).toEqual([4000, 'expired']);
  });
});

describe('the end of a watch', () => {
  it('is "terminated" when the session is deleted, without a message', async () => {
    const login = await newSession();
    const watcher = await watching(login);
    must(await end(login));
    expect(await watcher.ended()).toEqual([4000, 'terminated']);
    expect(watcher.texts).toHaveLength(1);
    await until(async () => (await socketsOf(login)) === 0);
  });

  for (const transition of ['lock', 'deactivate'] as const) {
    it(`is "stopped" when the user is stopped: ${transition}`, async () => {
      const [user, other] = [await newUser(), await newUser()];
      const cell = aCell();
      const [login, anothers] = [await sessionIn(cell, user.id), await sessionIn(cell, other.id)];
      const [watcher, bystander] = [await watching(login), await watching(anothers)];
      await transit(user, transition);
      expect(await watcher.ended()).toEqual([4000, 'stopped']);
      expect((await bystander.settled()).ending).toBeUndefined();
    });
  }

  it('is "terminated" when the user is deleted, or all their sessions are ended, but for one that is spared', async () => {
    const user = await newUser();
    const cell = aCell();
    const [ended, spared] = [await sessionIn(cell, user.id), await sessionIn(cell, user.id)];
    const [atEnded, atSpared] = [await watching(ended), await watching(spared)];
    await endSessions(user, spared.sessionId);
    expect(await atEnded.ended()).toEqual([4000, 'terminated']);
    expect((await atSpared.settled()).ending).toBeUndefined();
    must(await patched(spared, metadata('a')));
    await atSpared.told(2);
    await transit({ ...user, epoch: user.epoch + 1 }, 'delete');
    expect(await atSpared.ended()).toEqual([4000, 'terminated']);
    expect(atSpared.texts).toHaveLength(2);
  });

  it('is "expired" once the lifetime is over, by an alarm that rings then and not by one before', async () => {
    stopClock();
    const login = await newSession();
    const token = tokenAfter(await patched(login, { lifetimeMs: HOUR_MS }));
    await ring(login);
    const watcher = await watching({ ...login, token });
    const { expiresAt } = must(await read(login)).session;
    expect(await alarmOf(login)).toBe(expiresAt);
    pass(HOUR_MS - 1);
    await ring(login);
    expect((await watcher.settled()).ending).toBeUndefined();
    pass(LEAST_PAUSE_MS);
    await ring(login);
    expect(await watcher.ended()).toEqual([4000, 'expired']);
    expect(watcher.texts).toHaveLength(1);
  });

  it('comes with the commit that ends the session, and does not wait for an alarm', async () => {
    const [user, locked] = [await newUser(), await newUser()];
    const cell = aCell();
    const [deleted, stopped] = [await sessionIn(cell, user.id), await sessionIn(cell, locked.id)];
    const watchers = [await watching(deleted), await watching(stopped)];
    const left = await runInDurableObject(cellStub(deleted), (instance, state) => {
      const open = () => state.getWebSockets().filter(({ readyState }) => readyState === WebSocket.OPEN).length;
      const counts = [open()];
      must(instance.terminate({ sessionId: deleted.sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE }));
      counts.push(open());
      instance.stop({ userId: locked.id, epoch: locked.epoch + 1, deleted: false });
      return [...counts, open()];
    });
    expect(left).toEqual([2, 1, 0]);
    expect(await Promise.all(watchers.map((watcher) => watcher.ended()))).toEqual([
      [4000, 'terminated'],
      [4000, 'stopped'],
    ]);
  });

  it('has the alarm ring for the first of those watched to expire, then for the next', async () => {
    stopClock();
    const cell = aCell();
    const [sooner, later] = [await sessionIn(cell), await sessionIn(cell)];
    for (const [login, hours] of [
      [later, 3],
      [sooner, 1],
    ] as const)
      must(await patched(login, { lifetimeMs: hours * HOUR_MS }));
    const tokens = [tokenAfter(await patched(sooner, metadata('a'))), tokenAfter(await patched(later, metadata('a')))] as const;
    const [atSooner, atLater] = [await watching({ ...sooner, token: tokens[0] }), await watching({ ...later, token: tokens[1] })];
    await ring(sooner);
    expect(await alarmOf(sooner)).toBe(must(await read(sooner)).session.expiresAt);
    pass(HOUR_MS);
    await ring(sooner);
    expect(await atSooner.ended()).toEqual([4000, 'expired']);
    expect((await atLater.settled()).ending).toBeUndefined();
    expect(await alarmOf(later)).toBe(must(await read(later)).session.expiresAt);
  });

  it('moves with the lifetime, to later and to sooner', async () => {
    stopClock();
    const login = await newSession();
    const watcher = await watching({ ...login, token: tokenAfter(await patched(login, { lifetimeMs: HOUR_MS })) });
    must(await patched(login, { lifetimeMs: 3 * HOUR_MS }));
    pass(HOUR_MS);
    await ring(login);
    expect((await watcher.settled()).ending).toBeUndefined();
    expect(await alarmOf(login)).toBe(must(await read(login)).session.expiresAt);
    must(await patched(login, { lifetimeMs: 60_000 }));
    pass(1000);
    await ring(login);
    expect(await alarmOf(login)).toBe(must(await read(login)).session.expiresAt);
    pass(60_000);
    await ring(login);
    expect(await watcher.ended()).toEqual([4000, 'expired']);
  });

  it('comes right after the first message for a session that has expired', async () => {
    stopClock();
    const login = await newSession();
    const token = tokenAfter(await patched(login, { lifetimeMs: HOUR_MS }));
    await ring(login);
    pass(HOUR_MS + 1000);
    const watcher = await watching({ ...login, token });
    expect((await watcher.told(1))[0]?.session.state).toBe('SESSION_STATE_EXPIRED');
    await ring(login);
    expect(await watcher.ended()).toEqual([4000, 'expired']);
  });

  it('comes right after the first message for a session that is stopped', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await transit(user, 'lock');
    await ring(login);
    const watcher = await watching(login);
    expect((await watcher.told(1))[0]?.session.state).toBe('SESSION_STATE_STOPPED');
    expect(await watcher.ended()).toEqual([4000, 'stopped']);
  });

  it('hinders nothing for a client that does not answer it', async () => {
    stopClock();
    const user = await newUser();
    const login = await newSession(user);
    must(await patched(login, passwordCheck()));
    const token = tokenAfter(await patched(login, { lifetimeMs: HOUR_MS }));
    // Never accepted on this side: neither messages nor the close are taken note of.
    const { webSocket } = await askToWatch({ ...login, token });
    pass(HOUR_MS + 1000);
    await ring(login);
    const change = { userId: user.id, version: 2, callerId: 'x', endSessions: false };
    await cells.session(login.sessionCell).passwordChanged(change);
    expect(must(await read(login)).session.factors.password).toBeUndefined();
    expect(new Watcher(webSocket as WebSocket).texts).toEqual([]);
  });
});

describe('a user who is deleted', () => {
  it('has their sessions ended in the cells, in which nothing personal stays, and nobody else has', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const cell = aCell();
    const [active, expired, ended, anothers] = [
      await sessionIn(cell, user.id),
      await sessionIn(cell, user.id),
      await sessionIn(cell, user.id),
      await sessionIn(cell, other.id),
    ];
    must(await patched(active, passwordCheck()));
    for (const login of [active, expired]) must(await patched(login, { metadata: [['secret-of-minnie', btoa('at the mouse house')]] }));
    must(await patched(expired, { lifetimeMs: 1 }));
    must(await end(ended));
    const contents = () =>
      runInDurableObject(cellStub(active), (_, { storage }) =>
        [...storage.sql.exec<{ content: string }>('SELECT content FROM session WHERE user_id = ? OR user_id IS NULL', user.id)].map(
          ({ content }) => content,
        ),
      );
    const personal = [`${user.id}@mouse.com`, 'Minnie Mouse', 'secret-of-minnie', btoa('at the mouse house')];
    for (const text of personal) expect((await contents()).join()).toContain(text);
    await transit(user, 'delete');
    const left = await contents();
    expect(left.length).toBeGreaterThan(0);
    for (const text of personal) expect(left.join()).not.toContain(text);
    for (const login of [active, expired, ended]) expect(outcome(await read(login))).toBe('QUERY-SFeaa');
    expect(must(await read(anothers)).session.user?.loginName).toBe(`${other.id}@mouse.com`);
  });
});
