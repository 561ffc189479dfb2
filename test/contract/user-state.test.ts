import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser } from '../support/api.ts';
import { refusal } from '../support/login.ts';

type Verb = 'lock' | 'unlock' | 'deactivate' | 'reactivate';
const change = (userId: string, verb: Verb, version = 'v2') => api().post(`/${version}/users/${userId}/${verb}`);
const stateOf = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.user.state;

const UNKNOWN: Record<Verb, string> = {
  lock: 'COMMAND-450yxuqrh1',
  unlock: 'COMMAND-x377t913pw',
  deactivate: 'COMMAND-5gp2p62iin',
  reactivate: 'COMMAND-9hy5kzbuk6',
};
const VERBS = Object.keys(UNKNOWN) as Verb[];

describe('a user’s state', () => {
  it('is shown by the very next read, and each change moves the sequence', async () => {
    const { userId } = await newUser();
    const steps: [Verb, string][] = [
      ['lock', 'USER_STATE_LOCKED'],
      ['unlock', 'USER_STATE_ACTIVE'],
      ['deactivate', 'USER_STATE_INACTIVE'],
      ['reactivate', 'USER_STATE_ACTIVE'],
      ['lock', 'USER_STATE_LOCKED'],
      ['deactivate', 'USER_STATE_INACTIVE'],
    ];
    for (const [index, [verb, state]] of steps.entries()) {
      const { status, body } = await change(userId, verb, index % 2 === 0 ? 'v2' : 'v2beta');
      expect(status, verb).toBe(200);
      expect(body.details.sequence).toBe(String(index + 2));
      expect(await stateOf(userId)).toBe(state);
    }
  });

  it('is refused by Zitadel’s ids from where it cannot be reached', async () => {
    const { userId } = await newUser();
    const rows: [Verb | undefined, Verb, string][] = [
      [undefined, 'unlock', 'COMMAND-olb9vb0oca'],
      [undefined, 'reactivate', 'COMMAND-s5qqcz97hf'],
      ['lock', 'lock', 'COMMAND-lgws8wtsqf'],
      [undefined, 'reactivate', 'COMMAND-s5qqcz97hf'],
      ['deactivate', 'deactivate', 'COMMAND-5gunjw0cd7'],
      [undefined, 'lock', 'COMMAND-lgws8wtsqf'],
      [undefined, 'unlock', 'COMMAND-olb9vb0oca'],
    ];
    for (const [before, verb, id] of rows) {
      if (before) expect((await change(userId, before)).status).toBe(200);
      expect(refusal(await change(userId, verb)), verb).toEqual([400, id]);
    }
  });

  it('of an unknown or deleted user is 404, with an id for each operation', async () => {
    const { userId } = await newUser();
    await api().delete(`/v2/users/${userId}`);
    for (const id of ['nobody', userId]) {
      for (const verb of VERBS) expect(refusal(await change(id, verb)), verb).toEqual([404, UNKNOWN[verb]]);
      expect(refusal(await api().delete(`/v2beta/users/${id}`))).toEqual([404, 'COMMAND-bd4ir1mblj']);
    }
  });

  it('is changed once by many who try at once: a repeat ahead of the first answer is told what the first is told, a later one is refused', async () => {
    const { userId } = await newUser();
    const answers = await Promise.all(Array.from({ length: 6 }, () => change(userId, 'lock')));
    const told = answers.filter(({ status }) => status === 200);
    expect(told.length).toBeGreaterThan(0);
    for (const { body } of told) expect(body.details.sequence).toBe('2');
    for (const answer of answers) if (!told.includes(answer)) expect(refusal(answer)).toEqual([400, 'COMMAND-lgws8wtsqf']);
    expect(refusal(await change(userId, 'lock'))).toEqual([400, 'COMMAND-lgws8wtsqf']);
    expect((await api().get(`/v2/users/${userId}`)).body.user).toMatchObject({ state: 'USER_STATE_LOCKED', details: { sequence: '2' } });
  });

  it('may be changed by the user itself and by whoever may write users there', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await newUser();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const nobody = await newMachine();
    expect((await api(manager.token).post(`/v2/users/${mine.userId}/lock`)).status).toBe(200);
    expect((await api(manager.token).post(`/v2/users/${mine.userId}/unlock`)).status).toBe(200);
    for (const id of [foreign.userId, 'nobody']) {
      expect(refusal(await api(manager.token).post(`/v2/users/${id}/lock`))).toEqual([404, UNKNOWN.lock]);
      expect(refusal(await api(nobody.token).post(`/v2/users/${id}/lock`))).toEqual([403, 'AUTH-AWfge']);
    }
    expect((await api(nobody.token).post(`/v2/users/${nobody.userId}/deactivate`)).status).toBe(200);
  });
});

describe('a stop', () => {
  it('is not undone by the one who was stopped, whose token may still be remembered', async () => {
    for (const [stop, resume, state, needless] of [
      ['lock', 'unlock', 'USER_STATE_LOCKED', 'COMMAND-olb9vb0oca'],
      ['deactivate', 'reactivate', 'USER_STATE_INACTIVE', 'COMMAND-s5qqcz97hf'],
    ] as const) {
      const machine = await newMachine({ instance: ['IAM_OWNER'] });
      expect(refusal(await api(machine.token).post(`/v2/users/${machine.userId}/${resume}`))).toEqual([400, needless]);
      await change(machine.userId, stop);
      expect([401, 403]).toContain((await api(machine.token).post(`/v2/users/${machine.userId}/${resume}`)).status);
      expect(await stateOf(machine.userId)).toBe(state);
    }
  });
});

describe('DELETE /users/{userId}', () => {
  it('takes the user away and answers with the last details', async () => {
    const { userId } = await newUser();
    const { status, body } = await api().delete(`/v2/users/${userId}`);
    expect(status).toBe(200);
    expect(body.details).toEqual({ sequence: '2', changeDate: expect.any(String), resourceOwner: expect.any(String) });
    expect((await api().get(`/v2/users/${userId}`)).status).toBe(404);
  });

  it('needs user.delete, also of the user itself', async () => {
    const { userId } = await newUser();
    const client = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    for (const id of [userId, 'nobody', client.userId])
      expect(refusal(await api(client.token).delete(`/v2/users/${id}`))).toEqual([403, 'AUTH-AWfge']);
    const elsewhere = await newMachine({ organization: ['ORG_OWNER'], organizationId: await newOrganization() });
    expect(refusal(await api(elsewhere.token).delete(`/v2/users/${userId}`))).toEqual([404, 'COMMAND-bd4ir1mblj']);
    expect(await stateOf(userId)).toBe('USER_STATE_ACTIVE');
  });

  it('takes the user’s roles and tokens along', async () => {
    const machine = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    const spare = await api().post(`/v2/users/${machine.userId}/pats`, { expirationDate: '9999-01-01T00:00:00Z' });
    expect((await api().delete(`/v2/users/${machine.userId}`)).status).toBe(200);
    expect((await api(spare.body.token).get(`/v2/users/${machine.userId}`)).status).toBe(401);
    const { body } = await api().post('/admin/v1/members/_search', { queries: [{ userIdQuery: { userId: machine.userId } }] });
    expect(body.result).toBeUndefined();
  });
});
