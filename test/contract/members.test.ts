import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newOrganization, newUser } from '../support/api.ts';
import { refusal } from '../support/login.ts';

const INSTANCE = '/admin/v1/members';
const ORGANIZATION = '/management/v1/orgs/me/members';
const inOrganization = (organizationId: string) => ({ 'x-zitadel-orgid': organizationId });

/** Both levels, each with a role of its own and the ids of its refusals. */
const LEVELS = [
  { path: INSTANCE, role: 'IAM_USER_MANAGER', invalid: 'INSTANCE-4m0fS', noUser: 'INSTA-GSXOn', taken: 'INSTA-pFDwe', unknown: 'INSTANCE-D8JxR' },
  { path: ORGANIZATION, role: 'ORG_USER_MANAGER', invalid: 'Org-4N8es', noUser: 'ORG-GoXOn', taken: 'ORG-poWwe', unknown: 'Org-D8JxR' },
] as const;

for (const { path, role, invalid, noUser, taken, unknown } of LEVELS) {
  describe(path, () => {
    const headers = async () => inOrganization(await anOrganization());
    const add = async (userId: unknown, roles: unknown) => api().post(path, { userId, roles }, await headers());
    const put = async (userId: string, roles: unknown) => api().put(`${path}/${userId}`, { roles }, await headers());
    const remove = async (userId: string) => api().delete(`${path}/${userId}`, undefined, await headers());
    const find = async (userId: string) => api().post(`${path}/_search`, { queries: [{ userIdQuery: { userId } }] }, await headers());

    it('adds, shows, changes and removes a member', async () => {
      const { userId, loginName } = await newUser();
      const resourceOwner = path === INSTANCE ? 'sallyport' : await anOrganization();
      const added = await add(userId, [role, role]);
      expect(added).toMatchObject({ status: 200, body: { details: { sequence: '1', resourceOwner } } });
      const found = await find(userId);
      expect(found.body.details.totalResult).toBe('1');
      expect(found.body.result).toEqual([
        {
          userId,
          details: added.body.details,
          roles: [role],
          preferredLoginName: loginName,
          email: loginName,
          firstName: 'Minnie',
          lastName: 'Mouse',
          displayName: 'Minnie Mouse',
          userType: 'TYPE_HUMAN',
        },
      ]);
      expect((await put(userId, [role, 'SESSION_CLIENT'])).body.details.sequence).toBe('2');
      expect((await find(userId)).body.result[0].roles).toEqual([role, 'SESSION_CLIENT']);
      expect((await remove(userId)).body.details.sequence).toBe('3');
      expect((await find(userId)).body.result).toBeUndefined();
      expect((await add(userId, [role])).status).toBe(200);
    });

    it('changes nothing when the roles are the same', async () => {
      const { userId } = await newUser();
      const { details } = (await add(userId, [role])).body;
      expect((await put(userId, [role])).body.details).toEqual(details);
    });

    it('wants one or more roles that exist on this level', async () => {
      const { userId } = await newUser();
      const otherLevel = path === INSTANCE ? 'ORG_OWNER' : 'IAM_OWNER';
      for (const roles of [undefined, [], [''], ['NOBODY'], [otherLevel], [role, otherLevel], ['constructor']]) {
        expect(refusal(await add(userId, roles)), JSON.stringify(roles)).toEqual([400, invalid]);
        expect(refusal(await put(userId, roles)), JSON.stringify(roles)).toEqual([400, invalid]);
      }
      expect((await add(userId, role)).status).toBe(400);
      expect((await find(userId)).body.result).toBeUndefined();
    });

    it('wants a user who is there', async () => {
      const gone = await newUser();
      await api().delete(`/v2/users/${gone.userId}`);
      for (const userId of ['nobody', gone.userId]) expect(refusal(await add(userId, [role]))).toEqual([400, noUser]);
      expect((await add(undefined, [role])).status).toBe(400);
    });

    it('makes a user a member once, however many ask for it at once', async () => {
      const { userId } = await newUser();
      const answers = await Promise.all(Array.from({ length: 5 }, () => add(userId, [role])));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusal(answer)).toEqual([409, taken]);
    });

    it('does not change or remove who is no member', async () => {
      const { userId } = await newUser();
      expect(refusal(await put(userId, [role]))).toEqual([404, unknown]);
      expect(refusal(await remove(userId))).toEqual([404, unknown]);
    });

    it('shows pages with a true total', async () => {
      for (let i = 0; i < 3; i += 1) await add((await newUser()).userId, [role]);
      const whole = await api().post(`${path}/_search`, { query: { limit: 1000 } }, await headers());
      const total = Number(whole.body.details.totalResult);
      expect(whole.body.result).toHaveLength(total);
      const page = await api().post(`${path}/_search`, { query: { offset: '1', limit: 1 } }, await headers());
      expect(page.body.details.totalResult).toBe(String(total));
      expect(page.body.result).toEqual([whole.body.result[1]]);
      expect((await api().post(`${path}/_search`, { query: { limit: 1001 } }, await headers())).status).toBe(400);
      const notBuilt = await api().post(`${path}/_search`, { queries: [{ emailQuery: { email: 'm' } }] }, await headers());
      expect(refusal(notBuilt)).toEqual([501, 'SALLY-NotBuilt']);
      expect((await api().post(`${path}/_search`, { queries: [{}] }, await headers())).status).toBe(400);
    });
  });
}

describe('a role', () => {
  it('takes effect for the tokens of its machine, and ends with its membership', async () => {
    const user = await newUser();
    const machine = await newMachine();
    const fresh = async () => {
      const { body } = await api().post(`/v2/users/${machine.userId}/pats`, { expirationDate: '9999-01-01T00:00:00Z' });
      return (await api(body.token).get(`/v2/users/${user.userId}`)).status;
    };
    expect(await fresh()).toBe(403);
    await api().post(INSTANCE, { userId: machine.userId, roles: ['IAM_OWNER_VIEWER'] });
    expect(await fresh()).toBe(200);
    await api().delete(`${INSTANCE}/${machine.userId}`);
    expect(await fresh()).toBe(403);
  });

  it('reaches as far as its organisation', async () => {
    const [own, other] = [await newOrganization(), await newOrganization()];
    const { token } = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const mine = await newUser({ organization: { orgId: own } });
    const client = api(token);
    expect((await client.post(ORGANIZATION, { userId: mine.userId, roles: ['ORG_USER_MANAGER'] })).status).toBe(200);
    expect((await client.post(`${ORGANIZATION}/_search`, {})).body.details.totalResult).toBe('2');
    for (const organizationId of [other, 'nowhere']) {
      const headers = inOrganization(organizationId);
      expect(refusal(await client.post(ORGANIZATION, { userId: mine.userId, roles: ['ORG_OWNER'] }, headers))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await client.post(`${ORGANIZATION}/_search`, {}, headers))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await client.delete(`${ORGANIZATION}/${mine.userId}`, undefined, headers))).toEqual([403, 'AUTH-AWfge']);
    }
    for (const answer of [
      await client.post(INSTANCE, { userId: mine.userId, roles: ['IAM_USER_MANAGER'] }),
      await client.post(`${INSTANCE}/_search`, {}),
      await client.put(`${INSTANCE}/${mine.userId}`, { roles: ['IAM_USER_MANAGER'] }),
      await client.delete(`${INSTANCE}/${mine.userId}`),
    ]) {
      expect(refusal(answer)).toEqual([403, 'AUTH-AWfge']);
    }
  });

  it('is not given by one organisation’s owner to a user of another, who is as good as unknown', async () => {
    const own = await newOrganization();
    const { token } = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const foreign = await newUser();
    for (const userId of [foreign.userId, 'nobody']) {
      expect(refusal(await api(token).post(ORGANIZATION, { userId, roles: ['ORG_OWNER'] }))).toEqual([400, 'ORG-GoXOn']);
    }
    expect((await api().post(ORGANIZATION, { userId: foreign.userId, roles: ['ORG_OWNER'] }, inOrganization(own))).status).toBe(200);
  });

  it('is given by nobody who does not hold all of it', async () => {
    const own = await newOrganization();
    const owner = await newMachine({ instance: ['IAM_OWNER'] });
    const orgOwner = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const { userId } = await newUser({ organization: { orgId: own } });
    for (const role of ['IAM_LOGIN_CLIENT', 'SESSION_CLIENT']) {
      expect(refusal(await api(owner.token).post(INSTANCE, { userId, roles: [role] })), role).toEqual([403, 'AUTH-AWfge']);
    }
    expect(refusal(await api(orgOwner.token).post(ORGANIZATION, { userId, roles: ['ORG_OWNER', 'SESSION_CLIENT'] }))).toEqual([403, 'AUTH-AWfge']);
    expect((await api(orgOwner.token).post(ORGANIZATION, { userId, roles: ['ORG_USER_MANAGER'] })).status).toBe(200);
    expect(refusal(await api(orgOwner.token).put(`${ORGANIZATION}/${userId}`, { roles: ['SESSION_CLIENT'] }))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await api(orgOwner.token).put(`${ORGANIZATION}/${orgOwner.userId}`, { roles: ['ORG_OWNER', 'SESSION_CLIENT'] }))).toEqual([
      403,
      'AUTH-AWfge',
    ]);
    expect((await api(owner.token).post(INSTANCE, { userId, roles: ['IAM_ORG_MANAGER'] })).status).toBe(200);
  });

  it('is handed out neither by a login client nor by a user manager', async () => {
    const { userId } = await newUser();
    for (const role of ['IAM_LOGIN_CLIENT', 'IAM_USER_MANAGER', 'IAM_OWNER_VIEWER']) {
      const { token } = await newMachine({ instance: [role] });
      expect(refusal(await api(token).post(INSTANCE, { userId, roles: [role] })), role).toEqual([403, 'AUTH-AWfge']);
      const there = await api(token).post(ORGANIZATION, { userId, roles: ['ORG_USER_MANAGER'] }, inOrganization(await anOrganization()));
      expect(refusal(there), role).toEqual([403, 'AUTH-AWfge']);
    }
    const viewer = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    expect((await api(viewer.token).post(`${INSTANCE}/_search`, {})).status).toBe(200);
  });
});

describe('the organisation "me"', () => {
  it('is the one in the header, or else the caller’s', async () => {
    const [own, other] = [await newOrganization(), await newOrganization()];
    const manager = await newMachine({ instance: ['IAM_ORG_MANAGER'], organizationId: own });
    const { userId } = await newUser();
    const client = api(manager.token);
    expect((await client.post(ORGANIZATION, { userId, roles: ['ORG_OWNER'] })).body.details.resourceOwner).toBe(own);
    expect((await client.post(ORGANIZATION, { userId, roles: ['ORG_OWNER'] }, inOrganization(other))).body.details.resourceOwner).toBe(other);
    expect(refusal(await client.post(`${ORGANIZATION}/_search`, {}, inOrganization('nowhere')))).toEqual([403, 'AUTH-Bs7Ds']);
  });
});
