import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionUser } from '../../src/core/session/session.ts';
import { indexSessions } from '../../src/directory/session-index.ts';
import {
  end,
  entriesOf,
  entryOf,
  evict,
  indexed,
  isIndexing,
  newCell,
  objectsOf,
  rebind,
  ringUntil,
  send,
  sessionIn,
  stubOf,
  untilTold,
  watchedDb,
} from './sessions-world.ts';
import { type Login, must, newUser, outcome, passwordCheck, patch, read, transit } from './world.ts';

const DAY_MS = 24 * 3_600_000;
const SWEEP_MS = 10 * 60_000;

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
const alarmOf = (cell: string) => runInDurableObject(stubOf(cell), (_, { storage }) => storage.getAlarm());
const every = (step: number, n: number): boolean => n % step === 0;
const ring = (cell: string) => runDurableObjectAlarm(stubOf(cell));

const failing = watchedDb(async (statement, run) => {
  if (isIndexing(statement)) throw new Error('D1_ERROR: no such host');
  return run();
});

/** D1 whose writes to the index wait for a word. A cell looks for it itself: nobody else may wake what waits in there. */
function heldDb() {
  const gate = { waiting: 0, passed: 0 };
  const db = watchedDb(async (statement, run) => {
    if (isIndexing(statement)) {
      gate.waiting += 1;
      const turn = gate.waiting;
      while (gate.passed < turn) await scheduler.wait(5);
    }
    return run();
  });
  return {
    db,
    waiting: async () => {
      for (let tries = 0; tries < 2000 && gate.waiting === gate.passed; tries += 1) await scheduler.wait(10);
      expect(gate.waiting).toBeGreaterThan(gate.passed);
    },
    release: () => {
      gate.passed = gate.waiting;
    },
  };
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Until the index says of every session of these cells what the cell has; and then says it in full. */
async function expectTold(...names: string[]): Promise<void> {
  for (const name of names) {
    const objects = await objectsOf(name);
    const ids = objects.map(({ id }) => id);
    const wanted = entriesOf(objects);
    await ringUntil(name, 'the index holds what the objects hold', async () => {
      const rows = await indexed(ids);
      return rows.length === wanted.length && rows.every(({ sequence, epoch }, n) => sequence === wanted[n]?.sequence && epoch === wanted[n]?.epoch);
    }).catch(() => undefined);
    expect(await indexed(ids)).toEqual(wanted);
  }
}

describe('the index', () => {
  it('equals the objects after 200 parallel creates, PATCHes and deletes while a third of its writes failed', async () => {
    const [user, names] = [await newUser(), [newCell(), newCell(), newCell()]];
    let writes = 0;
    let failed = 0;
    const flaky = watchedDb(async (statement, run) => {
      if (!isIndexing(statement)) return run();
      writes += 1;
      if (writes % 3 !== 1) return run();
      failed += 1;
      // Half of the failures come after the row was written: the answer is lost.
      if (failed % 2 === 0) await run();
      throw new Error('D1_ERROR: network connection lost');
    });
    for (const name of names) await rebind(name, { DB: flaky });
    let over = false;
    const ringing = (async () => {
      while (!over) for (const name of names) if (!(await ring(name))) await scheduler.wait(20);
    })();
    const users = [user, undefined, undefined, undefined];
    const agents = [{ fingerprintId: 'an agent' }, {}, {}, {}, {}];
    const live = async (n: number) => {
      const login = await sessionIn(names[n % 3] ?? '', users[n % 4], agents[n % 5]);
      const tokenless = { ...login, token: undefined };
      must(await patch(tokenless, every(2, n) ? { lifetimeMs: 60_000 * (n + 1) } : { metadata: [['n', btoa(String(n))]] }));
      if (every(3, n)) must(await patch(tokenless, { checks: { user: { userId: user.id } } }));
      if (every(7, n)) must(await end(login));
    };
    await Promise.all(Array.from({ length: 200 }, (_, n) => live(n)));
    over = true;
    await ringing;
    await expectTold(...names);
    expect((await Promise.all(names.map(objectsOf))).flat()).toHaveLength(200);
    expect(failed).toBeGreaterThan(0);
    for (const name of names) await evict(name);
  });

  it('is told of more sessions than one batch holds', async () => {
    const cell = newCell();
    await rebind(cell, { DB: failing });
    for (let batch = 0; batch < 9; batch += 1) await Promise.all(Array.from({ length: 50 }, () => sessionIn(cell)));
    await evict(cell);
    expect(await objectsOf(cell)).toHaveLength(450);
    let batches = 0;
    const db = watchedDb(async (statement, run) => {
      batches += Number(isIndexing(statement));
      return run();
    });
    await rebind(cell, { DB: db });
    await expectTold(cell);
    expect(batches).toBeGreaterThanOrEqual(3);
    await evict(cell);
  });

  it('says who, where and until when: of the user that was checked, of a lifetime that was moved, of the end', async () => {
    const user = await newUser();
    const login = await sessionIn(newCell(), undefined, { creator: 'Minnie', fingerprintId: 'agent', lifetimeMs: 600_000 });
    await untilTold(login);
    const first = await entryOf(login);
    expect(first).toMatchObject({ creator: 'Minnie', fingerprint_id: 'agent', user_id: null, organization_id: null, epoch: null, ended: 0 });
    const { session } = must(await read(login));
    expect(first).toMatchObject({ creation_date: session.creationDate, expiration_date: session.creationDate + 600_000 });

    must(await patch({ ...login, token: undefined }, { checks: { user: { userId: user.id } } }));
    await untilTold(login);
    expect(await entryOf(login)).toMatchObject({ user_id: user.id, organization_id: 'org', epoch: 1, creator: 'Minnie', fingerprint_id: 'agent' });
    for (const lifetimeMs of [60_000, 6_000_000]) {
      must(await patch({ ...login, token: undefined }, { lifetimeMs }));
      await untilTold(login);
      expect((await entryOf(login))?.expiration_date).toBe(must(await read(login)).session.lifetimeEndsAt);
    }
    must(await end(login));
    await untilTold(login);
    expect(await entryOf(login)).toMatchObject({ ended: 1, user_id: user.id });
  });

  it('is not written by a PATCH of metadata, which is one row and sets no alarm', async () => {
    const login = await sessionIn(newCell());
    await untilTold(login);
    await ring(login.sessionCell);
    let statements = 0;
    const db = watchedDb(async (_, run) => {
      statements += 1;
      return run();
    });
    await rebind(login.sessionCell, { DB: db });
    const before = await entryOf(login);
    const alarmOf = () => runInDurableObject(stubOf(login.sessionCell), (_, { storage }) => storage.getAlarm());
    const alarm = await alarmOf();
    const rows = await rowsWritten(login.sessionCell, async () => {
      must(await patch({ ...login, token: undefined }, { metadata: [['a', 'MQ==']] }));
    });
    expect(rows).toBe(1);
    expect(await alarmOf()).toBe(alarm);
    await ring(login.sessionCell);
    expect(statements).toBe(0);
    expect(await entryOf(login)).toEqual(before);
    await evict(login.sessionCell);
  });

  it('is not changed by a late write of an older state, whichever of two it is', async () => {
    const user = await newUser();
    const login = await sessionIn(newCell(), user);
    const { session: older } = must(await read(login));
    must(await patch({ ...login, token: undefined }, { lifetimeMs: 60_000 }));
    await untilTold(login);
    const now = await entryOf(login);
    await indexSessions(env.DB, [older]);
    expect(await entryOf(login)).toEqual(now);

    const { session } = must(await read(login));
    const spared = { ...session, user: { ...session.user, epoch: 2 } as SessionUser };
    await indexSessions(env.DB, [spared]);
    expect(await entryOf(login)).toEqual({ ...now, epoch: 2 });
    await indexSessions(env.DB, [session]);
    expect(await entryOf(login)).toEqual({ ...now, epoch: 2 });

    must(await end(login));
    await untilTold(login);
    await indexSessions(env.DB, [spared, older]);
    expect(await entryOf(login)).toMatchObject({ ended: 1 });
  });

  it('shows no ghost when a session is ended while an earlier write of it is on its way', async () => {
    const login = await sessionIn(newCell());
    const held = heldDb();
    await rebind(login.sessionCell, { DB: held.db });
    const ringing = ring(login.sessionCell);
    await held.waiting();
    must(await end(login));
    held.release();
    await ringing;
    expect((await entryOf(login))?.ended ?? 0).toBe(0);
    const again = ring(login.sessionCell);
    await held.waiting();
    held.release();
    expect(await again).toBe(true);
    expect(await entryOf(login)).toMatchObject({ ended: 1 });
    await evict(login.sessionCell);
  });

  it('is told of what was touched while the alarm was busy with it, and of what was committed before memory was lost', async () => {
    const [cell, user] = [newCell(), await newUser()];
    const login = await sessionIn(cell);
    const held = heldDb();
    await rebind(cell, { DB: held.db });
    const ringing = ring(cell);
    await held.waiting();
    must(await patch({ ...login, token: undefined }, { checks: { user: { userId: user.id } } }));
    const other = await sessionIn(cell);
    held.release();
    await ringing;
    await evict(cell);
    await expectTold(cell);
    expect(await entryOf(login)).toMatchObject({ user_id: user.id });
    expect(await entryOf(other)).toBeDefined();
  });

  it('is told that a session was spared when all others of its user ended while the alarm was busy with it', async () => {
    const [cell, user] = [newCell(), await newUser()];
    const spared = await sessionIn(cell, user);
    const held = heldDb();
    await rebind(cell, { DB: held.db });
    const ringing = ring(cell);
    await held.waiting();
    expect((await send('DELETE', `/v2/users/${user.id}/sessions`, { exceptSessionId: spared.sessionId })).status).toBe(200);
    held.release();
    await ringing;
    await rebind(cell, { DB: env.DB });
    for (let times = 0; times < 3; times += 1) await ring(cell);
    expect(must(await read(spared)).state).toBe('active');
    expect(await entryOf(spared)).toMatchObject({ epoch: user.epoch + 1, ended: 0 });
    await evict(cell);
  });

  it('is told of many sessions whose agents have names as long as they may be', async () => {
    const cell = newCell();
    await rebind(cell, { DB: failing });
    const fingerprintId = '\u{1f42d}'.repeat(100);
    for (let batch = 0; batch < 4; batch += 1) await Promise.all(Array.from({ length: 50 }, () => sessionIn(cell, undefined, { fingerprintId })));
    await evict(cell);
    await expectTold(cell);
  });

  it('is tried again within seconds when D1 failed, and within a second or two when more was touched meanwhile', async () => {
    const cell = newCell();
    const login = await sessionIn(cell);
    await rebind(cell, { DB: failing });
    await ring(cell);
    expect(await alarmOf(cell)).toBeLessThanOrEqual(Date.now() + 6000);
    const held = heldDb();
    await rebind(cell, { DB: held.db });
    const ringing = ring(cell);
    await held.waiting();
    must(await patch({ ...login, token: undefined }, { lifetimeMs: 60_000 }));
    held.release();
    await ringing;
    expect(await alarmOf(cell)).toBeLessThanOrEqual(Date.now() + 2000);
    await evict(cell);
  });

  it('is not told anew of what it was told of when memory is lost', async () => {
    const cell = newCell();
    const login = await sessionIn(cell);
    await scheduler.wait(5);
    await untilTold(login);
    await ring(cell);
    await evict(cell);
    let writes = 0;
    const db = watchedDb(async (statement, run) => {
      writes += Number(isIndexing(statement));
      return run();
    });
    await rebind(cell, { DB: db });
    await ring(cell);
    expect(writes).toBe(0);
    await evict(cell);
  });

  it('is told by the alarm after an eviction, of a create, a change and an end each', async () => {
    const login = await sessionIn(newCell());
    await evict(login.sessionCell);
    await expectTold(login.sessionCell);
    must(await patch({ ...login, token: undefined }, { lifetimeMs: 60_000 }));
    await evict(login.sessionCell);
    await expectTold(login.sessionCell);
    must(await patch({ ...login, token: undefined }, { lifetimeMs: 120_000 }));
    must(await patch({ ...login, token: undefined }, { metadata: [['a', 'MQ==']] }));
    await evict(login.sessionCell);
    await expectTold(login.sessionCell);
    must(await end(login));
    await evict(login.sessionCell);
    await expectTold(login.sessionCell);
    expect(await entryOf(login)).toMatchObject({ ended: 1 });
  });

  it('has an alarm due about a second after what it has to be told of', async () => {
    const login = await sessionIn(newCell());
    await untilTold(login);
    await ring(login.sessionCell);
    const before = Date.now();
    must(await patch({ ...login, token: undefined }, { lifetimeMs: 60_000 }));
    const alarm = await runInDurableObject(stubOf(login.sessionCell), (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeGreaterThanOrEqual(before + 1000);
    expect(alarm).toBeLessThanOrEqual(Date.now() + 1000);
  });
});

describe('the cost of a login in its session cell, counted', () => {
  it('is one row a step, and one entry of the index for all steps of a second', async () => {
    const [user, cell] = [await newUser(), newCell()];
    await untilTold(await sessionIn(cell));
    const cost = { entries: 0, entryRows: 0 };
    const db = watchedDb(async (statement, run) => {
      const result = (await run()) as D1Result;
      if (isIndexing(statement)) {
        cost.entries += 1;
        cost.entryRows += result.meta.rows_written;
      }
      return result;
    });
    await rebind(cell, { DB: db });
    const logins: Login[] = [];
    const created = await rowsWritten(cell, async () => void logins.push(await sessionIn(cell)));
    const [login] = logins as [Login];
    const step = (command: Parameters<typeof patch>[1]) =>
      rowsWritten(cell, async () => {
        must(await patch({ ...login, token: undefined }, command));
      });
    const checked = await step({ checks: { user: { userId: user.id } } });
    const proved = await step(passwordCheck());
    const noted = await step({ metadata: [['a', 'MQ==']] });
    await untilTold(login);
    const first = { ...cost };
    must(await patch({ ...login, token: undefined }, { lifetimeMs: 60_000 }));
    await untilTold(login);
    const moved = cost.entryRows - first.entryRows;
    must(await end(login));
    await untilTold(login);
    console.log(`rows: ${JSON.stringify({ created, checked, proved, noted, entry: first, moved, ended: cost.entryRows - first.entryRows - moved })}`);
    expect([created, checked, proved, noted]).toEqual([1, 1, 1, 1]);
    expect(first.entries).toBeLessThanOrEqual(2);
    await evict(cell);
  });
});

describe('a session whose time is over', () => {
  it('is gone 24 hours after its end, from the index first, then from its cell', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [cell, login] = await theOnlyOne();
    must(await end(login));
    await untilTold(login);
    pass(DAY_MS - 1000);
    await ring(cell);
    expect(await entryOf(login)).toMatchObject({ ended: 1 });
    expect(await objectsOf(cell)).toHaveLength(1);

    pass(SWEEP_MS + 1000);
    const order: string[] = [];
    const db = watchedDb(async (statement, run) => {
      if (isIndexing(statement)) order.push(`D1 with ${(await objectsOf(cell)).length} in the cell`);
      return run();
    });
    await rebind(cell, { DB: db });
    await ringUntil(cell, 'it is gone', async () => (await objectsOf(cell)).length === 0);
    expect(order).toEqual(['D1 with 1 in the cell']);
    expect(await entryOf(login)).toBeUndefined();
    await evict(cell);
  });

  it('is gone 24 hours after it expired, with all that was spilled', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [cell, login] = await theOnlyOne(60_000);
    for (let n = 0; n < 30; n += 1) must(await patch({ ...login, token: undefined }, { metadata: [['n', btoa(String(n))]] }));
    const spilled = () => runInDurableObject(stubOf(cell), (_, { storage }) => storage.sql.exec('SELECT 1 FROM trail').toArray().length);
    expect(await spilled()).toBeGreaterThan(0);
    pass(DAY_MS);
    await ring(cell);
    expect(must(await read(login)).state).toBe('expired');
    expect(await entryOf(login)).toBeDefined();
    pass(SWEEP_MS + 60_000);
    await ringUntil(cell, 'it is gone', async () => (await objectsOf(cell)).length === 0);
    expect(await spilled()).toBe(0);
    expect(await entryOf(login)).toBeUndefined();
    expect(outcome(await read(login))).toBe('QUERY-SFeaa');
  });

  it('stays in both while D1 cannot be reached, and goes from both afterwards', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [cell, login] = await theOnlyOne();
    must(await end(login));
    await untilTold(login);
    pass(DAY_MS + SWEEP_MS);
    await rebind(cell, { DB: failing });
    for (let times = 0; times < 3; times += 1) expect(await ring(cell)).toBe(true);
    expect(await objectsOf(cell)).toHaveLength(1);
    expect(await entryOf(login)).toMatchObject({ ended: 1 });
    await evict(cell);
    const alarm = await runInDurableObject(stubOf(cell), (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeLessThanOrEqual(Date.now() + 10_000);
    await ringUntil(cell, 'it is gone', async () => (await objectsOf(cell)).length === 0);
    expect(await entryOf(login)).toBeUndefined();
  });

  it('goes together with hundreds of others, and those whose time is not over stay', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const cell = newCell();
    for (let batch = 0; batch < 5; batch += 1)
      await Promise.all(Array.from({ length: 50 }, () => sessionIn(cell, undefined, { lifetimeMs: 60_000 })));
    const staying = await sessionIn(cell, undefined, { lifetimeMs: 3 * DAY_MS });
    await expectTold(cell);
    const ids = (await objectsOf(cell)).map(({ id }) => id);
    pass(DAY_MS + SWEEP_MS + 60_000);
    await ringUntil(cell, 'they are gone', async () => (await objectsOf(cell)).length === 1);
    expect((await indexed(ids)).map(({ id }) => id)).toEqual([staying.sessionId]);
    expect(must(await read(staying)).state).toBe('active');
  });

  it('of a user who was deleted goes after 24 hours, however long it would have lived', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    const cell = newCell();
    const login = await sessionIn(cell, user);
    await untilTold(login);
    await transit(user, 'delete');
    pass(DAY_MS + SWEEP_MS);
    await ringUntil(cell, 'it is gone', async () => (await objectsOf(cell)).length === 0);
    expect(await entryOf(login)).toBeUndefined();
  });

  it('does not keep from the index what is created while it is being removed', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [cell, login] = await theOnlyOne();
    must(await end(login));
    await untilTold(login);
    pass(DAY_MS + SWEEP_MS);
    const held = heldDb();
    await rebind(cell, { DB: held.db });
    const ringing = ring(cell);
    await held.waiting();
    const fresh = await sessionIn(cell, undefined, { lifetimeMs: 3 * DAY_MS });
    held.release();
    await ringing;
    const alarm = await runInDurableObject(stubOf(cell), (_, { storage }) => storage.getAlarm());
    expect(alarm, 'the next alarm').toBeLessThanOrEqual(Date.now() + 10_000);
    await rebind(cell, { DB: env.DB });
    await ring(cell);
    expect(await entryOf(fresh)).toBeDefined();
    await evict(cell);
  });

  it('whose removal the disk refuses does not break the alarm, and is removed later', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const [cell, login] = await theOnlyOne();
    must(await end(login));
    await untilTold(login);
    pass(DAY_MS + SWEEP_MS);
    const threw = await runInDurableObject(stubOf(cell), async (instance, { storage }) => {
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        if (query.startsWith('DELETE FROM session')) throw new Error('disk I/O error');
        return exec(query, ...bindings);
      }) as typeof exec;
      return instance.alarm().then(
        () => false,
        () => true,
      );
    });
    expect(threw).toBe(false);
    await evict(cell);
    await ringUntil(cell, 'it is gone', async () => (await objectsOf(cell)).length === 0);
  });
});

/** A session alone in its cell, told to the index. */
async function theOnlyOne(lifetimeMs?: number): Promise<readonly [cell: string, login: Login]> {
  const cell = newCell();
  const login = await sessionIn(cell, undefined, lifetimeMs === undefined ? {} : { lifetimeMs });
  await untilTold(login);
  return [cell, login];
}

/** Rows that a cell writes while something is done. */
async function rowsWritten(cell: string, work: () => Promise<void>): Promise<number> {
  const counter = { rows: 0 };
  const real: { exec?: SqlStorage['exec'] } = {};
  await runInDurableObject(stubOf(cell), (_, { storage }) => {
    real.exec = storage.sql.exec;
    const exec = storage.sql.exec.bind(storage.sql);
    storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
      const cursor = exec(query, ...bindings);
      counter.rows += cursor.rowsWritten;
      return cursor;
    }) as typeof exec;
  });
  await work();
  await runInDurableObject(stubOf(cell), (_, { storage }) => {
    if (real.exec) storage.sql.exec = real.exec;
  });
  return counter.rows;
}

describe('POST /reindex', () => {
  const reindex = (body: object = {}, more: object = {}) => send('POST', '/reindex', body, more);

  /** An index and a register with nothing in them, so that what is counted is the test's own. */
  beforeEach(async () => {
    await env.DB.batch([env.DB.prepare('DELETE FROM session_index'), env.DB.prepare("DELETE FROM cell WHERE name LIKE 'sessions:%'")]);
  });

  const ghost = (id: string) =>
    env.DB.prepare(
      `INSERT INTO session_index (id, sequence, creator, creation_date, expiration_date, ended) VALUES (?, 1, 'x', 1, ${Date.now() + DAY_MS}, 0)`,
    ).bind(id);

  it('heals an entry that is missing, one that is behind, and one of a session that is gone', async () => {
    const [one, other] = [newCell(), newCell()];
    const [missing, stale, fine, gone] = [
      await sessionIn(one),
      await sessionIn(one, await newUser()),
      await sessionIn(other),
      await sessionIn(other),
    ];
    await expectTold(one, other);
    const wanted = [...entriesOf(await objectsOf(one)), ...entriesOf((await objectsOf(other)).filter(({ id }) => id !== gone.sessionId))];
    await runInDurableObject(stubOf(other), (_, { storage }) => storage.sql.exec('DELETE FROM session WHERE id = ?', gone.sessionId).toArray());
    await env.DB.batch([
      env.DB.prepare('DELETE FROM session_index WHERE id = ?').bind(missing.sessionId),
      env.DB.prepare("UPDATE session_index SET sequence = 1, user_id = 'somebody', epoch = 0, expiration_date = 1, ended = 1 WHERE id = ?").bind(
        stale.sessionId,
      ),
      ghost('a id of nobody'),
      ghost(`${fine.sessionId}x`),
    ]);
    const { status, body } = await reindex();
    expect([status, body]).toEqual([200, { cells: 2, looked: 5, removed: 3 }]);
    expect((await indexed([gone.sessionId, 'a id of nobody', `${fine.sessionId}x`])).length).toBe(0);
    await expectTold(one, other);
    const { results } = await env.DB.prepare('SELECT * FROM session_index ORDER BY id').all();
    expect(results).toEqual(wanted.sort((a, b) => (a.id < b.id ? -1 : 1)));
    expect((await reindex()).body).toEqual({ cells: 2, looked: 3 });
  });

  it('heals an entry that says something else under the same number, or is ahead of its session', async () => {
    const cell = newCell();
    const [same, ahead] = [await sessionIn(cell), await sessionIn(cell)];
    await expectTold(cell);
    await env.DB.batch([
      env.DB.prepare('UPDATE session_index SET expiration_date = 1 WHERE id = ?').bind(same.sessionId),
      env.DB.prepare('UPDATE session_index SET expiration_date = 1, ended = 1, sequence = sequence + 5 WHERE id = ?').bind(ahead.sessionId),
    ]);
    expect((await reindex()).status).toBe(200);
    for (let times = 0; times < 3; times += 1) await ring(cell);
    expect(await indexed([same.sessionId, ahead.sessionId])).toEqual(entriesOf(await objectsOf(cell)));
  });

  it('looks at 500 entries a call, and tells where to go on', async () => {
    const login = await sessionIn(newCell());
    await expectTold(login.sessionCell);
    const ghosts = Array.from({ length: 1200 }, (_, n) => ghost(`ghost ${String(n).padStart(5, '0')}`));
    for (let n = 0; n < ghosts.length; n += 100) await env.DB.batch(ghosts.slice(n, n + 100));
    const parts: { cells?: number; looked?: number; removed?: number; next?: string }[] = [];
    let after: string | undefined = '';
    while (after !== undefined && parts.length < 10) {
      const { body } = await reindex({ after });
      parts.push(body);
      after = body.next;
    }
    expect(parts.map(({ cells = 0, looked = 0, removed = 0 }) => [cells, looked, removed])).toEqual([
      [1, 500, 499],
      [0, 500, 500],
      [0, 201, 201],
    ]);
    const { results } = await env.DB.prepare('SELECT id FROM session_index').all<{ id: string }>();
    expect(results.map(({ id }) => id)).toEqual([login.sessionId]);
  });

  it('has each cell begin at once', async () => {
    const login = await sessionIn(newCell());
    await expectTold(login.sessionCell);
    await ring(login.sessionCell);
    expect((await reindex()).status).toBe(200);
    expect(await alarmOf(login.sessionCell)).toBeLessThanOrEqual(Date.now() + 1000);
  });

  it('goes on after the entry at which a call ended, and looks at none twice', async () => {
    const login = await sessionIn(newCell());
    await expectTold(login.sessionCell);
    for (let n = 0; n < 499; n += 100) {
      await env.DB.batch(Array.from({ length: Math.min(100, 499 - n) }, (_, more) => ghost(`a ghost ${String(n + more).padStart(5, '0')}`)));
    }
    expect((await reindex()).body).toEqual({ cells: 1, looked: 500, removed: 499, next: login.sessionId });
    expect((await reindex({ after: login.sessionId })).body).toEqual({});
  });

  it('takes out no entry of a session that ended and is kept, nor of one that expired', async () => {
    const cell = newCell();
    const ended = await sessionIn(cell);
    must(await end(ended));
    const expired = await sessionIn(cell, undefined, { lifetimeMs: 1 });
    await expectTold(cell);
    expect((await reindex()).body).toEqual({ cells: 1, looked: 2 });
    expect(await indexed([ended.sessionId, expired.sessionId])).toHaveLength(2);
  });

  it('loses nothing when it comes while the alarm is at work', async () => {
    const cell = newCell();
    const lost = await sessionIn(cell);
    await expectTold(cell);
    await env.DB.prepare('DELETE FROM session_index WHERE id = ?').bind(lost.sessionId).run();
    await scheduler.wait(5);
    const other = await sessionIn(cell);
    const held = heldDb();
    await rebind(cell, { DB: held.db });
    const ringing = ring(cell);
    await held.waiting();
    expect((await reindex()).status).toBe(200);
    held.release();
    await ringing;
    await rebind(cell, { DB: env.DB });
    await ringUntil(cell, 'the lost one is there', async () => (await entryOf(lost)) !== undefined);
    expect(await entryOf(other)).toBeDefined();
    await evict(cell);
  });

  it('is answered 503 when a cell cannot be reached, and nothing is taken out', async () => {
    const login = await sessionIn(newCell());
    await expectTold(login.sessionCell);
    const SESSIONS = {
      getByName: () => new Proxy({}, { get: () => () => Promise.reject(Object.assign(new Error('out of reach'), { remote: true })) }),
    };
    const { status } = await reindex({}, { bindings: { SESSIONS } });
    expect(status).toBe(503);
    expect(await entryOf(login)).toBeDefined();
  });

  it('is the operator’s alone', async () => {
    await ghost('ghost').run();
    expect((await reindex({}, { bearer: 'pat_unknown' })).status).toBe(401);
    const user = await newUser({ kind: 'machine' });
    const pat = (await send('POST', `/v2/users/${user.id}/pats`, { expirationDate: new Date(Date.now() + DAY_MS).toISOString() })).body.token;
    await send('POST', '/admin/v1/members', { userId: user.id, roles: ['IAM_OWNER'] });
    const refused = await reindex({}, { bearer: pat });
    expect([refused.status, refused.body.details?.[0]?.id]).toEqual([403, 'AUTH-AWfge']);
    expect(await indexed(['ghost'])).toHaveLength(1);
  });
});
