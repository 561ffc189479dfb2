import { beforeAll, describe, expect, it } from 'vitest';
import { anOrganization, api, type Client, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, refusal, type Version } from '../support/login.ts';
import { newProvider } from '../support/provider-login.ts';

const VERSIONS: Version[] = ['v2', 'v2beta'];
const aProvider = () => newProvider('generic_oidc', { issuer: 'https://house.example', clientId: 'sallyport' });

let idpId: string;
beforeAll(async () => {
  idpId = await aProvider();
});

const account = (userId = unique('minnie'), provider = idpId) => ({ idpId: provider, userId, userName: `${userId}@house` });
const link = (userId: string, idpLink: object, client: Client = api(), version: Version = 'v2') =>
  client.post(`/${version}/users/${userId}/links`, { idpLink });
const search = (userId: string, query?: object, client: Client = api(), version: Version = 'v2') =>
  client.post(`/${version}/users/${userId}/links/_search`, { query });
const unlink = (
  userId: string,
  { idpId: provider, userId: id }: { idpId: string; userId: string },
  client: Client = api(),
  version: Version = 'v2',
) => client.delete(`/${version}/users/${userId}/links/${provider}/${id}`);
const linksOf = async (userId: string) => (await search(userId)).body.result ?? [];
const detailsOf = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.details;
const hasIdp = async (userId: string, version: Version = 'v2'): Promise<boolean> =>
  (await api().get(`/${version}/users/${userId}/authentication_methods`)).body.authMethodTypes?.includes('AUTHENTICATION_METHOD_TYPE_IDP') ?? false;

describe.each(VERSIONS)('a link of a user to an account at a provider, in %s', (version) => {
  it('is added, listed and removed, and each of it changes the user', async () => {
    const { userId } = await newUser();
    expect(await search(userId, undefined, api(), version)).toMatchObject({ status: 200, body: { details: { timestamp: expect.any(String) } } });
    expect(await hasIdp(userId, version)).toBe(false);
    const [mine, before] = [account(), await detailsOf(userId)];
    const added = await link(userId, mine, api(), version);
    expect(added.status).toBe(200);
    const { creationDate, ...shown } = await detailsOf(userId);
    expect(added.body.details).toEqual(shown);
    expect(Number(shown.sequence)).toBe(Number(before.sequence) + 1);
    const found = await search(userId, undefined, api(), version);
    expect(found.body).toEqual({ details: { totalResult: '1', timestamp: expect.any(String) }, result: [mine] });
    expect(await hasIdp(userId, version)).toBe(true);
    const removed = await unlink(userId, mine, api(), version);
    expect(removed.status).toBe(200);
    expect(Number(removed.body.details.sequence)).toBe(Number(shown.sequence) + 1);
    expect(await linksOf(userId)).toEqual([]);
    expect(await hasIdp(userId, version)).toBe(false);
    expect(refusal(await unlink(userId, mine, api(), version))).toEqual([404, 'COMMAND-1M9xR']);
  });

  it('is added once: again it changes nothing, and for another it is taken', async () => {
    const [{ userId }, { userId: other }, mine] = [await newUser(), await newUser(), account()];
    const { details } = (await link(userId, mine, api(), version)).body;
    const again = await link(userId, { ...mine, userName: 'another name' }, api(), version);
    expect(again).toMatchObject({ status: 200, body: { details } });
    expect(await linksOf(userId)).toEqual([mine]);
    const before = await detailsOf(other);
    expect(refusal(await link(other, mine, api(), version))).toEqual([409, 'V3-DKcYh']);
    expect([await linksOf(other), await detailsOf(other)]).toEqual([[], before]);
  });

  it('needs a user and a provider that there are', async () => {
    const { userId } = await newUser();
    expect(refusal(await link(userId, account(undefined, 'unknown'), api(), version))).toEqual([400, 'COMMAND-39nf2']);
    expect(refusal(await link('unknown', account(), api(), version))).toEqual([400, 'COMMAND-vzktar7b7f']);
    expect(refusal(await search('unknown', undefined, api(), version))).toEqual([404, 'QUERY-Dfbg2']);
    expect(refusal(await unlink('unknown', account(), api(), version))).toEqual([404, 'COMMAND-1M9xR']);
  });

  it('is a person’s, no machine’s', async () => {
    const { userId } = await newMachine();
    expect(refusal(await link(userId, account(), api(), version))).toEqual([400, 'COMMAND-vzktar7b7f']);
    expect((await search(userId, undefined, api(), version)).body.result).toBeUndefined();
  });

  it.each(['idpId', 'userId', 'userName'])('needs a %s', async (field) => {
    const { userId } = await newUser();
    for (const value of [undefined, '', 'x'.repeat(201)]) {
      expect((await link(userId, { ...account(), [field]: value }, api(), version)).status).toBe(400);
    }
    expect(await linksOf(userId)).toEqual([]);
  });

  it('is given at all', async () => {
    const { userId } = await newUser();
    expect((await api().post(`/${version}/users/${userId}/links`, {})).status).toBe(400);
  });
});

describe('links', () => {
  it('are the same account only at the same provider, and exactly as it is spelled', async () => {
    const [{ userId }, { userId: other }, provider] = [await newUser(), await newUser(), await aProvider()];
    const mine = account();
    await link(userId, mine);
    for (const theirs of [account(mine.userId, provider), account(mine.userId.toUpperCase()), account(`${mine.userId} `)]) {
      expect((await link(other, theirs)).status).toBe(200);
    }
  });

  it('of one user may be several at one provider', async () => {
    const { userId } = await newUser();
    const accounts = [account(), account()];
    for (const one of accounts) expect((await link(userId, one)).status).toBe(200);
    expect(await linksOf(userId)).toHaveLength(2);
    await unlink(userId, accounts[0] as (typeof accounts)[number]);
    expect(await linksOf(userId)).toEqual([accounts[1]]);
    expect(await hasIdp(userId)).toBe(true);
  });

  it('are removed by the user whose they are, and no other', async () => {
    const [{ userId }, { userId: other }, mine] = [await newUser(), await newUser(), account()];
    await link(userId, mine);
    expect(refusal(await unlink(other, mine))).toEqual([404, 'COMMAND-1M9xR']);
    expect(refusal(await unlink(userId, { ...mine, idpId: await aProvider() }))).toEqual([404, 'COMMAND-1M9xR']);
    expect(await linksOf(userId)).toEqual([mine]);
    await unlink(userId, mine);
    expect((await link(other, mine)).status).toBe(200);
  });

  it('may name accounts that a path has to encode', async () => {
    const { userId } = await newUser();
    const mine = account(`a/b?c=d&é ${unique('%')}`);
    await link(userId, mine);
    expect((await unlink(userId, { ...mine, userId: encodeURIComponent(mine.userId) })).status).toBe(200);
    expect(await linksOf(userId)).toEqual([]);
  });

  it('are listed by pages, with how many there are in all', async () => {
    const { userId } = await newUser();
    const all = Array.from({ length: 5 }, (_, index) => account(`${index}-${unique('minnie')}`));
    for (const one of all) await link(userId, one);
    const found = await linksOf(userId);
    expect(found.toSorted((left: typeof idpId, right: typeof idpId) => JSON.stringify(left).localeCompare(JSON.stringify(right)))).toEqual(all);
    const page = async (query: object) => (await search(userId, query)).body;
    expect((await page({ limit: 2 })).result).toEqual(found.slice(0, 2));
    expect((await page({ limit: 2, offset: '4' })).result).toEqual(found.slice(4));
    expect((await page({ limit: 2, offset: '1' })).details.totalResult).toBe('5');
    expect((await page({ offset: '5' })).result).toBeUndefined();
    expect((await search(userId, { limit: 1001 })).status).toBe(400);
  });

  it('to one account are one user’s, however many ask at the same time', async () => {
    const [users, mine] = [await Promise.all(Array.from({ length: 4 }, () => newUser())), account()];
    const answers = await Promise.all(users.map(({ userId }) => link(userId, mine)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
    const links = await Promise.all(users.map(({ userId }) => linksOf(userId)));
    expect(links.flat()).toEqual([mine]);
  });

  it('of a deleted user are nobody’s, and no user gets one who is deleted', async () => {
    const [{ userId }, { userId: other }, mine] = [await newUser(), await newUser(), account()];
    await link(userId, mine);
    expect((await api().delete(`/v2/users/${userId}`)).status).toBe(200);
    expect(refusal(await link(userId, account()))).toEqual([400, 'COMMAND-vzktar7b7f']);
    expect((await link(other, mine)).status).toBe(200);
    expect(await linksOf(other)).toEqual([mine]);
  });
});

describe('who may', () => {
  const all = async (userId: string, client: Client) => {
    const mine = account();
    const added = await link(userId, mine, client);
    const listed = await search(userId, {}, client);
    const removed = await unlink(userId, mine, client);
    return [added, listed, removed];
  };
  const statuses = async (userId: string, client: Client) => (await all(userId, client)).map(({ status }) => status);
  const refusals = async (userId: string, client: Client) => (await all(userId, client)).map(refusal);
  const REFUSED = [403, 'AUTH-AWfge'];

  it('link, list and unlink: users themselves', async () => {
    const { userId } = await newUser();
    const { token } = await create({ checks: { user: { userId }, password: { password: PASSWORD } } });
    // They add one that they have just come back with: that is shown where log-ins are.
    expect(await statuses(userId, api(token))).toEqual([403, 200, 404]);
    const { userId: other } = await newUser();
    expect(await refusals(other, api(token))).toEqual([REFUSED, REFUSED, REFUSED]);
  });

  it.each<[string, { instance?: string[]; organization?: string[] }, number[]]>([
    ['IAM_OWNER', { instance: ['IAM_OWNER'] }, [200, 200, 200]],
    ['IAM_ORG_MANAGER', { instance: ['IAM_ORG_MANAGER'] }, [200, 200, 200]],
    ['IAM_USER_MANAGER', { instance: ['IAM_USER_MANAGER'] }, [200, 200, 200]],
    ['IAM_LOGIN_CLIENT', { instance: ['IAM_LOGIN_CLIENT'] }, [200, 200, 200]],
    ['ORG_OWNER', { organization: ['ORG_OWNER'] }, [200, 200, 200]],
    ['ORG_USER_MANAGER', { organization: ['ORG_USER_MANAGER'] }, [200, 200, 200]],
    ['IAM_OWNER_VIEWER', { instance: ['IAM_OWNER_VIEWER'] }, [403, 200, 403]],
    ['SESSION_CLIENT', { organization: ['SESSION_CLIENT'] }, [403, 200, 403]],
    ['no role', {}, [403, 403, 403]],
  ])('link, list and unlink: %s', async (_, roles, expected) => {
    const { userId } = await newUser();
    expect(await statuses(userId, api((await newMachine(roles)).token))).toEqual(expected);
  });

  it('reach nobody in another organisation', async () => {
    const { token } = await newMachine({ organization: ['ORG_OWNER'], organizationId: await newOrganization() });
    const { userId } = await newUser();
    expect(await refusals(userId, api(token))).toEqual([
      [400, 'COMMAND-vzktar7b7f'],
      [404, 'QUERY-Dfbg2'],
      [404, 'COMMAND-1M9xR'],
    ]);
  });

  it('link nobody who may do more than they, and take nothing from such a one', async () => {
    const { userId } = await newUser();
    await api().post('/admin/v1/members', { userId, roles: ['IAM_OWNER'] });
    const mine = account();
    await link(userId, mine);
    const manager = api((await newMachine({ instance: ['IAM_USER_MANAGER'] })).token);
    expect(refusal(await link(userId, account(), manager))).toEqual(REFUSED);
    expect(refusal(await unlink(userId, mine, manager))).toEqual(REFUSED);
    expect(await linksOf(userId)).toEqual([mine]);
    expect(await statuses(userId, api((await newMachine({ instance: ['IAM_OWNER'] })).token))).toEqual([200, 200, 200]);
  });

  it('do nothing: those who are not authenticated', async () => {
    const { userId } = await newUser();
    expect(await statuses(userId, api(''))).toEqual([401, 401, 401]);
  });
});

describe.each([
  ['AddHumanUser', 'v2'],
  ['AddHumanUser', 'v2beta'],
  ['CreateUser', 'v2'],
] as const)('a user who is created with links, by %s in %s', (call, version) => {
  const createUser = async (idpLinks: unknown, overrides: object = {}) => {
    const loginName = `${unique('mini')}@mouse.com`;
    const orgId = await anOrganization();
    const person = { profile: { givenName: 'Minnie', familyName: 'Mouse' }, email: { email: loginName, isVerified: true }, idpLinks, ...overrides };
    if (call === 'CreateUser') return api().post('/v2/users/new', { organizationId: orgId, username: loginName, human: person });
    return api().post(`/${version}/users/human`, { organization: { orgId }, username: loginName, ...person });
  };
  const idOf = ({ body }: { body: { userId?: string; id?: string } }) => body.userId ?? body.id ?? '';
  const count = async () => Number((await api().post('/v2/users', { query: { limit: 1 } })).body.details.totalResult);

  it('has them from the beginning', async () => {
    const accounts = [account(), account(undefined, await aProvider())];
    const created = await createUser(accounts);
    expect(created.status).toBeLessThan(300);
    const linked = await linksOf(idOf(created));
    expect(linked).toHaveLength(2);
    expect(linked).toEqual(expect.arrayContaining(accounts));
    expect(await hasIdp(idOf(created))).toBe(true);
    const metadata = [{ key: 'a', value: btoa('b') }];
    const all = await createUser([account()], { metadata, totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' });
    expect(all.status).toBeLessThan(300);
    expect(await linksOf(idOf(all))).toHaveLength(1);
  });

  it('has an account once that is given twice', async () => {
    const mine = account();
    const created = await createUser([mine, { ...mine, userName: 'another name' }]);
    expect(created.status).toBeLessThan(300);
    expect(await linksOf(idOf(created))).toHaveLength(1);
  });

  it('is not created at all when one of them cannot be', async () => {
    const [{ userId }, taken, free] = [await newUser(), account(), account()];
    await link(userId, taken);
    const before = await count();
    expect(refusal(await createUser([free, taken]))).toEqual([409, 'V3-DKcYh']);
    expect(refusal(await createUser([free, account(undefined, 'unknown')]))).toEqual([400, 'COMMAND-39nf2']);
    for (const field of ['idpId', 'userId', 'userName']) expect((await createUser([free, { ...account(), [field]: '' }])).status).toBe(400);
    expect((await createUser(Array.from({ length: 21 }, () => account()))).status).toBe(400);
    expect(await count()).toBe(before);
    expect(await linksOf(userId)).toEqual([taken]);
    const created = await createUser([free]);
    expect(await linksOf(idOf(created))).toEqual([free]);
  });

  it('takes nothing from whom the login name is, nor leaves anything of the one who is not created', async () => {
    const { userId, loginName } = await newUser();
    const mine = account();
    const named = call === 'CreateUser' ? { username: loginName } : {};
    const answer =
      call === 'CreateUser'
        ? await api().post('/v2/users/new', {
            organizationId: await anOrganization(),
            ...named,
            human: { profile: { givenName: 'Minnie', familyName: 'Mouse' }, email: { email: loginName, isVerified: true }, idpLinks: [mine] },
          })
        : await createUser([mine], { username: loginName });
    expect(refusal(answer)).toEqual([409, 'V3-DKcYh']);
    expect(await linksOf(userId)).toEqual([]);
    expect((await link(userId, mine)).status).toBe(200);
  });

  it('is one of those who ask for one account at the same time', async () => {
    const mine = account();
    const before = await count();
    const answers = await Promise.all(Array.from({ length: 4 }, () => createUser([mine])));
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(3);
    expect(await count()).toBe(before + 1);
  });
});
