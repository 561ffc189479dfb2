import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';

const search = (body: object, bearer?: string) => api(bearer).post('/v2/organizations/_search', body);
const byName = (name: string, method?: unknown) => ({ queries: [{ nameQuery: { name, ...(method !== undefined && { method }) } }] });

describe('POST /organizations', () => {
  it('creates an organisation', async () => {
    for (const version of ['v2', 'v2beta']) {
      const { status, body } = await api().post(`/${version}/organizations`, { name: ` ${unique('org')} ` });
      expect(status).toBe(201);
      expect(body).toEqual({
        organizationId: expect.stringMatching(/^\d{18}$/),
        details: { sequence: '1', changeDate: expect.any(String), resourceOwner: body.organizationId },
      });
    }
  });

  it('gives a name to one organisation only, however many ask for it at once', async () => {
    const name = unique('org');
    const answers = await Promise.all(Array.from({ length: 6 }, () => api().post('/v2/organizations', { name })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) expect(refusal(answer)).toEqual([409, 'V3-DKcYh']);
    expect((await search(byName(name))).body.details.totalResult).toBe('1');
  });

  it('wants a name of 1 to 200 characters', async () => {
    for (const name of [undefined, '', '   ', 'x'.repeat(201), 1]) expect((await api().post('/v2/organizations', { name })).status).toBe(400);
    expect(refusal(await api().post('/v2/organizations', { name: unique('org'), admins: [{ userId: '1' }] }))).toEqual([501, 'SALLY-NotBuilt']);
  });

  it('needs org.create on the instance', async () => {
    const create = (bearer: string) => api(bearer).post('/v2/organizations', { name: unique('org') });
    const manager = await newMachine({ instance: ['IAM_ORG_MANAGER'] });
    expect((await create(manager.token)).status).toBe(201);
    for (const roles of [{}, { instance: ['IAM_LOGIN_CLIENT'] }, { organization: ['ORG_OWNER'] }]) {
      const { token } = await newMachine(roles);
      expect(refusal(await create(token)), JSON.stringify(roles)).toEqual([403, 'AUTH-AWfge']);
    }
  });
});

describe('POST /organizations/_search', () => {
  it('finds an organisation by its id and by its name', async () => {
    const name = unique('org');
    const { body: created } = await api().post('/v2/organizations', { name });
    const id = created.organizationId;
    const expected = [{ id, name, state: 'ORGANIZATION_STATE_ACTIVE', details: { ...created.details, creationDate: created.details.changeDate } }];
    for (const query of [{ queries: [{ idQuery: { id } }] }, byName(name), { queries: [{ idQuery: { id } }, { nameQuery: { name } }] }]) {
      const { status, body } = await search(query);
      expect(status).toBe(200);
      expect(body).toEqual({ details: { totalResult: '1', timestamp: expect.any(String) }, result: expected });
      expect((await api().post('/v2beta/organizations/_search', query)).body.result).toEqual(expected);
    }
    const none = await search({ queries: [{ idQuery: { id } }, { nameQuery: { name: 'another' } }] });
    expect(none.body).toEqual({ details: { timestamp: expect.any(String) } });
  });

  it('compares names in each of Zitadel’s ways, and takes no character for a wildcard', async () => {
    const middle = unique('a%_b');
    const name = `Left-${middle}-Right`;
    await api().post('/v2/organizations', { name });
    const rows: [unknown, string, boolean][] = [
      ['TEXT_QUERY_METHOD_EQUALS', name, true],
      ['TEXT_QUERY_METHOD_EQUALS', name.toLowerCase(), false],
      [1, name.toLowerCase(), true],
      ['TEXT_QUERY_METHOD_STARTS_WITH', `Left-${middle}`, true],
      ['TEXT_QUERY_METHOD_STARTS_WITH', middle, false],
      [3, `LEFT-${middle}`, true],
      ['TEXT_QUERY_METHOD_CONTAINS', middle, true],
      ['TEXT_QUERY_METHOD_CONTAINS', middle.replace('%', 'x'), false],
      [5, middle.toUpperCase(), true],
      ['TEXT_QUERY_METHOD_ENDS_WITH', `${middle}-Right`, true],
      ['TEXT_QUERY_METHOD_ENDS_WITH', middle, false],
      [7, `${middle}-RIGHT`, true],
    ];
    for (const [method, text, found] of rows) {
      expect((await search(byName(text, method))).body.details.totalResult ?? '0', `${method} ${text}`).toBe(found ? '1' : '0');
    }
  });

  it('pages through everything, oldest first, with a true total', async () => {
    const prefix = unique('paged');
    for (const letter of ['c', 'a', 'b']) await api().post('/v2/organizations', { name: `${prefix}-${letter}` });
    const filter = byName(prefix, 'TEXT_QUERY_METHOD_STARTS_WITH');
    const letters = async (query: object) => {
      const { body } = await search({ ...filter, ...query });
      expect(body.details.totalResult).toBe('3');
      return (body.result ?? []).map(({ name }: { name: string }) => name.at(-1)).join('');
    };
    expect(await letters({})).toBe('cab');
    expect(await letters({ query: { limit: 2 } })).toBe('ca');
    expect(await letters({ query: { limit: 2, offset: '2' } })).toBe('b');
    expect(await letters({ query: { offset: '3' } })).toBe('');
    expect(await letters({ query: { asc: true }, sortingColumn: 'ORGANIZATION_FIELD_NAME_NAME' })).toBe('abc');
    expect(await letters({ sortingColumn: 'ORGANIZATION_FIELD_NAME_NAME' })).toBe('cba');
  });

  it('shows those that the caller may read', async () => {
    const [own, other] = [await newOrganization(), await newOrganization()];
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const visible = await search({}, owner.token);
    expect(visible.body.details.totalResult).toBe('1');
    expect(visible.body.result[0].id).toBe(own);
    expect((await search({ queries: [{ idQuery: { id: other } }] }, owner.token)).body.result).toBeUndefined();
    for (const roles of [{}, { organization: ['ORG_USER_MANAGER'] }]) {
      const { token } = await newMachine(roles);
      expect(refusal(await search({}, token))).toEqual([403, 'AUTH-AWfge']);
    }
  });

  it('refuses queries that say nothing, twice or too much', async () => {
    for (const body of [
      { queries: [{}] },
      { queries: [{ idQuery: {} }] },
      { queries: [{ nameQuery: { name: '' } }] },
      { queries: [{ nameQuery: { name: 'x', method: 8 } }] },
      { queries: [{ idQuery: { id: '1' }, nameQuery: { name: 'x' } }] },
      { queries: 'all' },
      { query: { limit: 1001 } },
      { query: { offset: -1 } },
    ]) {
      expect((await search(body)).status, JSON.stringify(body)).toBe(400);
    }
    for (const query of ['domainQuery', 'stateQuery', 'defaultQuery']) {
      expect(refusal(await search({ queries: [{ [query]: {} }] })), query).toEqual([501, 'SALLY-NotBuilt']);
    }
  });
});
