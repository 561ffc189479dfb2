import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newOrganization, newUser, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';

const inOneHour = () => new Date(Date.now() + 3_600_000).toISOString();
const mint = (userId: string, bearer?: string, expirationDate: unknown = inOneHour()) =>
  api(bearer).post(`/v2/users/${userId}/pats`, { expirationDate });
const self = ({ userId, token }: { userId: string; token: string }) => api(token).get(`/v2/users/${userId}`);

/** A machine that has no token yet. */
async function bareMachine(organizationId?: string): Promise<string> {
  const body = { organizationId: organizationId ?? (await anOrganization()), username: unique('machine'), machine: { name: 'A machine' } };
  return (await api().post('/v2/users/new', body)).body.id;
}

describe('a personal access token', () => {
  it('signs its machine in, and is shown once', async () => {
    const userId = await bareMachine();
    const { status, body } = await mint(userId);
    expect(status).toBe(200);
    expect(body).toEqual({
      creationDate: expect.any(String),
      tokenId: expect.stringMatching(/^\d{18}$/),
      token: expect.stringMatching(/^pat_[\w-]{43}$/),
    });
    expect((await self({ userId, token: body.token })).body.user.userId).toBe(userId);
    const lists = [
      await api().get(`/v2/users/${userId}/pats`),
      await api().post('/v2/users/pats/search', { filters: [{ userIdFilter: { id: userId } }] }),
    ];
    for (const list of lists) {
      expect(list.status).toBe(200);
      expect(list.body.pagination.totalResult).toBe('1');
      expect(list.body.result).toEqual([expect.objectContaining({ id: body.tokenId, userId, creationDate: body.creationDate })]);
      expect(JSON.stringify(list.body)).not.toContain(body.token);
    }
  });

  it('is no token when one character of it is another', async () => {
    const { token, userId } = await newMachine();
    const other = token.endsWith('A') ? 'B' : 'A';
    for (const wrong of [`${token.slice(0, -1)}${other}`, token.slice(0, -1), `${token}A`, 'pat_', token.toUpperCase()]) {
      expect((await self({ userId, token: wrong })).status).toBe(401);
    }
  });

  it('ends at its expiration date', async () => {
    const userId = await bareMachine();
    const { body } = await mint(userId, undefined, new Date(Date.now() + 1500).toISOString());
    expect((await self({ userId, token: body.token })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1600));
    expect((await self({ userId, token: body.token })).status).toBe(401);
    expect((await api().get(`/v2/users/${userId}/pats`)).body.pagination.totalResult).toBe('1');
  });

  it('needs an expiration date that is still to come', async () => {
    const userId = await bareMachine();
    expect(refusal(await mint(userId, undefined, '2020-12-31T23:59:59Z'))).toEqual([400, 'DOMAIN-dv3t5']);
    for (const wrong of [null, 'tomorrow', 1, '2020-12-31']) expect((await mint(userId, undefined, wrong)).status).toBe(400);
    expect((await mint(userId, undefined, '9999-12-31T23:59:59.999999999Z')).status).toBe(200);
  });

  it('is removed for good', async () => {
    const userId = await bareMachine();
    const [kept, removed] = [(await mint(userId)).body, (await mint(userId)).body];
    const answer = await api().delete(`/v2/users/${userId}/pats/${removed.tokenId}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ deletionDate: expect.any(String) });
    expect((await self({ userId, token: removed.token })).status).toBe(401);
    expect((await self({ userId, token: kept.token })).status).toBe(200);
    expect(refusal(await api().delete(`/v2/users/${userId}/pats/${removed.tokenId}`))).toEqual([404, 'COMMAND-4m77G']);
  });

  it('is found under its own user only', async () => {
    const [userId, other] = [await bareMachine(), await bareMachine()];
    const { body } = await mint(userId);
    expect(refusal(await api().delete(`/v2/users/${other}/pats/${body.tokenId}`))).toEqual([404, 'COMMAND-4m77G']);
    expect((await self({ userId, token: body.token })).status).toBe(200);
  });

  it('rests while its machine is inactive or locked', async () => {
    for (const [stop, resume] of [
      ['deactivate', 'reactivate'],
      ['lock', 'unlock'],
    ]) {
      const userId = await bareMachine();
      const { body } = await mint(userId);
      await api().post(`/v2/users/${userId}/${stop}`);
      expect((await self({ userId, token: body.token })).status).toBe(401);
      await api().post(`/v2/users/${userId}/${resume}`);
      expect((await self({ userId, token: body.token })).status).toBe(200);
    }
  });

  it('is for machines only, and for those that are there', async () => {
    const { userId } = await newUser();
    expect(refusal(await mint(userId))).toEqual([400, 'COMMAND-Df2f1']);
    expect(refusal(await mint('nobody'))).toEqual([404, 'COMMAND-Dggw2']);
    const gone = await bareMachine();
    await api().delete(`/v2/users/${gone}`);
    expect(refusal(await mint(gone))).toEqual([404, 'COMMAND-Dggw2']);
  });
});

describe('who may make a token', () => {
  it('is whoever may write users there and holds all that the machine holds', async () => {
    const own = await newOrganization();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const peer = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    expect((await mint(await bareMachine(own), manager.token)).status).toBe(200);
    expect((await mint(peer.userId, manager.token)).status).toBe(200);
  });

  it('is nobody who would gain a permission by it', async () => {
    const own = await newOrganization();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const orgOwner = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const viewer = await newMachine({ instance: ['IAM_OWNER_VIEWER'], organizationId: own });
    const owner = await newMachine({ instance: ['IAM_OWNER'], organizationId: own });
    const loginClient = await newMachine({ instance: ['IAM_LOGIN_CLIENT'], organizationId: own });
    for (const [caller, target] of [
      [manager, orgOwner],
      [manager, viewer],
      [orgOwner, viewer],
      [orgOwner, owner],
      [loginClient, owner],
      [owner, loginClient],
    ] as const) {
      expect(refusal(await mint(target.userId, caller.token))).toEqual([403, 'AUTH-AWfge']);
    }
  });

  it('is nobody without user.write there, not even the machine itself', async () => {
    const target = await bareMachine();
    const nobody = await newMachine();
    for (const id of [target, nobody.userId, 'nobody']) expect(refusal(await mint(id, nobody.token))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await api(nobody.token).delete(`/v2/users/${target}/pats/1`))).toEqual([403, 'AUTH-AWfge']);
    const elsewhere = await newMachine({ organization: ['ORG_OWNER'], organizationId: await newOrganization() });
    expect(refusal(await mint(target, elsewhere.token))).toEqual([404, 'COMMAND-Dggw2']);
    const { body } = await mint(target);
    expect(refusal(await api(elsewhere.token).delete(`/v2/users/${target}/pats/${body.tokenId}`))).toEqual([404, 'COMMAND-4m77G']);
  });
});

describe('the list of tokens', () => {
  it('shows a machine without a role its own tokens and no others', async () => {
    const [me, other] = [await newMachine(), await newMachine()];
    expect((await api(me.token).post('/v2/users/pats/search', {})).body.result).toEqual([expect.objectContaining({ userId: me.userId })]);
    expect((await api(me.token).get(`/v2/users/${me.userId}/pats`)).body.pagination.totalResult).toBe('1');
    const foreign = await api(me.token).post('/v2/users/pats/search', { filters: [{ userIdFilter: { id: other.userId } }] });
    expect(foreign.body).toEqual({ pagination: { appliedLimit: '100' } });
    expect(refusal(await api(me.token).get(`/v2/users/${other.userId}/pats`))).toEqual([403, 'AUTH-AWfge']);
  });

  it('shows those of the organisations where the caller may read users, in pages with a true total', async () => {
    const own = await newOrganization();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const machine = await bareMachine(own);
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await mint(machine)).body.tokenId);
    const search = (body: object) => api(manager.token).post('/v2/users/pats/search', body);
    expect((await search({})).body.pagination.totalResult).toBe('4');
    const filters = [{ userIdFilter: { id: machine } }, { organizationIdFilter: { id: own } }];
    const pages = [await search({ filters, pagination: { limit: 2 } }), await search({ filters, pagination: { limit: 2, offset: '2' } })];
    expect(pages.map(({ body }) => body.pagination)).toEqual(Array(2).fill({ totalResult: '3', appliedLimit: '2' }));
    expect(pages.flatMap(({ body }) => body.result.map(({ id }: { id: string }) => id)).sort()).toEqual(ids.sort());
    expect((await search({ filters: [{ organizationIdFilter: { id: await anOrganization() } }] })).body.result).toBeUndefined();
  });

  it('refuses filters that say nothing, that are not built, and pages over the limit', async () => {
    expect((await api().post('/v2/users/pats/search', { filters: [{}] })).status).toBe(400);
    expect((await api().post('/v2/users/pats/search', { filters: [{ userIdFilter: {} }] })).status).toBe(400);
    expect(refusal(await api().post('/v2/users/pats/search', { filters: [{ notFilter: {} }] }))).toEqual([501, 'SALLY-NotBuilt']);
    expect((await api().post('/v2/users/pats/search', { pagination: { limit: 1001 } })).status).toBe(400);
    const many = Array.from({ length: 41 }, () => ({ userIdFilter: { id: '1' } }));
    expect((await api().post('/v2/users/pats/search', { filters: many })).status).toBe(400);
    expect((await api().post('/v2/users/pats/search', { filters: many.slice(1) })).status).toBe(200);
  });
});
