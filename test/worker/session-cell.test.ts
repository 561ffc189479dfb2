import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EVERYWHERE } from '../../src/core/permission.ts';
import { cells, config, type Login, must, newSession, newUser, outcome, passwordCheck, patch, read, transit } from './world.ts';

const HOUR_MS = 3_600_000;
const stubOf = (login: Login) => env.SESSIONS.getByName(login.sessionCell);

const rowsOf = (login: Login) =>
  runInDurableObject(stubOf(login), (_, { storage }) => ({
    sessions: [...storage.sql.exec('SELECT id, content FROM session')],
    trail: [...storage.sql.exec<{ entries: string }>('SELECT entries FROM trail ORDER BY sequence')],
    stops: [...storage.sql.exec('SELECT user_id FROM stop')],
  }));

const end = (login: Login) =>
  cells.session(login.sessionCell).terminate({ sessionId: login.sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE });

/** Moves every clock; Durable Objects share it with the test. */
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

afterEach(() => {
  vi.useRealTimers();
});

/** Makes the n-th SQL statement of the next commit fail, as a full disk would. */
const breakStatement = (login: Login, broken: RegExp) =>
  runInDurableObject(stubOf(login), (_, { storage }) => {
    const exec = storage.sql.exec.bind(storage.sql);
    storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
      const cursor = exec(query, ...bindings);
      if (broken.test(query)) throw new Error('disk I/O error');
      return cursor;
    }) as typeof exec;
  });

const mend = (login: Login) => evictDurableObject(stubOf(login));

describe('a session cell', () => {
  it('changes nothing when a statement in the middle of a commit throws, and the same request then succeeds', async () => {
    const login = await newSession();
    const before = must(await read(login)).session;
    await breakStatement(login, /^UPDATE session/);
    await expect(patch(login, { metadata: [['a', 'MQ==']] })).rejects.toThrow('disk I/O error');
    await mend(login);
    expect(must(await read(login)).session).toEqual(before);
    expect(outcome(await patch(login, { metadata: [['a', 'MQ==']] }))).toBe('ok');
  });

  it('creates nothing when the insert throws', async () => {
    const login = await newSession();
    await breakStatement(login, /^INSERT INTO session/);
    const request = {
      sessionId: `${login.sessionId.slice(0, -17)}.0000000000000000`.replace(/\.[0-9a-f]{32}\./, `.${'ab'.repeat(16)}.`),
      callerId: 'x',
      nextToken: 'token',
      command: { checks: {}, metadata: [] },
      verdicts: {},
    };
    await expect((async () => await cells.session(login.sessionCell).create(request))()).rejects.toThrow('disk I/O error');
    await mend(login);
    expect((await rowsOf(login)).sessions).toHaveLength(1);
  });

  it('keeps the whole trail in order, the older part in rows of its own, and neither half of a spill that breaks', async () => {
    const login: Login = await newSession();
    let token = login.token;
    const once = async (n: number) => {
      token = must(await patch({ ...login, token }, { metadata: [['n', btoa(String(n))]] })).sessionToken ?? '';
    };
    for (let n = 0; n < 23; n += 1) await once(n);
    expect((await rowsOf(login)).trail).toHaveLength(0);
    await breakStatement(login, /^UPDATE session/);
    await expect(once(23)).rejects.toThrow('disk I/O error');
    await mend(login);
    expect((await rowsOf(login)).trail).toHaveLength(0);
    for (let n = 23; n < 60; n += 1) await once(n);

    const { trail, sessions } = await rowsOf(login);
    expect(trail.length).toBeGreaterThan(2);
    const latest = JSON.parse(String(sessions[0]?.content)).trail;
    const entries = [...trail.flatMap((row) => JSON.parse(row.entries)), ...latest];
    expect(entries.map(([sequence]) => sequence)).toEqual(Array.from({ length: 2 + 60 * 2 }, (_, index) => index + 1));
    expect(entries.slice(0, 4).map(([, type]) => type)).toEqual(['session.added', 'session.token.set', 'session.metadata.set', 'session.token.set']);
    expect(latest.length).toBeLessThanOrEqual(48);
  });

  it('writes one row for a metadata PATCH and sets no alarm', async () => {
    const login = await newSession();
    await runDurableObjectAlarm(stubOf(login));
    const written = await runInDurableObject(stubOf(login), async (instance, { storage }) => {
      let rows = 0;
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        const cursor = exec(query, ...bindings);
        rows += cursor.rowsWritten;
        return cursor;
      }) as typeof exec;
      const alarm = await storage.getAlarm();
      const committed = instance.commit({
        sessionId: login.sessionId,
        callerId: 'x',
        presented: undefined,
        basis: undefined,
        nextToken: 'next',
        write: EVERYWHERE,
        command: { checks: {}, metadata: [['a', 'MQ==']] },
        verdicts: {},
      });
      return { committed, rows, alarmMoved: (await storage.getAlarm()) !== alarm };
    });
    expect(written).toMatchObject({ committed: { ok: true }, rows: 1, alarmMoved: false });
  });

  it('keeps no token, only its digest', async () => {
    const login = await newSession();
    const { sessions } = await rowsOf(login);
    const secret = login.token.slice(-43);
    expect(secret).toHaveLength(43);
    expect(JSON.stringify(sessions)).not.toContain(secret);
  });

  it('enters itself in the register of cells', async () => {
    const login = await newSession();
    await runDurableObjectAlarm(stubOf(login));
    expect(await env.DB.prepare('SELECT name FROM cell WHERE name = ?').bind(login.sessionCell).first('name')).toBe(login.sessionCell);
  });

  it('removes an expired session 24 hours after it expired, and not before', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const login = await newSession();
    must(await patch(login, { lifetimeMs: HOUR_MS }));
    await runDurableObjectAlarm(stubOf(login));
    pass(HOUR_MS);
    expect(must(await read(login)).state).toBe('expired');
    pass(24 * HOUR_MS - 1000);
    await runDurableObjectAlarm(stubOf(login));
    expect(outcome(await read(login))).toBe('ok');
    pass(11 * 60_000);
    await runDurableObjectAlarm(stubOf(login));
    expect(outcome(await read(login))).toBe('QUERY-SFeaa');
    expect(await rowsOf(login)).toEqual({ sessions: [], trail: [], stops: [] });
  });

  it('answers a repeated end for 24 hours, then knows nothing of the session any more', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const login = await newSession();
    const first = must(await end(login));
    await runDurableObjectAlarm(stubOf(login));
    pass(24 * HOUR_MS - 1000);
    await runDurableObjectAlarm(stubOf(login));
    expect(must(await end(login))).toEqual({ ...first, changed: false });
    pass(11 * 60_000);
    await runDurableObjectAlarm(stubOf(login));
    expect(outcome(await end(login))).toBe('QUERY-SFeaa');
  });

  it('has its alarm ring by the time that the next session is due', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const login = await newSession();
    await runDurableObjectAlarm(stubOf(login));
    const standing = await runInDurableObject(stubOf(login), (_, { storage }) => storage.getAlarm());
    expect(standing).toBeGreaterThanOrEqual(Date.now() + config.lifetime.defaultLifetimeMs + 24 * HOUR_MS);
    must(await patch(login, { lifetimeMs: HOUR_MS }));
    // It rings soon, to tell the index; then by what is due.
    await runDurableObjectAlarm(stubOf(login));
    const sooner = await runInDurableObject(stubOf(login), (_, { storage }) => storage.getAlarm());
    expect(sooner).toBeGreaterThanOrEqual(Date.now() + 25 * HOUR_MS);
    expect(sooner).toBeLessThanOrEqual(Date.now() + 25 * HOUR_MS + 10 * 60_000);
  });

  it('keeps the alarm that stands when it wakes to something that is due later', async () => {
    const login = await newSession();
    await runDurableObjectAlarm(stubOf(login));
    const soon = Date.now() + HOUR_MS;
    await runInDurableObject(stubOf(login), (_, { storage }) => storage.setAlarm(soon));
    await evictDurableObject(stubOf(login));
    must(await patch(login, { metadata: [['key', 'MQ==']] }));
    expect(await runInDurableObject(stubOf(login), (_, { storage }) => storage.getAlarm())).toBe(soon);
  });

  it('sets its alarm anew when the one that stood was given up', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const login = await newSession();
    const alarmOf = () => runInDurableObject(stubOf(login), (_, { storage }) => storage.getAlarm());
    const live = { ...login, token: undefined };
    const change = (value: string) => patch(live, { metadata: [['key', value]] }, {}, { key: value, body: value });
    await runDurableObjectAlarm(stubOf(login));
    must(await change('MQ=='));
    await runInDurableObject(stubOf(login), (_, { storage }) => storage.deleteAlarm());
    pass(7 * 60_000);
    must(await change('Mg=='));
    expect(await alarmOf()).toBeNull();
    pass(16 * 60_000);
    must(await change('Mw=='));
    expect(await alarmOf()).toBeLessThanOrEqual(Date.now());
  });

  it('keeps the sessions of a person who was deleted for no more than a day', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    const login = await newSession(user);
    await transit(user, 'delete');
    expect(outcome(await read(login))).toBe('QUERY-SFeaa');
    pass(25 * HOUR_MS);
    await runDurableObjectAlarm(stubOf(login));
    expect(await rowsOf(login)).toEqual({ sessions: [], trail: [], stops: [] });
  });

  it('forgets a stop only after the last session that it stops is gone', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    const login = await newSession(user);
    await transit(user, 'lock');
    pass(config.lifetime.defaultLifetimeMs + 23 * HOUR_MS);
    await runDurableObjectAlarm(stubOf(login));
    expect(must(await read(login)).state).toBe('stopped');
    pass(2 * HOUR_MS);
    await runDurableObjectAlarm(stubOf(login));
    expect(await rowsOf(login)).toEqual({ sessions: [], trail: [], stops: [] });
  });

  it('does not let an older stop that comes late overwrite a newer one', async () => {
    const user = await newUser();
    const login = await newSession();
    const cell = cells.session(login.sessionCell);
    await cell.stop({ userId: user.id, epoch: 5, deleted: true });
    await cell.stop({ userId: user.id, epoch: 3, deleted: false });
    const admitted = (epoch: number) => ({
      id: user.id,
      organizationId: 'org',
      loginName: '',
      displayName: '',
      preferredLanguage: '',
      cell: user.cell,
      epoch,
      admittedAt: Date.now(),
    });
    const commit = (epoch: number) =>
      cell.commit({
        sessionId: login.sessionId,
        callerId: 'x',
        presented: undefined,
        basis: undefined,
        nextToken: 'next',
        write: EVERYWHERE,
        command: { checks: { user: { userId: user.id } }, metadata: [] },
        verdicts: { user: admitted(epoch) },
      });
    expect(outcome(await commit(4))).toBe('SESSION-Gj4ko');
    expect(outcome(await commit(5))).toBe('ok');
  });

  it('does not commit a verdict that is older than 15 seconds', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const commit = (ageMs: number) =>
      cells.session(login.sessionCell).commit({
        sessionId: login.sessionId,
        callerId: 'x',
        presented: undefined,
        basis: undefined,
        nextToken: 'next',
        write: EVERYWHERE,
        command: { checks: { password: { password: '' } }, metadata: [] },
        verdicts: { password: { userId: user.id, reservedAt: Date.now() - ageMs, version: 1 } },
      });
    expect(await commit(16_000)).toMatchObject({ problem: { kind: 'unavailable' } });
    expect(outcome(await commit(10_000))).toBe('ok');
  });

  it('does not take one session for another whose id has the same 52 bits', async () => {
    const login = await newSession();
    const twin = login.sessionId.replace(/(\.[0-9a-f]{13})[0-9a-f]{19}\./, `$1${'0'.repeat(19)}.`);
    const command = { checks: {}, metadata: [] };
    const created = await cells.session(login.sessionCell).create({ sessionId: twin, callerId: 'x', nextToken: 'token', command, verdicts: {} });
    expect(created).toMatchObject({ problem: { kind: 'unavailable' } });
    expect(outcome(await read({ ...login, sessionId: twin }))).toBe('QUERY-SFeaa');
    expect(outcome(await patch(login, { metadata: [['a', 'MQ==']] }))).toBe('ok');
  });

  it('commits no request of which a check has no verdict', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const before = must(await read(login)).session;
    for (const checks of [{ password: { password: '' } }, { user: { userId: user.id } }]) {
      const committed = await cells.session(login.sessionCell).commit({
        sessionId: login.sessionId,
        callerId: 'x',
        presented: undefined,
        basis: undefined,
        nextToken: 'next',
        write: EVERYWHERE,
        command: { checks, metadata: [['a', 'MQ==']] },
        verdicts: {},
      });
      expect(committed).toMatchObject({ problem: { kind: 'unavailable' } });
    }
    expect(must(await read(login)).session).toEqual(before);
  });

  it('verifies a password for the user of the session only', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const login = await newSession(user);
    const committed = await cells.session(login.sessionCell).commit({
      sessionId: login.sessionId,
      callerId: 'x',
      presented: undefined,
      basis: undefined,
      nextToken: 'next',
      write: EVERYWHERE,
      command: { checks: { password: { password: '' } }, metadata: [] },
      verdicts: { password: { userId: other.id, reservedAt: Date.now(), version: 1 } },
    });
    expect(committed).toMatchObject({ ok: false });
    expect(outcome(await patch(login, passwordCheck()))).toBe('ok');
  });
});
