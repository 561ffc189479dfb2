import { beforeAll, describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, get, type Login, password, refusal, seconds, set } from '../support/login.ts';
import { byIds, formerClient, idsIn, search, totalOf, until, untilFound } from './searching.ts';

const METHODS = ['EQUALS', 'GREATER', 'GREATER_OR_EQUALS', 'LESS', 'LESS_OR_EQUALS'] as const;
const FARAWAY_MS = 40 * 24 * 3_600_000;

/** Three sessions, made one after the other by three callers, each with what it can be found by. */
interface Household {
  readonly organizationId: string;
  readonly user: { readonly userId: string };
  readonly creator: { readonly userId: string; readonly token: string };
  readonly agent: string;
  readonly sessions: Readonly<Record<'plain' | 'checked' | 'foreign', Login>>;
}
let house: Household;

const NAMES = ['plain', 'checked', 'foreign'] as const;

beforeAll(async () => {
  const organizationId = await newOrganization();
  const user = await newUser({ organization: { orgId: organizationId } });
  const agent = unique('agent');
  const plain = await create({ userAgent: { fingerprintId: agent, ip: '127.0.0.1' }, metadata: { color: 'YmxhdQ==' }, lifetime: '600s' });
  await seconds(0.01);
  const checked = await createFor(user.userId);
  await set(checked, password(PASSWORD));
  await seconds(0.01);
  const { made: foreign, ...creator } = await formerClient((token) => create({ lifetime: '1200s' }, api(token)));
  house = { organizationId, user, creator, agent, sessions: { plain, checked, foreign } };
  await untilFound(byIds(plain, checked, foreign), [plain, checked, foreign]);
  await untilFound({ userIdQuery: { id: user.userId } }, [checked]);
});

const mine = () => byIds(house.sessions.plain, house.sessions.checked, house.sessions.foreign);

/** The household's sessions that a search leaves over, in the order of their making. */
async function found(queries: object[], bearer?: string, version?: string): Promise<string> {
  const answer = await search({ queries: [mine(), ...queries] }, bearer, version);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const ids = idsIn(answer);
  expect(totalOf(answer)).toBe(ids.length);
  return NAMES.filter((name) => ids.includes(house.sessions[name].id)).join(' ');
}

const shown = async (login: Login) => (await get(login)).body.session;

/** What a date compared with by each method leaves over, in the order of METHODS. */
async function compared(query: (method: string | undefined) => object, version?: string): Promise<string[]> {
  const results: string[] = [];
  for (const method of METHODS) results.push(await found([query(`TIMESTAMP_QUERY_METHOD_${method}`)], undefined, version));
  return results;
}

describe('a search', () => {
  for (const version of ['v2', 'v2beta']) {
    it(`shows sessions as Get does, ${version}`, async () => {
      const { status, body } = await search({ queries: [byIds(house.sessions.plain)] }, undefined, version);
      expect(status).toBe(200);
      expect(body).toEqual({ details: { totalResult: '1', timestamp: expect.any(String) }, sessions: [await shown(house.sessions.plain)] });
      expect(body.sessions[0]).toMatchObject({ userAgent: { fingerprintId: house.agent }, metadata: { color: 'YmxhdQ==' } });
      expect(JSON.stringify(body)).not.toMatch(/sess_|[Tt]oken/);
    });

    it(`answers an unknown id with nobody, and says of when that is, ${version}`, async () => {
      const { status, body } = await search({ queries: [{ idsQuery: { ids: ['nobody'] } }] }, undefined, version);
      expect([status, body]).toEqual([200, { details: { timestamp: expect.any(String) } }]);
    });
  }

  it('shows what the cell has at this moment: a change right before it is in it', async () => {
    const login = await create();
    await untilFound(byIds(login), [login]);
    for (const value of ['MQ==', 'Mg==', 'Mw==']) {
      await set(login, { metadata: { n: value } });
      expect((await search({ queries: [byIds(login)] })).body.sessions[0].metadata).toEqual({ n: value });
    }
    await api().delete(`/v2/sessions/${login.id}`);
    expect(idsIn(await search({ queries: [byIds(login)] }))).toEqual([]);
    await until('it is not counted any more', async () => totalOf(await search({ queries: [byIds(login)] })) === 0);
  });

  it('needs a caller', async () => {
    expect((await search({}, '')).status).toBe(401);
    expect((await search({}, 'pat_unknown')).status).toBe(401);
  });
});

describe('a filter', () => {
  for (const version of ['v2', 'v2beta']) {
    it(`by ids finds each of them once, whatever else is named, ${version}`, async () => {
      const { plain, checked } = house.sessions;
      const ids = [plain.id, 'nobody', checked.id, plain.id];
      const answer = await search({ queries: [{ idsQuery: { ids } }] }, undefined, version);
      expect(idsIn(answer).sort()).toEqual([plain.id, checked.id].sort());
      expect(totalOf(answer)).toBe(2);
      expect(totalOf(await search({ queries: [{ idsQuery: { ids: [] } }] }, undefined, version))).toBe(0);
      expect(totalOf(await search({ queries: [{ idsQuery: {} }] }, undefined, version))).toBe(0);
      expect((await search({ queries: [{ idsQuery: { ids: Array(1000).fill(plain.id) } }] }, undefined, version)).status).toBe(200);
      expect(refusal(await search({ queries: [{ idsQuery: { ids: Array(1001).fill(plain.id) } }] }, undefined, version))[0]).toBe(400);
    });

    it(`by user finds the sessions that were checked for that user, ${version}`, async () => {
      expect(await found([{ userIdQuery: { id: house.user.userId } }], undefined, version)).toBe('checked');
      expect(await found([{ user_id_query: { id: house.user.userId } }], undefined, version)).toBe('checked');
      expect(await found([{ userIdQuery: { id: 'nobody' } }], undefined, version)).toBe('');
      expect(refusal(await search({ queries: [{ userIdQuery: { id: '' } }] }, undefined, version))[0]).toBe(400);
    });

    it(`by the date of creation compares by every method, and by EQUALS when none is named, ${version}`, async () => {
      const { creationDate } = await shown(house.sessions.checked);
      const query = (method: string | undefined) => ({ creationDateQuery: { creationDate, method } });
      expect(await compared(query, version)).toEqual(['checked', 'foreign', 'checked foreign', 'plain', 'plain checked']);
      expect(await found([query(undefined)], undefined, version)).toBe('checked');
      expect(await found([{ creationDateQuery: { creationDate, method: 3 } }], undefined, version)).toBe('plain');
    });

    it(`is joined with the others by AND, ${version}`, async () => {
      const { creationDate } = await shown(house.sessions.checked);
      const later = { creationDateQuery: { creationDate, method: 'TIMESTAMP_QUERY_METHOD_GREATER_OR_EQUALS' } };
      expect(await found([later], undefined, version)).toBe('checked foreign');
      expect(await found([later, byIds(house.sessions.plain, house.sessions.checked)], undefined, version)).toBe('checked');
      expect(await found([later, { userIdQuery: { id: 'nobody' } }], undefined, version)).toBe('');
    });
  }

  it('by the date of expiration compares by every method, and by EQUALS when none is named', async () => {
    const { expirationDate } = await shown(house.sessions.foreign);
    const query = (method: string | undefined) => ({ expirationDateQuery: { expirationDate, method } });
    expect(await compared(query)).toEqual(['foreign', 'checked', 'checked foreign', 'plain', 'plain foreign']);
    expect(await found([query(undefined)])).toBe('foreign');
    const faraway = new Date(Date.now() + FARAWAY_MS).toISOString();
    expect(await found([{ expirationDateQuery: { expirationDate: faraway, method: 'TIMESTAMP_QUERY_METHOD_LESS' } }])).toBe('plain checked foreign');
  });

  it('by the date of expiration follows a lifetime that was moved', async () => {
    const login = await create({ lifetime: '600s' });
    await untilFound(byIds(login), [login]);
    await set(login, { lifetime: '6000s' });
    const { expirationDate } = await shown(login);
    await until('the new date is found', async () => {
      return idsIn(await search({ queries: [{ expirationDateQuery: { expirationDate } }, byIds(login)] })).length === 1;
    });
  });

  it('by creator finds what that caller made; without an id, what the caller itself made', async () => {
    expect(await found([{ creatorQuery: { id: house.creator.userId } }])).toBe('foreign');
    expect(await found([{ creatorQuery: { id: 'nobody' } }])).toBe('');
    expect(await found([{ creatorQuery: {} }])).toBe('plain checked');
    expect(await found([{ creatorQuery: {} }], house.creator.token)).toBe('foreign');
    expect(refusal(await search({ queries: [{ creatorQuery: { id: '' } }] }))).toEqual([400, 'GRPC-x8n24uh']);
  });

  it("by user agent finds that agent's; without one, that of the session whose token is the bearer", async () => {
    expect(await found([{ userAgentQuery: { fingerprintId: house.agent } }])).toBe('plain');
    expect(await found([{ userAgentQuery: { fingerprintId: 'nobody' } }])).toBe('');
    const user = await newUser();
    const fingerprintId = unique('agent');
    const [login, other] = [await create({ userAgent: { fingerprintId }, checks: { user: { userId: user.userId } } }), await createFor(user.userId)];
    await set(login, password(PASSWORD));
    await set(other, password(PASSWORD));
    await untilFound({ userIdQuery: { id: user.userId } }, [login, other]);
    expect(idsIn(await search({ queries: [{ userAgentQuery: {} }] }, login.token))).toEqual([login.id]);
    expect(refusal(await search({ queries: [{ userAgentQuery: {} }] }, other.token))).toEqual([400, 'GRPC-x8n23uh']);
  });

  it('shows a session those of its own agent, whosever they are, as Get does', async () => {
    const users = [await newUser(), await newUser()];
    const [shared, another] = [unique('agent'), unique('agent')];
    const made = async (user: number, fingerprintId: string) => {
      const login = await create({ userAgent: { fingerprintId }, checks: { user: { userId: users[user]?.userId } } });
      await set(login, password(PASSWORD));
      return login;
    };
    const [mine, beside, elsewhere] = [await made(0, shared), await made(1, shared), await made(1, another)];
    await untilFound(byIds(mine, beside, elsewhere), [mine, beside, elsewhere]);
    expect(idsIn(await search({ queries: [byIds(mine, beside, elsewhere)] }, mine.token)).sort()).toEqual([mine.id, beside.id].sort());
    expect((await get(beside, api(mine.token))).body).toEqual((await get(beside)).body);
    expect((await get(elsewhere, api(mine.token))).status).toBe(403);
  });

  it('by user agent is refused where none is named and the caller has none', async () => {
    const machine = await newMachine();
    for (const bearer of [undefined, machine.token]) {
      expect(refusal(await search({ queries: [{ userAgentQuery: {} }] }, bearer))).toEqual([400, 'GRPC-x8n23uh']);
    }
    expect(refusal(await search({ queries: [{ userAgentQuery: { fingerprintId: '' } }] }))).toEqual([400, 'GRPC-x8n23uh']);
  });

  it('that v2beta does not know is none, and a query of nothing else is refused', async () => {
    const unknown = [
      { creatorQuery: { id: 'nobody' } },
      { creatorQuery: { id: '' } },
      { userAgentQuery: { fingerprintId: 'nobody' } },
      { expirationDateQuery: { expirationDate: '2020-01-01T00:00:00Z' } },
      {},
    ];
    for (const query of unknown) {
      expect(refusal(await search({ queries: [query] }, undefined, 'v2beta')), JSON.stringify(query)).toEqual([400, 'GRPC-Sfefs']);
    }
    const beside = {
      ...byIds(house.sessions.plain),
      creatorQuery: { id: 'nobody' },
      expirationDateQuery: { expirationDate: '2020-01-01T00:00:00Z' },
    };
    expect(idsIn(await search({ queries: [beside] }, undefined, 'v2beta'))).toEqual([house.sessions.plain.id]);
    expect(refusal(await search({ queries: [{}] }))).toEqual([400, 'GRPC-Sfefs']);
    expect(refusal(await search({ queries: [{ unknownQuery: { id: 'x' } }] }))).toEqual([400, 'GRPC-Sfefs']);
  });

  it('given twice in one query, or in a form that it does not have, is refused', async () => {
    const { userId } = house.user;
    const rows: [object, string[]][] = [
      [{ ...byIds(house.sessions.plain), userIdQuery: { id: userId } }, ['v2', 'v2beta']],
      [{ statusQuery: { status: 1 }, userIdQuery: { id: userId } }, ['v2', 'v2beta']],
      [{ userIdQuery: { id: userId }, user_id_query: { id: userId } }, ['v2', 'v2beta']],
      [{ creatorQuery: {}, userAgentQuery: { fingerprintId: 'x' } }, ['v2']],
      [{ creatorQuery: { id: 5 } }, ['v2']],
      [{ userIdQuery: {} }, ['v2', 'v2beta']],
      [{ userIdQuery: 'x' }, ['v2', 'v2beta']],
      [{ idsQuery: { ids: 'x' } }, ['v2', 'v2beta']],
      [{ idsQuery: { ids: [''] } }, ['v2', 'v2beta']],
      [{ creationDateQuery: { creationDate: 'yesterday' } }, ['v2', 'v2beta']],
      [{ creationDateQuery: { creationDate: '2020-01-01T00:00:00Z', method: 5 } }, ['v2', 'v2beta']],
      [{ statusQuery: { status: 4 } }, ['v2', 'v2beta']],
    ];
    for (const [query, versions] of rows) {
      for (const version of versions) {
        const answer = await search({ queries: [query] }, undefined, version);
        expect([answer.status, answer.body.code, answer.body.details], `${version} ${JSON.stringify(query)}`).toEqual([400, 3, undefined]);
      }
    }
    const filters = (count: number) => ({ queries: Array(count).fill(byIds(house.sessions.plain)) });
    expect(idsIn(await search(filters(40)))).toEqual([house.sessions.plain.id]);
    expect((await search(filters(41))).status).toBe(400);
  });
});

/** Goes from page to page to the last one, with something done after each. @returns the ids seen, in their order */
async function walk(body: object, between: (page: number) => Promise<void>): Promise<string[]> {
  const seen: string[] = [];
  let pageToken: string | undefined;
  for (let page = 1; page === 1 || pageToken !== undefined; page += 1) {
    expect(page).toBeLessThan(20);
    const answer = await search({ ...body, pageToken });
    expect(answer.status).toBe(200);
    seen.push(...idsIn(answer));
    pageToken = answer.body.nextPageToken;
    await between(page);
  }
  return seen;
}

async function endAndForget(login: Login): Promise<void> {
  await api().delete(`/v2/sessions/${login.id}`);
  await until('the ended one is counted no more', async () => totalOf(await search({ queries: [byIds(login)] })) === 0);
}

describe('a page', () => {
  const ids = (...names: (typeof NAMES)[number][]) => names.map((name) => house.sessions[name].id);
  const page = (query: object, more: object = {}) => search({ queries: [mine()], query, ...more });

  it('is in the order of creation, the latest first, unless the earliest is asked for', async () => {
    expect(idsIn(await search({ queries: [mine()] }))).toEqual(ids('foreign', 'checked', 'plain'));
    expect(idsIn(await page({ asc: false }))).toEqual(ids('foreign', 'checked', 'plain'));
    expect(idsIn(await page({ asc: true }))).toEqual(ids('plain', 'checked', 'foreign'));
    const sorted = { sortingColumn: 'SESSION_FIELD_NAME_CREATION_DATE' };
    expect(idsIn(await page({ asc: true }, sorted))).toEqual(ids('plain', 'checked', 'foreign'));
    expect(idsIn(await page({}, sorted))).toEqual(ids('foreign', 'checked', 'plain'));
    expect((await page({}, { sortingColumn: 2 })).status).toBe(400);
  });

  it('is as long as its limit, begins at its offset, and counts all the same', async () => {
    const rows: [object, string[]][] = [
      [{ limit: 2 }, ids('foreign', 'checked')],
      [{ limit: 2, offset: 1 }, ids('checked', 'plain')],
      [{ limit: 1, offset: '1', asc: true }, ids('checked')],
      [{ limit: 3 }, ids('foreign', 'checked', 'plain')],
      [{ limit: 0 }, ids('foreign', 'checked', 'plain')],
      [{ offset: 3 }, []],
    ];
    for (const [query, wanted] of rows) {
      const answer = await page(query);
      expect(idsIn(answer), JSON.stringify(query)).toEqual(wanted);
      expect(totalOf(answer)).toBe(3);
    }
  });

  it('is at most 1000 long, and of a size that is a number', async () => {
    expect((await page({ limit: 1000 })).status).toBe(200);
    for (const query of [{ limit: 1001 }, { limit: -1 }, { limit: 'many' }, { offset: -1 }, { offset: 'far' }]) {
      const answer = await page(query);
      expect([answer.status, answer.body.code], JSON.stringify(query)).toEqual([400, 3]);
    }
  });

  it('names the next one while there is one', async () => {
    const first = await page({ limit: 2 });
    expect(first.body.nextPageToken).toEqual(expect.any(String));
    const second = await page({ limit: 2 }, { pageToken: first.body.nextPageToken });
    expect(idsIn(second)).toEqual(ids('plain'));
    expect(totalOf(second)).toBe(3);
    expect(second.body.nextPageToken).toBeUndefined();
    expect((await page({ limit: 3 })).body.nextPageToken).toBeUndefined();
    expect((await page({})).body.nextPageToken).toBeUndefined();
  });

  it('is a hundred long where no limit is given', async () => {
    const { userId } = await newUser();
    for (let batch = 0; batch < 6; batch += 1) await Promise.all(Array.from({ length: 17 }, () => createFor(userId)));
    await until('all are found', async () => totalOf(await search({ queries: [{ userIdQuery: { id: userId } }], query: { limit: 1 } })) === 102);
    for (const query of [undefined, {}, { limit: 0 }]) {
      const answer = await search({ queries: [{ userIdQuery: { id: userId } }], query });
      expect(idsIn(answer)).toHaveLength(100);
      const rest = await search({ queries: [{ userIdQuery: { id: userId } }], query, pageToken: answer.body.nextPageToken });
      expect(new Set([...idsIn(answer), ...idsIn(rest)]).size).toBe(102);
    }
    expect(idsIn(await search({ queries: [{ userIdQuery: { id: userId } }], query: { limit: 1000 } }))).toHaveLength(102);
  });

  for (const asc of [false, true]) {
    it(`after page walks all exactly once, ${asc ? 'upwards' : 'downwards'}, while sessions are created and ended in between`, async () => {
      const { userId } = await newUser();
      const query = { userIdQuery: { id: userId } };
      const staying: Login[] = [];
      for (let n = 0; n < 4; n += 1) staying.push(...(await Promise.all([createFor(userId), createFor(userId), createFor(userId)])));
      const going = await Promise.all([createFor(userId), createFor(userId), createFor(userId)]);
      await untilFound(query, [...staying, ...going]);

      const seen = await walk({ queries: [query], query: { limit: 4, asc } }, async (page) => {
        const gone = going.pop();
        if (gone) await endAndForget(gone);
        if (page > 3) return;
        const come = await createFor(userId);
        await untilFound(byIds(come), [come]);
      });
      expect(new Set(seen).size).toBe(seen.length);
      const kept = seen.filter((id) => staying.some((login) => login.id === id));
      expect(kept).toHaveLength(12);
      const dates = await Promise.all(kept.map(async (id) => (await get({ id, token: '' })).body.session.creationDate as string));
      expect(dates).toEqual(asc ? dates.toSorted() : dates.toSorted().reverse());
    });
  }

  it('after a token that was never given out is refused', async () => {
    const encoded = (value: unknown) => btoa(JSON.stringify(value));
    for (const pageToken of ['', 'x', '!!', '====', btoa('no json'), ...[null, 5, 'ab', {}, [], [1], ['1', 'x'], [1.5, 'x'], [1, 2]].map(encoded)]) {
      const answer = await page({}, { pageToken });
      expect([answer.status, answer.body.code], pageToken).toEqual([400, 3]);
    }
  });
});

describe('who searches', () => {
  it('finds what it made, what is its own, and what it may read; nobody counts anything else', async () => {
    const { organizationId, user, creator, sessions } = house;
    const own = await createFor(user.userId);
    await set(own, password(PASSWORD));
    const { token: reader } = await newMachine({ organizationId, organization: ['ORG_USER_MANAGER'] });
    const { token: elsewhere } = await newMachine({ organizationId: await newOrganization(), organization: ['ORG_OWNER'] });
    const { token: viewer } = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    const { token: nobody } = await newMachine();
    const rows: [who: string, bearer: string | undefined, names: string][] = [
      ['the operator', undefined, 'plain checked foreign'],
      ['who may read on the instance', viewer, 'plain checked foreign'],
      ["who may read in the user's organisation", reader, 'checked'],
      ['who may read in another organisation', elsewhere, ''],
      ['the creator', creator.token, 'foreign'],
      ['the user, by a session', own.token, 'checked'],
      ['nobody', nobody, ''],
    ];
    for (const version of ['v2', 'v2beta']) {
      for (const [who, bearer, names] of rows) expect(await found([], bearer, version), `${who}, ${version}`).toBe(names);
    }
    const first = await search({ queries: [mine()], query: { limit: 1 } }, reader);
    expect([idsIn(first), totalOf(first), first.body.nextPageToken]).toEqual([[sessions.checked.id], 1, undefined]);
  });

  it('may not read the sessions of a whole organisation because the caller reads one of them', async () => {
    const { token } = await newMachine({ organizationId: house.organizationId });
    expect(totalOf(await search({}, token))).toBe(0);
    expect(totalOf(await search({}, house.creator.token))).toBe(1);
  });

  it('with a session that was ended meanwhile does not search at all', async () => {
    const user = await newUser();
    const login = await createFor(user.userId);
    await set(login, password(PASSWORD));
    await api().delete(`/v2/sessions/${login.id}`);
    expect((await search({}, login.token)).status).toBe(404);
  });
});

describe('the state of a session', () => {
  const withStatus = async (login: Login, status: string | number) => {
    const answer = await search({ queries: [byIds(login), { statusQuery: { status } }] });
    expect(totalOf(answer)).toBe(idsIn(answer).length);
    return answer.body.sessions?.[0]?.state ?? (idsIn(answer).length === 1 ? 'active' : 'not found');
  };

  it('that expired is told apart from one that lives', async () => {
    const login = await create({ lifetime: '3s' });
    const lasting = await create({ lifetime: '3000s' });
    await until('it is expired', async () => (await withStatus(login, 'SESSION_STATUS_EXPIRED')) === 'SESSION_STATE_EXPIRED');
    expect(await withStatus(login, 'SESSION_STATUS_ACTIVE')).toBe('not found');
    expect(await withStatus(login, 2)).toBe('SESSION_STATE_EXPIRED');
    await untilFound(byIds(login, lasting), [login, lasting]);
    expect(await withStatus(lasting, 'SESSION_STATUS_ACTIVE')).toBe('active');
    expect(await withStatus(lasting, 'SESSION_STATUS_EXPIRED')).toBe('not found');
    expect(await withStatus(lasting, 'SESSION_STATUS_UNSPECIFIED')).toBe('active');
    expect((await search({ queries: [byIds(login)] })).body.sessions[0].state).toBe('SESSION_STATE_EXPIRED');
  });

  for (const [transition, back] of [
    ['lock', 'unlock'],
    ['deactivate', 'reactivate'],
  ] as const) {
    it(`of a user after ${transition} is stopped, and found only by those who ask for such; after ${back} as well`, async () => {
      const { userId } = await newUser();
      const login = await createFor(userId);
      await untilFound(byIds(login), [login]);
      await api().post(`/v2/users/${userId}/${transition}`, {});
      for (const _ of ['stopped', 'active again']) {
        expect(totalOf(await search({ queries: [byIds(login)] }))).toBe(0);
        expect(await withStatus(login, 'SESSION_STATUS_ACTIVE')).toBe('not found');
        expect(await withStatus(login, 'SESSION_STATUS_STOPPED')).toBe('SESSION_STATE_STOPPED');
        await api().post(`/v2/users/${userId}/${back}`, {});
      }
      const fresh = await createFor(userId);
      await untilFound({ userIdQuery: { id: userId } }, [fresh]);
      expect(await withStatus(fresh, 'SESSION_STATUS_STOPPED')).toBe('not found');
    });
  }

  it('of a deleted user is not shown and not counted, whatever is asked', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    await untilFound(byIds(login), [login]);
    await api().delete(`/v2/users/${userId}`);
    for (const status of ['UNSPECIFIED', 'ACTIVE', 'EXPIRED', 'STOPPED']) {
      const answer = await search({ queries: [byIds(login), { statusQuery: { status: `SESSION_STATUS_${status}` } }] });
      expect([totalOf(answer), idsIn(answer)], status).toEqual([0, []]);
    }
  });
});
