import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { createFor, failUntil, password, refusal, set } from '../support/login.ts';

const NEXT = 'An0ther one!';

interface Change {
  readonly newPassword?: unknown;
  readonly currentPassword?: unknown;
  readonly verificationCode?: unknown;
}

const change = (userId: string, body: Change, bearer?: string, version = 'v2') => api(bearer).post(`/${version}/users/${userId}/password`, body);
const to = (value: string, currentPassword?: string) => ({
  newPassword: { password: value },
  ...(currentPassword !== undefined && { currentPassword }),
});
const signIn = async (userId: string, value: string) => set(await createFor(userId), password(value));
const human = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.user;

describe('POST /users/{userId}/password, as an administrator', () => {
  it('sets a password that holds from then on, and the old one no longer', async () => {
    for (const version of ['v2', 'v2beta']) {
      const { userId } = await newUser();
      const before = await human(userId);
      expect((await signIn(userId, PASSWORD)).status).toBe(200);
      const { status, body } = await change(userId, { newPassword: { password: NEXT, changeRequired: true } }, undefined, version);
      expect(status).toBe(200);
      expect(body.details).toMatchObject({ sequence: '2', resourceOwner: before.details.resourceOwner });
      expect(refusal(await signIn(userId, PASSWORD))).toEqual([400, 'COMMAND-3M0fs']);
      expect((await signIn(userId, NEXT)).status).toBe(200);
      const after = await human(userId);
      expect(after.human.passwordChangeRequired).toBe(true);
      expect(after.human.passwordChanged).toBe(body.details.changeDate);
    }
  });

  it('gives a password to a user who has none', async () => {
    const { userId } = await newUser({ password: undefined });
    expect(refusal(await signIn(userId, NEXT))).toEqual([400, 'COMMAND-3nJ4t']);
    expect((await change(userId, to(NEXT))).status).toBe(200);
    expect((await signIn(userId, NEXT)).status).toBe(200);
  });

  it('takes the mark of a required change away again', async () => {
    const { userId } = await newUser({ password: { password: PASSWORD, changeRequired: true } });
    await change(userId, to(NEXT));
    expect((await human(userId)).human).not.toHaveProperty('passwordChangeRequired');
  });

  it('forgets the failed attempts', async () => {
    const { userId } = await newUser();
    expect((await signIn(userId, 'wrong')).body.details[0].failedAttempts).toBe(1);
    expect((await signIn(userId, 'wrong')).body.details[0].failedAttempts).toBe(2);
    await change(userId, to(NEXT));
    expect((await signIn(userId, 'wrong')).body.details[0].failedAttempts).toBe(1);
  });

  it('works on a user who is not active, too', async () => {
    const { userId } = await newUser();
    await api().post(`/v2/users/${userId}/lock`);
    expect((await change(userId, to(NEXT))).status).toBe(200);
  });

  it('refuses a password that is empty or too simple, with the ids of setting one', async () => {
    const { userId } = await newUser();
    const rows: [unknown, string][] = [
      [undefined, 'COMMAND-3klek4sbns'],
      [{}, 'COMMAND-3klek4sbns'],
      [{ password: '' }, 'COMMAND-3klek4sbns'],
      [{ password: 'Sh0rt!' }, 'DOMAIN-HuJf6'],
      [{ password: 'UPPERCASE1!' }, 'DOMAIN-co3Xw'],
      [{ password: 'lowercase1!' }, 'DOMAIN-VoaRj'],
      [{ password: 'NoNumber!' }, 'DOMAIN-ZBv4H'],
      [{ password: 'NoSymbol1' }, 'DOMAIN-ZDLwA'],
    ];
    for (const [newPassword, id] of rows) expect(refusal(await change(userId, { newPassword })), id).toEqual([400, id]);
    expect((await change(userId, to(`aA1!${'x'.repeat(197)}`))).status).toBe(400);
    expect((await signIn(userId, PASSWORD)).status).toBe(200);
  });

  it('does not take a code that was not asked for, and never a code and a password at once', async () => {
    const { userId } = await newUser();
    expect(refusal(await change(userId, { ...to(NEXT), verificationCode: 'ABC123' }))).toEqual([400, 'COMMAND-2M9fs']);
    expect((await change(userId, { ...to(NEXT, PASSWORD), verificationCode: 'ABC123' })).status).toBe(400);
  });

  it('is 404 for users who are not there and for machines', async () => {
    const machine = await newMachine();
    const gone = await newUser();
    await api().delete(`/v2/users/${gone.userId}`);
    for (const userId of ['nobody', gone.userId, machine.userId]) {
      expect(refusal(await change(userId, to(NEXT)))).toEqual([404, 'COMMAND-G8dh3']);
      expect(refusal(await change(userId, to(NEXT, PASSWORD)))).toEqual([404, 'COMMAND-G8dh3']);
    }
  });

  it('needs user.write there, and being the user is not enough', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await newUser();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const nobody = await newMachine();
    expect((await change(mine.userId, to(NEXT), manager.token)).status).toBe(200);
    for (const id of [foreign.userId, 'nobody']) {
      expect(refusal(await change(id, to(NEXT), manager.token))).toEqual([404, 'COMMAND-G8dh3']);
      expect(refusal(await change(id, to(NEXT), nobody.token))).toEqual([403, 'AUTH-AWfge']);
    }
    expect(refusal(await change(nobody.userId, to(NEXT), nobody.token))).toEqual([403, 'AUTH-AWfge']);
    const reader = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    expect(refusal(await change(mine.userId, to(NEXT), reader.token))).toEqual([403, 'AUTH-AWfge']);
  });

  it('is refused where the caller would gain a permission by signing in as that user', async () => {
    const own = await newOrganization();
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    const client = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const owner = await newUser({ organization: { orgId: own } });
    await api().post('/management/v1/orgs/me/members', { userId: owner.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': own });
    expect(refusal(await change(owner.userId, to(NEXT), manager.token))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await change(owner.userId, to(NEXT), client.token))).toEqual([403, 'AUTH-AWfge']);
    expect((await signIn(owner.userId, PASSWORD)).status).toBe(200);
  });
});

describe('POST /users/{userId}/password, with the current password', () => {
  it('changes it for a caller who may write the user or its sessions, and for no stranger', async () => {
    const { userId } = await newUser();
    const [nobody, client] = [await newMachine(), await newMachine({ instance: ['SESSION_CLIENT'] })];
    const viewer = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    for (const id of [userId, 'nobody']) {
      for (const { token } of [nobody, viewer]) {
        expect(refusal(await change(id, to(NEXT, PASSWORD), token))).toEqual([403, 'AUTH-AWfge']);
        expect(refusal(await change(id, to(NEXT, 'wrong'), token))).toEqual([403, 'AUTH-AWfge']);
      }
    }
    expect((await change(userId, to(NEXT, 'wrong'), client.token)).body.details[0].failedAttempts).toBe(1);
    expect((await change(userId, to(NEXT, PASSWORD), client.token)).status).toBe(200);
    expect((await signIn(userId, NEXT)).status).toBe(200);
    expect(refusal(await signIn(userId, PASSWORD))).toEqual([400, 'COMMAND-3M0fs']);
  });

  it('counts a wrong one as a failed attempt of that user, and a change resets the counter', async () => {
    const { userId } = await newUser();
    const wrong = await change(userId, to(NEXT, 'wrong'));
    expect(refusal(wrong)).toEqual([400, 'COMMAND-3M0fs']);
    expect(wrong.body.details[0]).toMatchObject({ '@type': 'type.googleapis.com/zitadel.v1.CredentialsCheckError', failedAttempts: 1 });
    expect((await signIn(userId, 'wrong')).body.details[0].failedAttempts).toBe(2);
    expect((await change(userId, to(NEXT, 'wrong'))).body.details[0].failedAttempts).toBe(3);
    expect((await change(userId, to(NEXT, PASSWORD))).status).toBe(200);
    expect((await change(userId, to(PASSWORD, 'wrong'))).body.details[0].failedAttempts).toBe(1);
  });

  it('is held off after five failures in a row, even with the right one', async () => {
    const { userId } = await newUser();
    await failUntil(7, () => change(userId, to(NEXT, 'wrong')));
    const answer = await change(userId, to(NEXT, PASSWORD));
    expect(refusal(answer)).toEqual([429, 'SALLY-BackOff']);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-4]$/);
  });

  it('refuses the same password again', async () => {
    const { userId } = await newUser();
    expect(refusal(await change(userId, to(PASSWORD, PASSWORD)))).toEqual([400, 'COMMAND-Aesh5']);
    expect(refusal(await change(userId, to('V3ryWrong!!', 'V3ryWrong!!')))).toEqual([400, 'COMMAND-3M0fs']);
    expect((await human(userId)).details.sequence).toBe('1');
  });

  it('refuses a user without a password', async () => {
    const { userId } = await newUser({ password: undefined });
    expect(refusal(await change(userId, to(NEXT, PASSWORD)))).toEqual([400, 'COMMAND-Fds3s']);
  });

  it('refuses a user who is not active', async () => {
    for (const verb of ['lock', 'deactivate']) {
      const { userId } = await newUser();
      await api().post(`/v2/users/${userId}/${verb}`);
      expect(refusal(await change(userId, to(NEXT, PASSWORD)))).toEqual([400, 'SESSION-Gj4ko']);
    }
  });

  it('is won by one of two who change it at once', async () => {
    const { userId } = await newUser();
    const candidates = ['An0ther one!', 'Yet An0ther!', 'The 3rd one!', 'The 4th one!'];
    const answers = await Promise.all(candidates.map((candidate) => change(userId, to(candidate, PASSWORD))));
    const winners = candidates.filter((_, i) => answers[i]?.status === 200);
    expect(winners).toHaveLength(1);
    expect((await signIn(userId, winners[0] ?? '')).status).toBe(200);
    for (const { status } of answers.filter((answer) => answer.status !== 200)) expect([400, 409, 503]).toContain(status);
    expect((await human(userId)).details.sequence).toBe('2');
  });

  it('repeats no password in any answer', async () => {
    const { userId } = await newUser();
    const answers = [
      await change(userId, to('secretsecret', 'secret')),
      await change(userId, to(NEXT, 'secret')),
      await change(userId, to(NEXT, PASSWORD)),
    ];
    for (const { body } of answers) expect(JSON.stringify(body)).not.toMatch(/secret|V3ry|An0ther/);
  });
});
