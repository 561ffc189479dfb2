import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, type Login, refusal, set } from '../support/login.ts';

const generate = (userId: string, body: object = {}, bearer?: string) => api(bearer).post(`/v2/users/${userId}/recovery_codes`, body);
const remove = (userId: string, bearer?: string) => api(bearer).delete(`/v2/users/${userId}/recovery_codes`);
const codesOf = async (userId: string, count = 2): Promise<string[]> => (await generate(userId, { count })).body.recoveryCodes;
const check = (login: Login, code: string, others: object = {}) => set(login, { checks: { recoveryCode: { code }, ...others } }, api(), 'v2');
const checkAnew = async (userId: string, code: string) => check(await createFor(userId), code);

describe('POST /v2/users/{userId}/recovery_codes', () => {
  it('answers as many different codes as are asked for, 10 where nothing is said, and the details of the change', async () => {
    const { userId } = await newUser();
    for (const [body, length] of [
      [{}, 10],
      [{ count: 1 }, 1],
      [{ count: '3' }, 3],
      [{ count: 10 }, 10],
    ] as const) {
      const answer = await generate(userId, body);
      expect(answer.status).toBe(200);
      expect(answer.body.details).toEqual({ sequence: expect.any(String), changeDate: expect.any(String), resourceOwner: expect.any(String) });
      expect(new Set(answer.body.recoveryCodes).size).toBe(length);
      for (const code of answer.body.recoveryCodes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{5}-[0-9a-hjkmnp-tv-z]{5}$/);
    }
  });

  it('refuses any other count, and leaves the codes that there are', async () => {
    const { userId } = await newUser();
    const [code = ''] = await codesOf(userId);
    for (const count of [0, 11, 4_000_000_000]) {
      const answer = await generate(userId, { count });
      expect(refusal(answer)).toEqual([400, 'COMMAND-7c0nx']);
      expect(answer.body.code).toBe(3);
    }
    for (const count of [-1, 1.5, 'two', [1], {}]) expect((await generate(userId, { count })).status, JSON.stringify(count)).toBe(400);
    expect((await checkAnew(userId, code)).status).toBe(200);
  });

  it('takes the place of the codes before, wholly', async () => {
    const { userId } = await newUser();
    const [used = '', unused = ''] = await codesOf(userId);
    expect((await checkAnew(userId, used)).status).toBe(200);
    const [fresh = ''] = await codesOf(userId);
    for (const code of [used, unused]) expect(refusal(await checkAnew(userId, code))).toEqual([400, 'DOMAIN-6uvh0']);
    expect((await checkAnew(userId, fresh)).status).toBe(200);
    expect(refusal(await checkAnew(userId, fresh))).toEqual([400, 'DOMAIN-6uvh0']);
  });

  it('leaves one whole set when two are made at once', async () => {
    const { userId } = await newUser();
    const [one = [], other = []] = await Promise.all([codesOf(userId), codesOf(userId)]);
    const login = await createFor(userId);
    const outcomes = [];
    for (const code of [one[0], other[0], one[1], other[1]]) outcomes.push((await check(login, code ?? '')).status === 200);
    expect(outcomes[0]).toBe(!outcomes[1]);
    expect(outcomes.slice(2)).toEqual(outcomes.slice(0, 2));
  });

  it('finds neither who is unknown or deleted, nor a machine', async () => {
    const gone = await newUser();
    await api().delete(`/v2/users/${gone.userId}`);
    const machine = await newMachine();
    for (const userId of ['nobody', gone.userId, machine.userId]) {
      expect(refusal(await generate(userId))).toEqual([404, 'COMMAND-ieJ2e']);
      expect(refusal(await remove(userId))).toEqual([404, 'COMMAND-ieJ2e']);
    }
  });

  it('is not there in v2beta', async () => {
    const { userId } = await newUser();
    expect((await api().post(`/v2beta/users/${userId}/recovery_codes`, {})).status).toBe(404);
    expect((await api().delete(`/v2beta/users/${userId}/recovery_codes`)).status).toBe(404);
  });

  it('needs user.credential.write where the user is, and nobody makes them for a user above; users make their own', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await newUser();
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    expect((await generate(mine.userId, {}, '')).status).toBe(401);
    expect(refusal(await generate(mine.userId, {}, manager.token))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await generate(foreign.userId, {}, owner.token))).toEqual([404, 'COMMAND-ieJ2e']);
    expect((await generate(mine.userId, {}, owner.token)).status).toBe(200);
    const { token } = await create({ checks: { user: { userId: foreign.userId }, password: { password: PASSWORD } } });
    expect((await generate(foreign.userId, {}, token)).status).toBe(200);

    const above = await newUser({ organization: { orgId: own } });
    await api().post('/admin/v1/members', { userId: above.userId, roles: ['IAM_OWNER'] });
    expect(refusal(await generate(above.userId, {}, owner.token))).toEqual([403, 'AUTH-AWfge']);
    const [code = ''] = await codesOf(above.userId);
    expect(refusal(await remove(above.userId, owner.token))).toEqual([403, 'AUTH-AWfge']);
    expect((await checkAnew(above.userId, code)).status).toBe(200);
  });
});

describe('DELETE /v2/users/{userId}/recovery_codes', () => {
  it('removes them all: none is ready after it, and a new set starts afresh', async () => {
    const { userId } = await newUser();
    const [used = '', unused = ''] = await codesOf(userId);
    await checkAnew(userId, used);
    const { status, body } = await remove(userId);
    expect([status, body.details.sequence]).toEqual([200, '3']);
    for (const code of [used, unused]) expect(refusal(await checkAnew(userId, code))).toEqual([400, 'COMMAND-84rgg']);
    const [fresh = ''] = await codesOf(userId);
    expect((await checkAnew(userId, fresh)).status).toBe(200);
  });

  it('is refused where there are none', async () => {
    const { userId } = await newUser();
    const answer = await remove(userId);
    expect(refusal(answer)).toEqual([400, 'COMMAND-84rgg']);
    expect(answer.body.code).toBe(9);
  });

  it('needs user.write where the user is, or is done by users to themselves', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await newUser();
    for (const { userId } of [mine, foreign]) await codesOf(userId);
    const stranger = await newMachine();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    expect(refusal(await remove(mine.userId, stranger.token))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await remove(foreign.userId, manager.token))).toEqual([404, 'COMMAND-ieJ2e']);
    expect((await remove(mine.userId, manager.token)).status).toBe(200);
    const { token } = await create({ checks: { user: { userId: foreign.userId }, password: { password: PASSWORD } } });
    expect((await remove(foreign.userId, token)).status).toBe(200);
  });
});

describe('the check of a recovery code', () => {
  it('passes with each code once, in whatever session', async () => {
    const { userId } = await newUser();
    const codes = await codesOf(userId, 3);
    const login = await createFor(userId);
    for (const code of codes) expect((await check(login, code)).status).toBe(200);
    expect((await get(login)).body.session.factors.recoveryCode.verifiedAt).toEqual(expect.any(String));
    for (const code of codes) {
      expect(refusal(await check(login, code))).toEqual([400, 'DOMAIN-6uvh0']);
      expect(refusal(await checkAnew(userId, code))).toEqual([400, 'DOMAIN-6uvh0']);
    }
  });

  it('refuses by id a wrong code, one where none are set up, and one without a user', async () => {
    const { userId } = await newUser();
    const none = await checkAnew(userId, 'aaaaa-aaaaa');
    expect([...refusal(none), none.body.code]).toEqual([400, 'COMMAND-84rgg', 9]);
    await codesOf(userId);
    const wrong = await checkAnew(userId, 'aaaaa-aaaaa');
    expect([...refusal(wrong), wrong.body.code]).toEqual([400, 'DOMAIN-6uvh0', 3]);
    const nobody = await check(await create(), 'aaaaa-aaaaa');
    expect([...refusal(nobody), nobody.body.code]).toEqual([400, 'COMMAND-4m9s2', 3]);
  });

  it('is ignored by v2beta, and spends nothing there', async () => {
    const { userId } = await newUser();
    const [code = ''] = await codesOf(userId);
    const login = await createFor(userId);
    expect((await set(login, { checks: { recoveryCode: { code } }, metadata: { a: 'MQ==' } })).status).toBe(200);
    expect((await get(login)).body.session.factors).not.toHaveProperty('recoveryCode');
    expect((await check(login, code)).status).toBe(200);
  });

  it('takes a code in capitals, without its hyphen, with spaces, and with letters that look like its digits', async () => {
    const { userId } = await newUser();
    const [one = '', two = '', three = '', four = ''] = await codesOf(userId, 4);
    const typed = [one.toUpperCase(), two.replace('-', ''), ` ${three.replace('-', ' ')} `, four.replaceAll('0', 'O').replaceAll('1', 'l')];
    for (const code of typed) expect((await checkAnew(userId, code)).status).toBe(200);
  });

  it('is won by one of 16 sessions that give the same code at once', async () => {
    const { userId } = await newUser();
    const [code = '', another = ''] = await codesOf(userId);
    const logins = await Promise.all(Array.from({ length: 16 }, () => createFor(userId)));
    const answers = await Promise.all(logins.map((login) => check(login, code)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusal(answer)).toEqual([400, 'DOMAIN-6uvh0']);
    // None of them was a failed attempt.
    expect((await checkAnew(userId, another)).status).toBe(200);
  });

  it('is won by one of many requests that give the same code in one session at once, with its token or without', async () => {
    for (const withToken of [true, false]) {
      const { userId } = await newUser();
      const [code = ''] = await codesOf(userId);
      const login = await createFor(userId);
      const body = { ...(withToken && { sessionToken: login.token }), checks: { recoveryCode: { code } } };
      const answers = await Promise.all(Array.from({ length: 8 }, () => api().patch(`/v2/sessions/${login.id}`, body)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(refusal(await checkAnew(userId, code))).toEqual([400, 'DOMAIN-6uvh0']);
    }
  });

  it('spends no code of a request that holds a wrong password too', async () => {
    const { userId } = await newUser();
    const [code = ''] = await codesOf(userId);
    const login = await createFor(userId);
    expect(refusal(await check(login, code, { password: { password: 'wrong' } }))).toEqual([400, 'COMMAND-3M0fs']);
    expect((await check(login, code, { password: { password: PASSWORD } })).status).toBe(200);
  });

  it('lets no code through twice while sets are made beside it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { userId } = await newUser();
      const [code = ''] = await codesOf(userId, 1);
      const logins = await Promise.all([1, 2, 3].map(() => createFor(userId)));
      const [[fresh = ''], ...answers] = await Promise.all([codesOf(userId, 1), ...logins.map((login) => check(login, code))]);
      expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
      expect(refusal(await checkAnew(userId, code))).toEqual([400, 'DOMAIN-6uvh0']);
      expect((await checkAnew(userId, fresh)).status).toBe(200);
    }
  });
});
