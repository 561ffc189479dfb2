import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';

const list = (body: unknown, bearer?: string, version = 'v2') => api(bearer).post(`/${version}/users`, body);
const inOrganization = (organizationId: string) => ({ organizationIdQuery: { organizationId } });

/** People and a machine of one organisation, whose names tell them apart. */
interface Household {
  readonly organizationId: string;
  readonly mark: string;
  readonly ids: Readonly<Record<'ann' | 'bob' | 'cy' | 'robot', string>>;
}
let house: Household;

beforeAll(async () => {
  const [organizationId, mark] = [await newOrganization(), unique('m')];
  const person = async (name: string, overrides: object) => {
    const { userId } = await newUser({
      organization: { orgId: organizationId },
      username: `${name}-${mark}`,
      profile: { givenName: name, familyName: 'Mouse', nickName: `nick-${name}`, displayName: `${name} of ${mark}` },
      email: { email: `${name}@${mark}.com` },
      ...overrides,
    });
    return userId;
  };
  const bob = await person('Bob', { phone: { phone: '+41790000002' } });
  const ann = await person('Ann', { phone: { phone: '+41790000001' } });
  const cy = await person('Zoë-Ⅷ', {});
  const machine = { organizationId, username: `Robot-${mark}`, machine: { name: `Ann of ${mark}` } };
  const robot = (await api().post('/v2/users/new', machine)).body.id;
  house = { organizationId, mark, ids: { ann, bob, cy, robot } };
});

/** The members of the household that a search leaves over, sorted by name. */
async function found(...queries: object[]): Promise<string> {
  const { status, body } = await list({ queries: [inOrganization(house.organizationId), ...queries] });
  expect(status, JSON.stringify(body)).toBe(200);
  return namesIn(body).sort().join(' ');
}

function namesIn(body: { details: { totalResult?: string }; result?: { userId: string }[] }): string[] {
  const names = (body.result ?? []).map(({ userId }) => Object.entries(house.ids).find(([, id]) => id === userId)?.[0] ?? 'stranger');
  expect(body.details.totalResult ?? '0').toBe(String(names.length));
  return names;
}

const EVERYBODY = 'ann bob cy robot';

describe('POST /users', () => {
  it('shows users as GetUserByID does', async () => {
    for (const version of ['v2', 'v2beta']) {
      const { status, body } = await list({ queries: [{ inUserIdsQuery: { userIds: [house.ids.ann] } }] }, undefined, version);
      const { user } = (await api().get(`/${version}/users/${house.ids.ann}`)).body;
      expect(status).toBe(200);
      expect(body).toEqual({ details: { totalResult: '1', timestamp: expect.any(String) }, result: [user] });
      expect(JSON.stringify(body)).not.toContain('sallyport-pbkdf2');
    }
  });

  it('answers no result where nobody is found', async () => {
    expect((await list({ queries: [{ inUserIdsQuery: { userIds: ['nobody'] } }] })).body).toEqual({ details: { timestamp: expect.any(String) } });
  });

  it('never shows a deleted user', async () => {
    const gone = await newUser();
    await api().delete(`/v2/users/${gone.userId}`);
    for (const query of [
      { inUserIdsQuery: { userIds: [gone.userId] } },
      { loginNameQuery: { loginName: gone.loginName } },
      { stateQuery: { state: 'USER_STATE_DELETED' } },
    ]) {
      expect((await list({ queries: [query] })).body.result, JSON.stringify(query)).toBeUndefined();
    }
  });

  it('shows a change at once', async () => {
    const user = await newUser();
    const email = `${unique('new')}@mouse.com`;
    await api().post(`/v2/users/${user.userId}/email`, { email });
    expect((await list({ queries: [{ emailQuery: { emailAddress: email } }] })).body.result[0].userId).toBe(user.userId);
    expect((await list({ queries: [{ emailQuery: { emailAddress: user.loginName } }] })).body.result).toBeUndefined();
  });
});

describe('a query', () => {
  it('finds users by each of their names and addresses', async () => {
    const { mark } = house;
    const rows: [object, string][] = [
      [{ userNameQuery: { userName: `Ann-${mark}` } }, 'ann'],
      [{ user_name_query: { user_name: `Ann-${mark}` } }, 'ann'],
      [{ loginNameQuery: { loginName: `Robot-${mark}` } }, 'robot'],
      [{ firstNameQuery: { firstName: 'Ann' } }, 'ann'],
      [{ lastNameQuery: { lastName: 'Mouse' } }, 'ann bob cy'],
      [{ nickNameQuery: { nickName: 'nick-Bob' } }, 'bob'],
      [{ displayNameQuery: { displayName: `Ann of ${mark}` } }, 'ann'],
      [{ emailQuery: { emailAddress: `Ann@${mark}.com` } }, 'ann'],
      [{ phoneQuery: { number: '+41790000002' } }, 'bob'],
      [{ phoneQuery: { number: '+4179', method: 'TEXT_QUERY_METHOD_STARTS_WITH' } }, 'ann bob'],
    ];
    for (const [query, names] of rows) expect(await found(query), JSON.stringify(query)).toBe(names);
  });

  it('finds users by lists of ids and e-mail addresses', async () => {
    const { ids, mark } = house;
    expect(await found({ inUserIdsQuery: { userIds: [ids.ann, ids.robot, 'nobody', ids.ann] } })).toBe('ann robot');
    expect(await found({ inUserEmailsQuery: { userEmails: [`Bob@${mark}.com`, 'nobody@mouse.com'] } })).toBe('bob');
    expect(await found({ inUserEmailsQuery: { userEmails: [''] } })).toBe('');
  });

  it('finds users by state and by type', async () => {
    const locked = await newUser({ organization: { orgId: house.organizationId } });
    await api().post(`/v2/users/${locked.userId}/lock`);
    expect(await found({ stateQuery: { state: 'USER_STATE_ACTIVE' } })).toBe(EVERYBODY);
    expect(await found({ stateQuery: { state: 4 } })).toBe('stranger');
    await api().delete(`/v2/users/${locked.userId}`);
    for (const state of ['USER_STATE_LOCKED', 'USER_STATE_DELETED', 'USER_STATE_INITIAL', 0]) expect(await found({ stateQuery: { state } })).toBe('');
    expect(await found({ typeQuery: { type: 'TYPE_HUMAN' } })).toBe('ann bob cy');
    expect(await found({ typeQuery: { type: 2 } })).toBe('robot');
    expect(await found({ typeQuery: {} })).toBe('');
  });

  it('finds users by their organisation', async () => {
    expect(await found()).toBe(EVERYBODY);
    expect(await found(inOrganization('nowhere'))).toBe('');
  });

  it('compares a text in each of Zitadel’s ways, exactly unless told otherwise', async () => {
    const { mark } = house;
    const rows: [unknown, string, string][] = [
      [undefined, `Ann of ${mark}`, 'ann'],
      ['TEXT_QUERY_METHOD_EQUALS', `ANN of ${mark}`, ''],
      [1, `ANN OF ${mark.toUpperCase()}`, 'ann'],
      ['TEXT_QUERY_METHOD_STARTS_WITH', 'Ann', 'ann'],
      ['TEXT_QUERY_METHOD_STARTS_WITH', 'of', ''],
      [3, 'aNN', 'ann'],
      ['TEXT_QUERY_METHOD_CONTAINS', ' of ', 'ann bob cy'],
      ['TEXT_QUERY_METHOD_CONTAINS', 'oë', 'cy'],
      [5, 'OB OF', 'bob'],
      ['TEXT_QUERY_METHOD_ENDS_WITH', mark, 'ann bob cy'],
      ['TEXT_QUERY_METHOD_ENDS_WITH', `x${'y'.repeat(150)}${mark}`, ''],
      [7, `BOB OF ${mark.toUpperCase()}`, 'bob'],
    ];
    for (const [method, displayName, names] of rows) {
      expect(await found({ displayNameQuery: { displayName, ...(method !== undefined && { method }) } }), `${method} ${displayName}`).toBe(names);
    }
  });

  it('of no text is met by every person, or by none who has an address', async () => {
    for (const method of [2, 3, 4, 5, 6, 7]) expect(await found({ emailQuery: { emailAddress: '', method } }), `${method}`).toBe('ann bob cy');
    for (const method of [0, 1]) expect(await found({ emailQuery: { emailAddress: '', method } })).toBe('');
    expect(await found({ phoneQuery: { number: '' } })).toBe('cy');
  });

  it('takes login names and user names in any letter case and Unicode form', async () => {
    const name = `Zoë-Ⅷ-${house.mark}`;
    for (const same of [name, name.toUpperCase(), name.toLowerCase(), name.normalize('NFD'), name.normalize('NFKC'), ` ${name} `]) {
      for (const method of [0, 1]) {
        expect(await found({ loginNameQuery: { loginName: same, method } }), same).toBe('cy');
        expect(await found({ userNameQuery: { userName: same, method } }), same).toBe('cy');
      }
    }
    for (const [method, part] of [
      [2, 'ZOË'.normalize('NFD')],
      [3, 'zoë'],
      [4, 'ë-VIII'],
      [5, 'Ë-ⅷ-'],
      [6, `VIII-${house.mark}`],
      [7, `ⅷ-${house.mark.toUpperCase()}`],
    ] as const) {
      expect(await found({ loginNameQuery: { loginName: part, method } }), part).toBe('cy');
    }
  });

  it('takes no character for a wildcard, a quote or an end', async () => {
    const odd = `%_'"\\\u0001${unique('odd')}; DROP TABLE user; --`;
    const user = await newUser({ profile: { givenName: odd, familyName: '%' } });
    for (const method of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const { body } = await list({ queries: [{ firstNameQuery: { firstName: odd, method } }] });
      expect(
        body.result.map(({ userId }: { userId: string }) => userId),
        `${method}`,
      ).toEqual([user.userId]);
      for (const firstName of ["' OR 1=1 --", '\u0000', `\u0000${odd}`, '%%%', '?']) {
        const hostile = await list({ queries: [{ firstNameQuery: { firstName, method } }] });
        expect([hostile.status, hostile.body.result], JSON.stringify(firstName)).toEqual([200, undefined]);
      }
    }
    for (const familyName of ['%', '_']) {
      expect(await found({ lastNameQuery: { lastName: familyName, method: 4 } }), familyName).toBe('');
    }
    const text = `' ] " \u0000 \u2028 ${unique('x')}`;
    for (const query of [{ inUserIdsQuery: { userIds: [text] } }, { inUserEmailsQuery: { userEmails: [text] } }, inOrganization(text)]) {
      expect(await list({ queries: [query] })).toMatchObject({ status: 200, body: { details: expect.not.objectContaining({ totalResult: '1' }) } });
    }
  });
});

describe('queries inside one another', () => {
  const ann = { firstNameQuery: { firstName: 'Ann' } };
  const bob = { firstNameQuery: { firstName: 'Bob' } };
  const people = { typeQuery: { type: 'TYPE_HUMAN' } };
  const or = (...queries: object[]) => ({ orQuery: { queries } });
  const and = (...queries: object[]) => ({ andQuery: { queries } });
  const not = (query: object) => ({ notQuery: { query } });
  const nested = (levels: number): object => Array.from({ length: levels }).reduce<object>((inner) => not(inner), ann);

  it('are any, all or none of them', async () => {
    expect(await found(or(ann, bob))).toBe('ann bob');
    expect(await found(and(ann, bob))).toBe('');
    expect(await found(and(ann, people))).toBe('ann');
    expect(await found(not(ann))).toBe('bob cy robot');
    expect(await found(or(ann), not(or(bob, ann)))).toBe('');
    expect(await found(not(and(people, not(or(ann, bob)))))).toBe('ann bob robot');
    expect(await found(ann, bob)).toBe('');
  });

  it('go twenty levels deep and no deeper', async () => {
    expect(await found(nested(20))).toBe('ann');
    for (const levels of [21, 22, 300]) expect(refusal(await list({ queries: [nested(levels)] })), `${levels}`).toEqual([400, 'USER-zsQ97']);
    const wide = Array.from({ length: 19 }).reduce<object>((inner, _, level) => (level % 2 ? or(inner) : and(people, inner)), ann);
    expect(await found(wide)).toBe('ann');
    const bottomless = `{"queries":[${'{"notQuery":{"query":'.repeat(20_000)}{}${'}}'.repeat(20_000)}]}`;
    expect(refusal(await list(bottomless))).toEqual([400, 'USER-zsQ97']);
  });

  it('are forty in all, at most, with the most demanding of methods', async () => {
    const demanding = { displayNameQuery: { displayName: house.mark, method: 'TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE' } };
    expect(await found(...Array(39).fill(demanding))).toBe('ann bob cy');
    expect(await found(or(...Array(38).fill(demanding)))).toBe('ann bob cy');
    const reader = await newMachine({ organization: ['ORG_OWNER'], organizationId: house.organizationId });
    expect((await list({ queries: Array(40).fill(demanding) }, reader.token)).body.details.totalResult).toBe('3');
    await api().delete(`/v2/users/${reader.userId}`);
    for (const queries of [Array(41).fill(demanding), [or(...Array(40).fill(demanding))], Array(21).fill(not(demanding)), Array(100_000).fill({})]) {
      const answer = await list({ queries });
      expect([answer.status, answer.body.code]).toEqual([400, 3]);
    }
  });

  it('need something to be about', async () => {
    for (const query of [{}, { orQuery: null }, not({}), { notQuery: {} }, or({}), and(ann, {}), { unheardOf: {} }]) {
      expect(refusal(await list({ queries: [query] })), JSON.stringify(query)).toEqual([400, 'GRPC-vR9nC']);
    }
    for (const query of [{ orQuery: {} }, { andQuery: { queries: [] } }, { ...ann, ...bob, ...people }, or({ ...ann, ...people })]) {
      expect((await list({ queries: [query] })).status, JSON.stringify(query)).toBe(400);
    }
  });
});

describe('who is shown', () => {
  it('is everybody, to a caller who may read everywhere', async () => {
    for (const role of ['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_LOGIN_CLIENT', 'SESSION_CLIENT']) {
      const { token } = await newMachine({ instance: [role] });
      const { body } = await list({ queries: [inOrganization(house.organizationId)] }, token);
      expect(namesIn(body).sort().join(' '), role).toBe(EVERYBODY);
    }
  });

  it('are the users of the caller’s organisations and the caller, whatever is asked for', async () => {
    const elsewhere = await newOrganization();
    const mine = await newUser({ organization: { orgId: elsewhere } });
    const reader = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: elsewhere });
    const visible = [mine.userId, reader.userId].sort();
    for (const body of [
      {},
      { queries: [{ notQuery: { query: { inUserIdsQuery: { userIds: ['nobody'] } } } }] },
      { queries: [{ orQuery: { queries: [inOrganization(house.organizationId), inOrganization(elsewhere)] } }] },
    ]) {
      const answer = await list(body, reader.token);
      expect(answer.body.result.map(({ userId }: { userId: string }) => userId).sort()).toEqual(visible);
      expect(answer.body.details.totalResult).toBe('2');
    }
    const { body } = await list({ queries: [{ inUserIdsQuery: { userIds: [house.ids.ann] } }] }, reader.token);
    expect(body).toEqual({ details: { timestamp: expect.any(String) } });
  });

  it('is a caller who may read nowhere, to itself', async () => {
    for (const roles of [{}, { organization: ['ORG_OWNER'] }]) {
      const organizationId = await newOrganization();
      const caller = await newMachine({ ...roles, organizationId });
      for (const body of [{}, { queries: [{ typeQuery: { type: 'TYPE_MACHINE' } }] }]) {
        const answer = await list(body, caller.token);
        expect(answer.body.details.totalResult).toBe('1');
        expect(answer.body.result.map(({ userId }: { userId: string }) => userId)).toEqual([caller.userId]);
      }
      expect((await list({ queries: [{ inUserIdsQuery: { userIds: [house.ids.ann] } }] }, caller.token)).body.result).toBeUndefined();
    }
    expect((await list({}, '')).status).toBe(401);
  });
});

describe('the order', () => {
  const sorted = async (body: object) => {
    const answer = await list({ queries: [inOrganization(house.organizationId)], ...body });
    return namesIn(answer.body).join(' ');
  };
  const byId = () =>
    Object.entries(house.ids)
      .sort(([, left], [, right]) => (left < right ? -1 : 1))
      .map(([name]) => name)
      .join(' ');
  const backwards = (names: string) => names.split(' ').reverse().join(' ');

  it('is by id, and descending unless asked otherwise', async () => {
    expect(await sorted({ query: { asc: true } })).toBe(byId());
    expect(await sorted({})).toBe(backwards(byId()));
    expect(await sorted({ sortingColumn: 'USER_FIELD_NAME_UNSPECIFIED' })).toBe(backwards(byId()));
  });

  it('is the one asked for, and the answer names it', async () => {
    const rows: [string | number, string][] = [
      ['USER_FIELD_NAME_USER_NAME', 'ann bob robot cy'],
      [1, 'ann bob robot cy'],
      ['USER_FIELD_NAME_FIRST_NAME', 'robot ann bob cy'],
      ['USER_FIELD_NAME_NICK_NAME', 'robot ann bob cy'],
      ['USER_FIELD_NAME_EMAIL', 'robot ann bob cy'],
      ['USER_FIELD_NAME_CREATION_DATE', 'bob ann cy robot'],
    ];
    for (const [sortingColumn, names] of rows) {
      expect(await sorted({ sortingColumn, query: { asc: true } }), `${sortingColumn}`).toBe(names);
      expect(await sorted({ sortingColumn }), `${sortingColumn}`).toBe(backwards(names));
    }
    const { body } = await list({ sortingColumn: 9, query: { limit: 1 } });
    expect(body.sortingColumn).toBe('USER_FIELD_NAME_CREATION_DATE');
  });

  it('is by id among equals, so that every user is on one page exactly', async () => {
    for (const sortingColumn of ['USER_FIELD_NAME_LAST_NAME', 'USER_FIELD_NAME_STATE', 'USER_FIELD_NAME_TYPE', 'USER_FIELD_NAME_DISPLAY_NAME']) {
      const whole = (await list({ queries: [inOrganization(house.organizationId)], sortingColumn })).body.result;
      const pages: unknown[] = [];
      for (let offset = 0; offset < 4; offset += 1) {
        const { body } = await list({ queries: [inOrganization(house.organizationId)], sortingColumn, query: { offset: String(offset), limit: 1 } });
        expect(body.details.totalResult).toBe('4');
        pages.push(...body.result);
      }
      expect(pages, sortingColumn).toEqual(whole);
    }
    const beyond = await list({ queries: [inOrganization(house.organizationId)], query: { offset: '4' } });
    expect(beyond.body).toEqual({ details: { totalResult: '4', timestamp: expect.any(String) } });
  });
});

describe('a search that is not one', () => {
  it('is refused', async () => {
    const long = 'x'.repeat(201);
    for (const body of [
      { queries: 'all' },
      { queries: {} },
      { queries: [null] },
      { queries: [7] },
      { query: { limit: 1001 } },
      { query: { offset: -1 } },
      { query: { asc: 'yes' } },
      { sortingColumn: 10 },
      { sortingColumn: {} },
      ...[
        { userNameQuery: {} },
        { userNameQuery: { userName: '' } },
        { userNameQuery: { userName: long } },
        { loginNameQuery: { loginName: 7 } },
        { firstNameQuery: { firstName: 'x', method: 8 } },
        { lastNameQuery: { lastName: 'x', method: -1 } },
        { nickNameQuery: { nickName: ['x'] } },
        { displayNameQuery: { displayName: '\ud800' } },
        { emailQuery: { emailAddress: long } },
        { emailQuery: {} },
        { phoneQuery: { number: '0'.repeat(21) } },
        { inUserIdsQuery: {} },
        { inUserIdsQuery: { userIds: [] } },
        { inUserIdsQuery: { userIds: 'x' } },
        { inUserIdsQuery: { userIds: [long] } },
        { inUserIdsQuery: { userIds: [1] } },
        { inUserIdsQuery: { userIds: Array(1001).fill('1') } },
        { inUserIdsQuery: { userIds: Array(200_000).fill(1) } },
        { inUserEmailsQuery: { userEmails: Array(1001).fill('a@b.c') } },
        { organizationIdQuery: { organizationId: '' } },
        { stateQuery: { state: 6 } },
        { typeQuery: { type: true } },
        { notQuery: [] },
        { orQuery: { queries: {} } },
      ].map((query) => ({ queries: [query] })),
    ]) {
      const answer = await list(body);
      expect([answer.status, answer.body.code], JSON.stringify(body).slice(0, 80)).toEqual([400, 3]);
    }
  });

  it('is none that lists a thousand ids', async () => {
    const userIds = [...Array.from({ length: 999 }, (_, i) => `${i}`.padStart(200, 'é')), house.ids.bob];
    expect(await found({ inUserIdsQuery: { userIds } })).toBe('bob');
  });

  it('is answered 200 or 400 whatever it holds, and shows nobody it must not', async () => {
    const caller = await newMachine({ organizationId: await newOrganization() });
    const NAMES = ['userName', 'firstName', 'lastName', 'nickName', 'displayName', 'loginName'];
    const simple = fc.oneof(
      fc
        .tuple(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 210 }), fc.integer({ min: 0, max: 7 }))
        .map(([name, text, method]) => ({
          [`${name}Query`]: { [name]: text, method },
        })),
      fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }).map((userIds) => ({ inUserIdsQuery: { userIds } })),
      fc.constantFrom('stateQuery', 'typeQuery', 'orQuery', 'emailQuery').chain((name) => fc.jsonValue().map((value) => ({ [name]: value }))),
      fc.integer({ min: 0, max: 5 }).map((state) => ({ stateQuery: { state } })),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        simple,
        fc.array(tie('tree'), { minLength: 1, maxLength: 4 }).map((queries) => ({ orQuery: { queries } })),
        fc.array(tie('tree'), { minLength: 1, maxLength: 4 }).map((queries) => ({ andQuery: { queries } })),
        tie('tree').map((query) => ({ notQuery: { query } })),
      ),
    }));
    const search = fc.record({ queries: fc.array(tree, { maxLength: 5 }), sortingColumn: fc.integer({ min: 0, max: 9 }) });
    await fc.assert(
      fc.asyncProperty(search, async (body) => {
        const answer = await list(body, caller.token);
        expect([200, 400]).toContain(answer.status);
        for (const { userId } of answer.body.result ?? []) expect(userId).toBe(caller.userId);
      }),
      { numRuns: 100 },
    );
  });
});
