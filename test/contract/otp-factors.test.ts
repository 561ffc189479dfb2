import { describe, expect, it } from 'vitest';
import { type Answer, api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, password, refusal, set } from '../support/login.ts';

const aPhone = '+41791234567';

/** Both factors: their ids, how a session asks for a code, and what the address that it goes to is. */
const FACTORS = [
  {
    path: 'otp_sms',
    check: 'otpSms',
    challenge: { otpSms: { returnCode: true } },
    address: 'phone',
    fresh: () => `+4178${String(crypto.getRandomValues(new Uint32Array(1))[0]).padStart(10, '0')}`,
    notReady: 'COMMAND-Q54j2',
    already: 'COMMAND-Ad3g2',
    missing: 'COMMAND-Sr3h3',
    noChallenge: 'COMMAND-BJ2g3',
  },
  {
    path: 'otp_email',
    check: 'otpEmail',
    challenge: { otpEmail: { returnCode: {} } },
    address: 'email',
    fresh: () => `${unique('mini')}@mouse.com`,
    notReady: 'COMMAND-KLJ2d',
    already: 'COMMAND-MKL2s',
    missing: 'COMMAND-b312D',
    noChallenge: 'COMMAND-JKLJ3',
  },
] as const;

/** A person whose phone and e-mail address are verified. */
const reachable = (overrides: Record<string, unknown> = {}) => newUser({ phone: { phone: aPhone, isVerified: true }, ...overrides });

for (const { path, check, challenge, address, fresh, notReady, already, missing, noChallenge } of FACTORS) {
  const add = (userId: string, bearer?: string, version = 'v2') => api(bearer).post(`/${version}/users/${userId}/${path}`, {});
  const remove = (userId: string, bearer?: string, version = 'v2') => api(bearer).delete(`/${version}/users/${userId}/${path}`);
  /** Asks for a code in a new session of the user. */
  const challenged = async (userId: string) => {
    const login = await createFor(userId);
    return { login, answer: await set(login, { challenges: challenge }) };
  };

  describe(`POST /users/{userId}/${path}`, () => {
    it('makes codes a factor at once, in both versions, and answers the details of the change', async () => {
      for (const version of ['v2', 'v2beta']) {
        const { userId } = await reachable();
        expect(refusal((await challenged(userId)).answer)).toEqual([400, noChallenge]);
        const { status, body } = await add(userId, undefined, version);
        expect(status).toBe(200);
        expect(body).toEqual({ details: { sequence: '2', changeDate: expect.any(String), resourceOwner: expect.any(String) } });
        const { login, answer } = await challenged(userId);
        expect(answer.status).toBe(200);
        expect((await set(login, { checks: { [check]: { code: answer.body.challenges[check] } } })).status).toBe(200);
      }
    });

    it('needs a verified address', async () => {
      const { userId } = await newUser({ email: { email: `${unique('mini')}@mouse.com`, isVerified: false }, phone: { phone: aPhone } });
      const answer = await add(userId);
      expect(refusal(answer)).toEqual([400, notReady]);
      expect(answer.body.code).toBe(9);
    });

    it('is refused where it is one already; of many at once one does it', async () => {
      const { userId } = await reachable();
      const answers = await Promise.all(Array.from({ length: 5 }, () => add(userId)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of [...answers.filter(({ status }) => status !== 200), await add(userId)]) {
        expect(refusal(answer)).toEqual([409, already]);
        expect(answer.body.code).toBe(6);
      }
    });

    it('finds neither who is unknown or deleted, nor a machine; an id that breaks the rules is refused', async () => {
      const gone = await reachable();
      await api().delete(`/v2/users/${gone.userId}`);
      const machine = await newMachine();
      for (const userId of ['nobody', gone.userId, machine.userId]) expect(refusal(await add(userId))).toEqual([404, 'COMMAND-ieJ2e']);
      expect((await add('x'.repeat(201))).status).toBe(400);
    });

    it('needs user.credential.write where the user is, and nobody adds it to a user above them', async () => {
      const own = await newOrganization();
      const mine = await reachable({ organization: { orgId: own } });
      const foreign = await reachable();
      const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
      const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
      expect((await add(mine.userId, '')).status).toBe(401);
      expect(refusal(await add(mine.userId, manager.token))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await add(foreign.userId, owner.token))).toEqual([404, 'COMMAND-ieJ2e']);
      expect((await add(mine.userId, owner.token)).status).toBe(200);

      const above = await reachable({ organization: { orgId: own } });
      await api().post('/admin/v1/members', { userId: above.userId, roles: ['IAM_OWNER'] });
      expect(refusal(await add(above.userId, owner.token))).toEqual([403, 'AUTH-AWfge']);
      expect((await add(above.userId)).status).toBe(200);
      expect(refusal(await remove(above.userId, owner.token))).toEqual([403, 'AUTH-AWfge']);
    });

    it('is done by users to themselves', async () => {
      const { userId } = await reachable();
      const { token } = await create({ checks: { user: { userId }, password: { password: PASSWORD } } });
      expect((await add(userId, token)).status).toBe(200);
    });
  });

  describe(`DELETE /users/{userId}/${path}`, () => {
    it('makes codes no factor any more, in both versions, also those that are open', async () => {
      for (const version of ['v2', 'v2beta']) {
        const { userId } = await reachable();
        await add(userId);
        const { login, answer } = await challenged(userId);
        const removed = await remove(userId, undefined, version);
        expect([removed.status, removed.body.details.sequence]).toEqual([200, '3']);
        const late = await set(login, { checks: { [check]: { code: answer.body.challenges[check] } } });
        expect(refusal(late)).toEqual([400, 'COMMAND-d2r52']);
        expect(refusal((await challenged(userId)).answer)).toEqual([400, noChallenge]);
      }
    });

    it('is not found where there is none, in whomever', async () => {
      const { userId } = await reachable();
      const machine = await newMachine();
      for (const id of [userId, 'nobody', machine.userId]) {
        const answer = await remove(id);
        expect(refusal(answer)).toEqual([404, missing]);
        expect(answer.body.code).toBe(5);
      }
      await add(userId);
      expect((await remove(userId)).status).toBe(200);
      expect(refusal(await remove(userId))).toEqual([404, missing]);
    });

    it('needs user.write where the user is, or is done by users to themselves', async () => {
      const own = await newOrganization();
      const mine = await reachable({ organization: { orgId: own } });
      const foreign = await reachable();
      for (const { userId } of [mine, foreign]) await add(userId);
      const stranger = await newMachine();
      const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
      expect(refusal(await remove(mine.userId, stranger.token))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await remove(foreign.userId, manager.token))).toEqual([404, missing]);
      expect((await remove(mine.userId, manager.token)).status).toBe(200);

      const { login, answer } = await challenged(foreign.userId);
      await set(login, { checks: { [check]: { code: answer.body.challenges[check] }, password: { password: PASSWORD } } });
      expect((await remove(foreign.userId, login.token)).status).toBe(200);
    });
  });

  describe(`a change of ${address} of a user with ${path}`, () => {
    it('lets codes go nowhere until the new one is verified', async () => {
      const { userId } = await reachable();
      await add(userId);
      const before = await challenged(userId);
      const { body } = await api().post(`/v2/users/${userId}/${address}`, { [address]: fresh(), returnCode: {} });
      expect(refusal((await challenged(userId)).answer)).toEqual([400, noChallenge]);
      const late = await set(before.login, { checks: { [check]: { code: before.answer.body.challenges[check] } } });
      expect(refusal(late)).toEqual([400, 'COMMAND-d2r52']);
      const verified = await api().post(`/v2/users/${userId}/${address}/verify`, { verificationCode: body.verificationCode });
      expect(verified.status).toBe(200);
      expect((await challenged(userId)).answer.status).toBe(200);
    });
  });
}

describe('a user without a phone', () => {
  it('gets no codes by SMS', async () => {
    const { userId } = await newUser();
    expect(refusal(await api().post(`/v2/users/${userId}/otp_sms`, {}))).toEqual([400, 'COMMAND-Q54j2']);
  });
});

describe('the removal of the phone of a user with otp_sms', () => {
  it('ends codes by SMS until another one is verified', async () => {
    const { userId } = await reachable();
    await api().post(`/v2/users/${userId}/otp_sms`, {});
    const ask = async () => set(await createFor(userId), { challenges: { otpSms: { returnCode: true } } });
    expect((await api().delete(`/v2/users/${userId}/phone`)).status).toBe(200);
    expect(refusal(await ask())).toEqual([400, 'COMMAND-BJ2g3']);
    await api().post(`/v2/users/${userId}/phone`, { phone: aPhone, isVerified: true });
    expect((await ask()).status).toBe(200);
  });
});

describe('a session token as bearer of a user whose second factor is ready', () => {
  const me = (userId: string, token: string): Promise<Answer> => api(token).get(`/v2/users/${userId}`);

  it('is refused with the password alone, and taken with a code beside it', async () => {
    for (const { path, check, challenge } of FACTORS) {
      const { userId } = await reachable();
      await api().post(`/v2/users/${userId}/${path}`, {});
      const login = await createFor(userId);
      const { body } = await set(login, { ...password(PASSWORD), challenges: challenge });
      const refused = await me(userId, login.token);
      expect([refused.status, refused.body.code, refused.body.message]).toEqual([403, 7, 'mfa required (AUTHZ-Kl3p0)']);
      expect((await set(login, { checks: { [check]: { code: body.challenges[check] } } })).status).toBe(200);
      expect((await me(userId, login.token)).status).toBe(200);
    }
  });

  it('is taken with the password and a recovery code', async () => {
    const { userId } = await reachable();
    await api().post(`/v2/users/${userId}/otp_email`, {});
    const { recoveryCodes } = (await api().post(`/v2/users/${userId}/recovery_codes`, { count: 1 })).body;
    const login = await createFor(userId);
    await set(login, { checks: { password: { password: PASSWORD }, recoveryCode: { code: recoveryCodes[0] } } }, api(), 'v2');
    expect((await me(userId, login.token)).status).toBe(200);
  });

  it('is taken with the password alone where the factor counts for nothing: its address is not verified any more', async () => {
    const { userId } = await reachable();
    await api().post(`/v2/users/${userId}/otp_email`, {});
    await api().post(`/v2/users/${userId}/email`, { email: `${unique('mini')}@mouse.com`, returnCode: {} });
    const { token } = await create({ checks: { user: { userId }, password: { password: PASSWORD } } });
    expect((await me(userId, token)).status).toBe(200);
  });

  it('is taken with the password alone where there are recovery codes only', async () => {
    const { userId } = await reachable();
    await api().post(`/v2/users/${userId}/recovery_codes`, {});
    const { token } = await create({ checks: { user: { userId }, password: { password: PASSWORD } } });
    expect((await me(userId, token)).status).toBe(200);
  });
});
