import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it } from 'vitest';
import { EVERYWHERE, NOWHERE } from '../../src/core/permission.ts';
import { type Searcher, type SessionFilter, searchSessions } from '../../src/directory/session-search.ts';
import { end, newCell, send, sessionIn, untilTold } from './sessions-world.ts';
import { type Login, must, newUser, transit } from './world.ts';

const operator: Searcher = { callerId: 'operator', read: EVERYWHERE };
const PAGE = { ascending: false, limit: 100, offset: 0, after: undefined };

/** One search, and what D1 says that it read for it. */
async function costOf(filters: readonly SessionFilter[], searcher = operator, page: Partial<typeof PAGE> = {}) {
  const cost = { rowsRead: 0, statements: 0 };
  const db = new Proxy(env.DB, {
    get: (target, name) => {
      if (name !== 'batch') return Reflect.get(target, name).bind(target);
      return async (statements: D1PreparedStatement[]) => {
        const results = await target.batch(statements);
        cost.statements += statements.length;
        for (const { meta } of results) cost.rowsRead += meta.rows_read;
        return results;
      };
    },
  });
  const found = await searchSessions(db, searcher, filters, { ...PAGE, ...page }, Date.now());
  return { ...cost, ids: found.rows.map(({ id }) => id), total: found.total, more: found.more };
}

/** Entries of sessions of others, written straight into the index. */
async function fillTo(count: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
     INSERT INTO session_index (id, sequence, creator, fingerprint_id, user_id, organization_id, epoch, creation_date, expiration_date, ended)
     SELECT 'filler ' || n, 1, 'somebody', 'agent', 'filler user ' || (n % 50), 'elsewhere', 1, ?2 + n, ?2 + 3600000, 0 FROM numbers WHERE TRUE
     ON CONFLICT DO NOTHING`,
  )
    .bind(count, Date.now())
    .run();
}

afterEach(async () => {
  await env.DB.prepare("DELETE FROM session_index WHERE id LIKE 'filler %'").run();
});

async function told(count: number, make: () => Promise<Login>): Promise<Login[]> {
  const logins: Login[] = [];
  for (let n = 0; n < count; n += 1) logins.push(await make());
  for (const login of logins) await untilTold(login);
  return logins;
}

describe('what a search reads', () => {
  it('by user or by ids does not grow with the number of sessions', async () => {
    const [user, cell] = [await newUser(), newCell()];
    const logins = await told(3, () => sessionIn(cell, user));
    const ids = logins.map(({ sessionId }) => sessionId);
    const own: Searcher = { callerId: user.id, read: NOWHERE };
    const reader: Searcher = { callerId: 'reader', read: { everywhere: false, organizations: ['org'] } };
    const rows: [string, readonly SessionFilter[], Searcher][] = [
      ['by user', [{ userId: user.id }], operator],
      ['by user, as that user', [{ userId: user.id }], own],
      ['by user, as a reader of the organisation', [{ userId: user.id }], reader],
      ['by user and status', [{ userId: user.id }, { status: 'active' }], operator],
      ['by user and date', [{ userId: user.id }, { created: 0, method: 'TIMESTAMP_QUERY_METHOD_GREATER' }], operator],
      ['by ids', [{ ids }], operator],
      ['by ids, as that user', [{ ids }], own],
      ['by ids, as a reader of the organisation', [{ ids }], reader],
      ['by ids and user', [{ ids }, { userId: user.id }], operator],
    ];
    const measured = async () => {
      const costs: Record<string, number> = {};
      for (const [what, filters, searcher] of rows) {
        for (const ascending of [false, true]) {
          const cost = await costOf(filters, searcher, { ascending });
          expect([cost.total, cost.ids.toSorted(), cost.statements], what).toEqual([3, ids.toSorted(), 2]);
          costs[`${what}, ${ascending ? 'upwards' : 'downwards'}`] = cost.rowsRead;
        }
      }
      return costs;
    };
    await fillTo(200);
    const few = await measured();
    await fillTo(10_000);
    const many = await measured();
    console.log(`rows read by searches, of 3 sessions that match: ${JSON.stringify(many)}`);
    expect(many).toEqual(few);
    for (const [what, rowsRead] of Object.entries(many)) expect(rowsRead, what).toBeLessThanOrEqual(40);
  });

  it('counts all and shows a page, with one more looked for than is shown', async () => {
    const [user, cell] = [await newUser(), newCell()];
    const logins = await told(4, () => sessionIn(cell, user));
    const filters = [{ userId: user.id }];
    expect(await costOf(filters, operator, { limit: 4 })).toMatchObject({ total: 4, more: false });
    const page = await costOf(filters, operator, { limit: 3 });
    expect(page).toMatchObject({ total: 4, more: true });
    expect(page.ids).toHaveLength(3);
    expect(logins.map(({ sessionId }) => sessionId)).toEqual(expect.arrayContaining(page.ids));
  });
});

describe('a search', () => {
  it('tells sessions of one instant apart by their ids, in either direction and across pages', async () => {
    const insert = env.DB.prepare(
      `INSERT INTO session_index (id, sequence, creator, creation_date, expiration_date, ended) VALUES (?, 1, 'twins', 5, ${Date.now() + 1e9}, 0)`,
    );
    const ids = ['filler c', 'filler a', 'filler e', 'filler b', 'filler d'];
    await env.DB.batch(ids.map((id) => insert.bind(id)));
    for (const ascending of [true, false]) {
      const seen: string[] = [];
      let after: { creationDate: number; id: string } | undefined;
      for (let pages = 0; pages < 10; pages += 1) {
        const page = { ascending, limit: 2, offset: 0, after };
        const { rows, more, total } = await searchSessions(env.DB, operator, [{ creator: 'twins' }], page, Date.now());
        expect(total).toBe(5);
        seen.push(...rows.map(({ id }) => id));
        after = rows.at(-1);
        if (!more) break;
      }
      expect(seen).toEqual(ascending ? ids.toSorted() : ids.toSorted().reverse());
    }
  });

  it('sees no session of an organisation that the searcher does not read, whatever is asked', async () => {
    const user = await newUser();
    const [login] = await told(1, () => sessionIn(newCell(), user, { creator: 'Minnie', fingerprintId: 'filler agent' }));
    const filters: SessionFilter[][] = [
      [],
      [{ ids: [login?.sessionId ?? ''] }],
      [{ userId: user.id }],
      [{ creator: 'Minnie' }],
      [{ fingerprintId: 'filler agent' }],
      [{ created: 0, method: 'TIMESTAMP_QUERY_METHOD_GREATER' }],
      [{ status: 'active' }],
    ];
    for (const each of filters) {
      for (const read of [NOWHERE, { everywhere: false, organizations: ['elsewhere', ''] }]) {
        const cost = await costOf(each, { callerId: 'nobody', read });
        expect([cost.total, cost.ids], JSON.stringify(each)).toEqual([0, []]);
      }
    }
    expect((await costOf([{ ids: [login?.sessionId ?? ''] }], { callerId: 'Minnie', read: NOWHERE })).total).toBe(1);
  });

  it('asks each cell once, and shows what the cells have at that moment', async () => {
    const user = await newUser();
    const [one, other] = [newCell(), newCell()];
    const logins = [...(await told(3, () => sessionIn(one, user))), ...(await told(2, () => sessionIn(other, user)))];
    const asked: string[] = [];
    const SESSIONS = {
      getByName: (name: string) => {
        const real = env.SESSIONS.getByName(name);
        return new Proxy(real, {
          get: (_, verb) => {
            const method = Reflect.get(real, verb);
            if (typeof method !== 'function') return method;
            return (...args: unknown[]) => {
              asked.push(`${String(verb)} ${name}`);
              return (real as unknown as Record<string | symbol, (...args: unknown[]) => unknown>)[verb]?.(...args);
            };
          },
        });
      },
    };
    const query = { queries: [{ userIdQuery: { id: user.id } }] };
    const { status, body } = await send('POST', '/v2/sessions/search', query, { bindings: { SESSIONS } });
    expect([status, body.sessions.length]).toEqual([200, 5]);
    expect(asked.sort()).toEqual([`readMany ${one}`, `readMany ${other}`].sort());
    must(await end(logins[0] as Login));
    const again = await send('POST', '/v2/sessions/search', query);
    expect(again.body.sessions.map(({ id }: { id: string }) => id)).not.toContain(logins[0]?.sessionId);
    expect(again.body.sessions).toHaveLength(4);
  });

  it('is answered 503 when D1 or a cell cannot be reached', async () => {
    const user = await newUser();
    await told(1, () => sessionIn(newCell(), user));
    const DB = new Proxy(env.DB, {
      get: () => () => {
        throw new Error('D1_ERROR: no such host: SECRET');
      },
    });
    const SESSIONS = {
      getByName: () => new Proxy({}, { get: () => () => Promise.reject(Object.assign(new Error('out of reach: SECRET'), { remote: true })) }),
    };
    const query = { queries: [{ userIdQuery: { id: user.id } }] };
    for (const bindings of [{ DB }, { SESSIONS }]) {
      const { status, body } = await send('POST', '/v2/sessions/search', query, { bindings });
      expect([status, body.code]).toEqual([503, 14]);
      expect(JSON.stringify(body)).not.toContain('SECRET');
    }
  });

  it('shows an entry that no cell knows to nobody', async () => {
    await fillTo(3);
    const { body } = await send('POST', '/v2/sessions/search', { queries: [{ idsQuery: { ids: ['filler 1', 'filler 2'] } }] });
    expect(body.sessions).toBeUndefined();
  });

  it('finds no session that was ended, not even among the stopped ones', async () => {
    const user = await newUser();
    const cell = newCell();
    const [ended, stopped] = [await sessionIn(cell, user), await sessionIn(cell, user)];
    must(await end(ended));
    await untilTold(ended);
    await untilTold(stopped);
    await transit(user, 'lock');
    expect((await costOf([{ userId: user.id }, { status: 'stopped' }])).ids).toEqual([stopped.sessionId]);
    expect((await costOf([{ ids: [ended.sessionId] }, { status: 'stopped' }])).total).toBe(0);
  });

  it('hides a stopped session from the moment that D1 knows of the stop, before the index was told of anything', async () => {
    const user = await newUser();
    const [login] = await told(1, () => sessionIn(newCell(), user));
    const filters = [{ ids: [login?.sessionId ?? ''] }];
    await transit(user, 'lock');
    expect((await costOf(filters)).total).toBe(0);
    expect((await costOf([...filters, { status: 'stopped' }])).total).toBe(1);
  });
});
