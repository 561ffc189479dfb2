import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, unique } from '../support/api.ts';
import { refusal } from '../support/login.ts';

const human = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.user.human;
const anAddress = () => `${unique('mini')}@mouse.com`;
const aPhone = '+41791234567';

/** Both kinds of address: where each is set, what fits there, and what does not. */
const KINDS = [
  {
    kind: 'email',
    fresh: anAddress,
    shown: (user: Awaited<ReturnType<typeof human>>) => user.email,
    wrong: [
      [' ', 'EMAIL-spblu'],
      ['mini', 'EMAIL-599BI'],
      ["mini'; DROP TABLE user; --@mouse.com", 'EMAIL-599BI'],
      ['mini@mouse.com\u0000', 'EMAIL-599BI'],
      ['Mini <mini@mouse.com>', 'EMAIL-599GV'],
    ],
  },
  {
    kind: 'phone',
    fresh: () => `+4179${String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(10, '0')}`,
    shown: (user: Awaited<ReturnType<typeof human>>) => user.phone,
    wrong: [
      [' ', 'PHONE-so0wa'],
      ['0791234567', 'PHONE-so0wa'],
      ['+0791234567', 'PHONE-so0wa'],
      ["+41'; --", 'PHONE-so0wa'],
    ],
  },
] as const;

for (const { kind, fresh, shown, wrong } of KINDS) {
  describe(`POST /users/{userId}/${kind}`, () => {
    const set = (userId: string, body: object, bearer?: string) => api(bearer).post(`/v2/users/${userId}/${kind}`, body);

    it('enters an address as unverified, and answers the details of the change', async () => {
      for (const version of ['v2', 'v2beta']) {
        const { userId } = await newUser();
        const address = fresh();
        const { status, body } = await api().post(`/${version}/users/${userId}/${kind}`, { [kind]: address });
        expect(status).toBe(200);
        expect(body).toEqual({ details: { sequence: '2', changeDate: expect.any(String), resourceOwner: expect.any(String) } });
        expect(shown(await human(userId))).toEqual({ [kind]: address });
        const { creationDate: _, ...details } = (await api().get(`/v2/users/${userId}`)).body.details;
        expect(details).toEqual(body.details);
      }
    });

    it('enters it as verified for who vouches for it; the next change takes that back', async () => {
      const { userId } = await newUser();
      const [first, second] = [fresh(), fresh()];
      expect((await set(userId, { [kind]: ` ${first} `, isVerified: true })).status).toBe(200);
      expect(shown(await human(userId))).toEqual({ [kind]: first, isVerified: true });
      expect((await set(userId, { [kind]: second })).body.details.sequence).toBe('3');
      expect(shown(await human(userId))).toEqual({ [kind]: second });
    });

    it('leaves the login name, the other address and the password alone', async () => {
      const user = await newUser({ phone: { phone: aPhone, isVerified: true } });
      const before = await human(user.userId);
      await set(user.userId, { [kind]: fresh() });
      const after = await human(user.userId);
      const other = kind === 'email' ? 'phone' : 'email';
      expect(after[other]).toEqual(before[other]);
      const checks = { user: { loginName: user.loginName }, password: { password: user.password } };
      expect((await api().post('/v2/sessions', { checks })).status).toBe(201);
    });

    it('refuses the address that is there already, verified or not', async () => {
      const { userId } = await newUser();
      const address = fresh();
      await set(userId, { [kind]: address });
      for (const body of [{ [kind]: address }, { [kind]: ` ${address}` }, { [kind]: address, isVerified: true }]) {
        const answer = await set(userId, body);
        expect(refusal(answer)).toEqual([400, 'COMMAND-Uch5e']);
        expect(answer.body.code).toBe(9);
      }
      expect(shown(await human(userId))).toEqual({ [kind]: address });
    });

    it('is won by one of many who set the same at once', async () => {
      const { userId } = await newUser();
      const address = fresh();
      const answers = await Promise.all(Array.from({ length: 5 }, () => set(userId, { [kind]: address, isVerified: true })));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusal(answer)).toEqual([400, 'COMMAND-Uch5e']);
    });

    it('refuses by id what is no address', async () => {
      const { userId } = await newUser();
      const before = await human(userId);
      for (const [address, id] of wrong) expect(refusal(await set(userId, { [kind]: address })), address).toEqual([400, id]);
      expect(await human(userId)).toEqual(before);
    });

    it('refuses what breaks a rule of the message, without repeating it', async () => {
      const { userId } = await newUser();
      const address = fresh();
      for (const body of [
        {},
        { [kind]: '' },
        { [kind]: 'secret'.repeat(40) },
        { [kind]: ['secret'] },
        { [kind]: 7 },
        { [kind]: { secret: 1 } },
        { [kind]: '\ud800secret' },
        { [kind]: address, isVerified: false },
        { [kind]: address, isVerified: 'secret' },
        { [kind]: address, isVerified: true, returnCode: {} },
        { [kind]: address, sendCode: {}, returnCode: {} },
        'secret',
        '["secret"]',
      ]) {
        const answer = await set(userId, body as object);
        expect([answer.status, answer.body.code], JSON.stringify(body)).toEqual([400, 3]);
        expect(JSON.stringify(answer.body)).not.toContain('secret');
      }
      expect((await set('x'.repeat(201), { [kind]: address })).status).toBe(400);
    });

    it('finds neither who is unknown or deleted, nor a machine', async () => {
      const gone = await newUser();
      await api().delete(`/v2/users/${gone.userId}`);
      const machine = await newMachine();
      for (const userId of ['nobody', gone.userId, machine.userId]) {
        expect(refusal(await set(userId, { [kind]: fresh() }))).toEqual([404, 'COMMAND-ieJ2e']);
      }
    });

    it('works for users who are locked or deactivated', async () => {
      for (const stop of ['lock', 'deactivate']) {
        const { userId } = await newUser();
        await api().post(`/v2/users/${userId}/${stop}`);
        expect((await set(userId, { [kind]: fresh() })).status, stop).toBe(200);
      }
    });

    it('needs user.write where the user is', async () => {
      const own = await newOrganization();
      const mine = await newUser({ organization: { orgId: own } });
      const foreign = await newUser();
      const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
      expect((await set(mine.userId, { [kind]: fresh(), isVerified: true }, manager.token)).status).toBe(200);
      expect(refusal(await set(foreign.userId, { [kind]: fresh() }, manager.token))).toEqual([404, 'COMMAND-ieJ2e']);
      for (const roles of [{}, { instance: ['IAM_OWNER_VIEWER'] }, { instance: ['SESSION_CLIENT'] }]) {
        const { token } = await newMachine(roles);
        for (const userId of [mine.userId, 'nobody']) {
          expect(refusal(await set(userId, { [kind]: fresh() }, token)), JSON.stringify(roles)).toEqual([403, 'AUTH-AWfge']);
        }
      }
      expect((await set(mine.userId, { [kind]: fresh() }, '')).status).toBe(401);
    });

    it('is not done by one who would gain a permission by signing in as that user', async () => {
      const own = await newOrganization();
      const owner = await newUser({ organization: { orgId: own } });
      await api().post('/management/v1/orgs/me/members', { userId: owner.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': own });
      const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
      const before = await human(owner.userId);
      for (const body of [{ [kind]: fresh() }, { [kind]: fresh(), isVerified: true }]) {
        expect(refusal(await set(owner.userId, body, manager.token))).toEqual([403, 'AUTH-AWfge']);
      }
      expect(await human(owner.userId)).toEqual(before);
      expect((await set(owner.userId, { [kind]: fresh() })).status).toBe(200);
    });
  });
}

describe('DELETE /users/{userId}/phone', () => {
  const remove = (userId: string, bearer?: string) => api(bearer).delete(`/v2/users/${userId}/phone`);

  it('removes the number, and with it that it was verified', async () => {
    for (const version of ['v2', 'v2beta']) {
      const { userId } = await newUser({ phone: { phone: aPhone, isVerified: true } });
      const { status, body } = await api().delete(`/${version}/users/${userId}/phone`);
      expect([status, body.details.sequence]).toEqual([200, '2']);
      expect(await human(userId)).not.toHaveProperty('phone');
      await api().post(`/v2/users/${userId}/phone`, { phone: aPhone });
      expect((await human(userId)).phone).toEqual({ phone: aPhone });
    }
  });

  it('changes nothing where there is none', async () => {
    const { userId } = await newUser();
    for (let i = 0; i < 2; i += 1) expect(await remove(userId)).toMatchObject({ status: 200, body: { details: { sequence: '1' } } });
  });

  it('finds neither who is unknown or deleted, nor a machine', async () => {
    const gone = await newUser();
    await api().delete(`/v2/users/${gone.userId}`);
    const machine = await newMachine();
    for (const userId of ['nobody', gone.userId, machine.userId]) expect(refusal(await remove(userId))).toEqual([404, 'COMMAND-ieJ2e']);
  });

  it('needs user.write where the user is', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own }, phone: { phone: aPhone } });
    const foreign = await newUser({ phone: { phone: aPhone } });
    const stranger = await newMachine();
    expect(refusal(await remove(mine.userId, stranger.token))).toEqual([403, 'AUTH-AWfge']);
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    expect(refusal(await remove(foreign.userId, manager.token))).toEqual([404, 'COMMAND-ieJ2e']);
    expect((await human(foreign.userId)).phone).toEqual({ phone: aPhone });
    expect((await remove(mine.userId, manager.token)).status).toBe(200);
  });
});
