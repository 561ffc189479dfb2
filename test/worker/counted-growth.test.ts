import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import { GRACE_MS } from '../../src/core/session/policy.ts';
import { COUNTED } from '../bench/price.ts';
import { billOf, closeBill } from './bill.ts';
import { aSession, named, note, password, send } from './billed-session.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { newUser } from './world.ts';

const EVENTS = 1000;
const OTHERS = 2000;

const NUMBERED = `WITH RECURSIVE other(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM other WHERE n < ${OTHERS})`;

/** Rows of others, as many as are said above, in a cell's table: `n` stands for the number of each. */
const fill = (stub: DurableObjectStub, ...into: string[]) =>
  runInDurableObject(stub, (_, { storage }) => {
    for (const insert of into) storage.sql.exec(`${NUMBERED} ${insert} FROM other`);
  });

const otherSessions = (stub: DurableObjectStub) =>
  fill(stub, `INSERT INTO session (key, due, touched, user_id, id, content) SELECT n, 9e15, 0, 'user' || n, 'other' || n, '{}'`);

afterEach(() => {
  vi.useRealTimers();
});
afterAll(closeBill);

describe('what grows with what is kept, counted:', () => {
  it(`after ${EVENTS} events a PATCH writes at most 1.1 rows, and looks at as many as at first`, async () => {
    const session = await aSession();
    const first = await session.costOf(note('first'));
    const many = await billOf(async () => {
      // The metadata, and the next token.
      for (let n = 0; n < EVENTS / 2; n += 1) await session.patch(note(String(n)));
    });
    expect(many.commits).toBe(EVENTS / 2);
    expect(many.sessionRows / (EVENTS / 2)).toBeCloseTo(COUNTED['PATCH metadata'].rows, 2);
    const { sessionRows, rowsRead, ...rest } = await billOf(async () => {
      for (let n = 0; n < 100; n += 1) await session.patch(note(`after ${n}`));
    });
    expect(sessionRows).toBeLessThanOrEqual(110);
    expect(rowsRead).toBeLessThanOrEqual(first.rowsRead * 110);
    expect(rest).toMatchObject({ commits: 100, userRows: 0, alarms: 0, queries: 0 });
    expect((await session.costOf(note('last'))).rowsRead).toBe(first.rowsRead);
  });

  it('no request looks at more rows for other sessions in its cell', async () => {
    const user = await newUser();
    const session = await aSession(user);
    const each = async () => [
      await session.costOf(note(crypto.randomUUID())),
      await session.costOf({ lifetime: '60s' }),
      await session.costOf(named(user)),
      await session.costOf(password),
      await session.costOfReading(),
    ];
    await each();
    const before = await each();
    await otherSessions(session.stub);
    expect(await each()).toEqual(before);
  });

  it('no check looks at more rows for other users in its cell, and what they have spent', async () => {
    const user = await newUser();
    const [first, second, third] = await newRecoveryCodes(user, 3);
    const session = await aSession(user);
    const each = async (code: string | undefined) => [
      await session.costOf(named(user)),
      await session.costOf(password),
      await session.costOf({ checks: { recoveryCode: { code } } }),
    ];
    await each(first);
    const before = await each(second);
    await fill(
      env.USERS.getByName(user.cell),
      `INSERT INTO admission (user_id, session_cell) SELECT 'other' || n, 'a cell'`,
      `INSERT INTO standing (user_id, state, epoch, unmirrored) SELECT 'other' || n, 'active', 1, 0`,
      `INSERT INTO failure (user_id, method, total, forgiven, last_at) SELECT 'other' || n, 'password', 1, 0, 0`,
      `INSERT INTO spent (user_id, kind, things) SELECT 'other' || n, 'recoveryCode', '[]'`,
    );
    expect(await each(third)).toEqual(before);
  });

  it('the alarm of a cell looks at no more rows for other sessions in it, until something is due', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const session = await aSession();
    const rung = async () => {
      await session.patch({ lifetime: '3600s' });
      return billOf(() => runInDurableObject(session.stub, (cell: SessionCell) => cell.alarm()));
    };
    await rung();
    const before = await rung();
    await otherSessions(session.stub);
    expect(await rung()).toEqual(before);
    await session.patch({ lifetime: '1s' });
    vi.setSystemTime(Date.now() + GRACE_MS + 20 * 60_000);
    const removed = await billOf(() => runInDurableObject(session.stub, (cell: SessionCell) => cell.alarm()));
    expect(removed.rowsRead).toBeGreaterThan(OTHERS);
  });

  it('a user is found by looking at one row, however many there are', async () => {
    const user = await newUser();
    const session = await aSession(user);
    await env.DB.prepare(
      `${NUMBERED} INSERT INTO user (id, organization_id, kind, cell, creation_date, change_date, username, login_name_key)
       SELECT 'other' || n, ?1, 'human', 'a cell', 0, 0, 'other' || n, 'other' || n FROM other`,
    )
      .bind(user.organizationId)
      .run();
    for (const check of [{ userId: user.id }, { loginName: user.username }])
      expect(await session.costOf({ checks: { user: check } })).toMatchObject({ queries: 1, queriedRows: 1 });
  });

  it('a search looks at two rows for every session that matches, whatever its page: they are counted for its total', async () => {
    const user = await newUser();
    const search = { query: { limit: 1 }, queries: [{ userIdQuery: { id: user.id } }] };
    await aSession(user);
    const before = await billOf(() => send('POST', '/v2/sessions/search', search));
    await env.DB.prepare(
      `${NUMBERED} INSERT INTO session_index (id, sequence, creator, user_id, organization_id, epoch, creation_date, expiration_date, ended)
       SELECT 'other' || n, 1, 'creator', ?1, ?2, 1, 0, 9e12, 0 FROM other`,
    )
      .bind(user.id, user.organizationId)
      .run();
    const after = await billOf(() => send('POST', '/v2/sessions/search', search));
    expect(after.queriedRows - before.queriedRows).toBeLessThanOrEqual(2 * OTHERS + 2);
    expect(after).toMatchObject({ hops: ['session.readMany'], queries: 2, sessionRows: 0, directoryRows: 0 });
  });
});
