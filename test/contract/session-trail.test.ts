import { describe, expect, it } from 'vitest';
import { type Answer, api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { authenticator } from '../support/authenticator.ts';
import { create, createFor, type Login, password, refusal, set } from '../support/login.ts';
import { formerClient } from './searching.ts';

type Event = { sequence: string; type: string; creationDate: string; creator?: string };

const eventsOf = (login: Login, bearer?: string, query = ''): Promise<Answer> => api(bearer).get(`/v2/sessions/${login.id}/events${query}`);
const assuranceOf = (login: Login, bearer?: string, query = ''): Promise<Answer> => api(bearer).get(`/v2/sessions/${login.id}/assurance${query}`);
const withToken = (token: string) => `?sessionToken=${encodeURIComponent(token)}`;

async function typesOf(login: Login): Promise<string[]> {
  const { status, body } = await eventsOf(login);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.events.map(({ type }: Event) => type);
}

describe('GET /v2/sessions/{sessionId}/events', () => {
  it('tells what has happened, in order, when, and by whom', async () => {
    const { userId } = await newUser();
    const login = await create({ lifetime: '600s' });
    const machine = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    await set(login, { checks: { user: { userId } } }, api(machine.token));
    await set(login, password(PASSWORD), api(machine.token));
    await set(login, { metadata: { a: 'MQ==' } });
    const { status, body } = await eventsOf(login);
    const { session } = (await api().get(`/v2/sessions/${login.id}`)).body;
    expect(status).toBe(200);
    const events: Event[] = body.events;
    expect(events.map(({ type }) => type)).toEqual([
      'session.added',
      'session.lifetime.set',
      'session.token.set',
      'session.user.checked',
      'session.token.set',
      'session.password.checked',
      'session.token.set',
      'session.metadata.set',
      'session.token.set',
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => String(index + 1)));
    expect(events.map(({ creator }) => creator === machine.userId)).toEqual([false, false, false, true, true, true, true, false, false]);
    expect(new Set(events.map(({ creator }) => creator)).size).toBe(2);
    expect(body.details).toEqual({ totalResult: '9', timestamp: expect.any(String) });
    expect([events[0]?.creationDate, events.at(-1)?.creationDate, events.at(-1)?.sequence]).toEqual([
      session.creationDate,
      session.changeDate,
      session.sequence,
    ]);
  });

  it('tells all of a long history, of which the older part is kept elsewhere', async () => {
    const login = await create();
    for (let n = 0; n < 60; n += 1) await set(login, { metadata: { n: btoa(String(n)) } });
    const { body } = await eventsOf(login);
    expect(body.details.totalResult).toBe('122');
    expect(body.events.map(({ sequence }: Event) => Number(sequence))).toEqual(Array.from({ length: 122 }, (_, index) => index + 1));
    expect(body.events[0].type).toBe('session.added');
    expect(body.events.filter(({ type }: Event) => type === 'session.metadata.set')).toHaveLength(60);
    expect(body.events.map(({ creationDate }: Event) => creationDate)).toEqual(body.events.map(({ creationDate }: Event) => creationDate).sort());
  });

  it('tells of a code that was asked for', async () => {
    const { userId } = await newUser();
    await api().post(`/v2/users/${userId}/otp_email`, {});
    const login = await createFor(userId);
    const asked = await set(login, { challenges: { otpEmail: { returnCode: {} } } });
    await set(login, { checks: { otpEmail: { code: asked.body.challenges.otpEmail } } });
    const types = await typesOf(login);
    expect(types).toContain('session.otp.email.challenged');
    expect(types).toContain('session.otp.email.checked');
  });

  it('holds no token, no secret, no code and no metadata', async () => {
    const user = await newUser();
    await api().post(`/v2/users/${user.userId}/otp_email`, {});
    const login = await create({ metadata: { color: 'aGlkZGVuLWNvbG9y' }, userAgent: { fingerprintId: 'hidden-agent' } });
    const tokens = [login.token];
    const step = async (body: object) => {
      const answer = await set(login, body);
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      tokens.push(login.token);
      return answer;
    };
    await step({ checks: { user: { userId: user.userId }, password: { password: PASSWORD } } });
    const code = (await step({ challenges: { otpEmail: { returnCode: {} } } })).body.challenges.otpEmail;
    await step({ checks: { otpEmail: { code } } });
    const told = JSON.stringify((await eventsOf(login)).body.events.map(({ sequence: _, creationDate: __, ...event }: Event) => event));
    for (const secret of [...tokens, PASSWORD, code, user.loginName, 'aGlkZGVuLWNvbG9y', 'hidden-agent']) expect(told).not.toContain(secret);
    expect(told).not.toContain('sess_');
    for (const event of (await eventsOf(login)).body.events)
      expect(Object.keys(event).sort()).toEqual(['creationDate', 'creator', 'sequence', 'type']);
  });
});

for (const [what, ask] of [
  ['events', eventsOf],
  ['assurance', assuranceOf],
] as const) {
  describe(`who asks for the ${what} of a session`, () => {
    it('may, where the caller may read it', async () => {
      const organizationId = await newOrganization();
      const { userId } = await newUser({ organization: { orgId: organizationId } });
      const checked = await createFor(userId);
      const own = await createFor(userId);
      await set(own, password(PASSWORD));
      const { token: reader } = await newMachine({ organizationId, organization: ['ORG_USER_MANAGER'] });
      const { token: viewer } = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
      for (const bearer of [undefined, own.token, reader, viewer]) expect((await ask(checked, bearer)).status).toBe(200);
      const { token, made } = await formerClient((client) => create({}, api(client)));
      expect((await ask(made, token)).status).toBe(200);
      expect(refusal(await ask(checked, token))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await ask(made, reader))).toEqual([403, 'AUTH-AWfge']);
    });

    it('may with its current token, and with no other', async () => {
      const { token: nobody } = await newMachine();
      const login = await create();
      const before = login.token;
      await set(login, { metadata: { a: 'MQ==' } });
      expect(refusal(await ask(login, nobody))).toEqual([403, 'AUTH-AWfge']);
      expect((await ask(login, nobody, withToken(login.token))).status).toBe(200);
      for (const bearer of [nobody, undefined]) {
        for (const wrong of ['wrong', before]) expect(refusal(await ask(login, bearer, withToken(wrong)))).toEqual([403, 'QUERY-dsfr3']);
      }
      expect((await ask(login, '', withToken(login.token))).status).toBe(401);
    });

    it('is told 404 where there is none, or none any more', async () => {
      const { userId } = await newUser();
      const [ended, orphaned] = [await create(), await createFor(userId)];
      await api().delete(`/v2/sessions/${ended.id}`);
      await api().delete(`/v2/users/${userId}`);
      for (const login of [ended, orphaned, { id: 'nobody', token: '' }, { id: `${ended.id}x`, token: '' }]) {
        expect(refusal(await ask(login))).toEqual([404, 'QUERY-SFeaa']);
      }
      expect((await api().get(`/v2beta/sessions/${ended.id}/${what}`)).status).toBe(404);
    });

    it('may while its user is locked', async () => {
      const { userId } = await newUser();
      const login = await createFor(userId);
      await api().post(`/v2/users/${userId}/lock`, {});
      expect((await ask(login)).status).toBe(200);
    });
  });
}

describe('GET /v2/sessions/{sessionId}/assurance', () => {
  const name = (method: string) => `AUTHENTICATION_METHOD_TYPE_${method}`;

  it('of a session without a user is none, with nothing to make more of it', async () => {
    expect((await assuranceOf(await create())).body).toEqual({ aal: 'AAL0' });
  });

  it('rises with each factor, and names those that the user has ready and has not shown', async () => {
    const { userId } = await newUser();
    const { body: totp } = await api().post(`/v2/users/${userId}/totp`, {});
    const app = authenticator(totp.uri);
    await api().post(`/v2/users/${userId}/totp/verify`, { code: app.code() });
    await api().post(`/v2/users/${userId}/otp_email`, {});
    const { recoveryCodes } = (await api().post(`/v2/users/${userId}/recovery_codes`, { count: 2 })).body;
    const login = await createFor(userId);
    expect((await assuranceOf(login)).body).toEqual({
      aal: 'AAL0',
      remainingMethods: ['PASSWORD', 'TOTP', 'OTP_EMAIL', 'RECOVERY_CODE'].map(name),
    });

    const verified = async (body: object, factor: string) => {
      const answer = await set(login, body, api(), 'v2');
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      return (await api().get(`/v2/sessions/${login.id}`)).body.session.factors[factor].verifiedAt;
    };
    const first = await verified(password(PASSWORD), 'password');
    expect((await assuranceOf(login)).body).toEqual({
      amr: ['pwd'],
      aal: 'AAL1',
      authTime: first,
      remainingMethods: ['TOTP', 'OTP_EMAIL', 'RECOVERY_CODE'].map(name),
    });
    const second = await verified({ checks: { recoveryCode: { code: recoveryCodes[0] } } }, 'recoveryCode');
    expect((await assuranceOf(login)).body).toEqual({
      amr: ['pwd', 'mfa'],
      aal: 'AAL2',
      authTime: second,
      remainingMethods: ['TOTP', 'OTP_EMAIL'].map(name),
    });
    const asked = await set(login, { challenges: { otpEmail: { returnCode: {} } } });
    const third = await verified({ checks: { otpEmail: { code: asked.body.challenges.otpEmail } } }, 'otpEmail');
    expect((await assuranceOf(login)).body).toEqual({
      amr: ['pwd', 'otp', 'mfa'],
      aal: 'AAL2',
      authTime: third,
      remainingMethods: [name('TOTP')],
    });
  });

  it('falls when the password changes', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    await set(login, password(PASSWORD));
    await api().post(`/v2/users/${userId}/password`, { newPassword: { password: 'An0ther!pass' } });
    expect((await assuranceOf(login)).body).toEqual({ aal: 'AAL0', remainingMethods: [name('PASSWORD')] });
  });

  it('names nothing that would do for a user without any method', async () => {
    const { userId } = await newUser({ password: undefined });
    expect((await assuranceOf(await createFor(userId))).body).toEqual({ aal: 'AAL0' });
  });
});
