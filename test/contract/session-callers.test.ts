import { describe, expect, it } from 'vitest';
import { type Answer, anOrganization, api, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, type Login, password, refusal, seconds, set } from '../support/login.ts';

/** A session in which user and password are verified. */
async function loggedIn() {
  const user = await newUser();
  const login = await createFor(user.userId);
  await set(login, password(PASSWORD));
  return { user, login };
}

const me = (token: string, userId: string): Promise<Answer> => api(token).get(`/v2/users/${userId}`);

const told = ({ status, body }: Answer) => [status, body.code, body.message];

describe('a session token as bearer', () => {
  it('is its user, once a factor besides the user is verified', async () => {
    const { user, login } = await loggedIn();
    const answer = await me(login.token, user.userId);
    expect([answer.status, answer.body.user.userId]).toEqual([200, user.userId]);
    const other = await newUser();
    expect(refusal(await me(login.token, other.userId))).toEqual([403, 'AUTH-AWfge']);
  });

  it('may read and end its own session, and other sessions of its user, but not change them without their token', async () => {
    const { user, login } = await loggedIn();
    const other = await createFor(user.userId);
    const client = api(login.token);
    expect((await get(login, client)).status).toBe(200);
    expect((await get(other, client)).status).toBe(200);
    expect(refusal(await client.patch(`/v2/sessions/${login.id}`, { metadata: { a: 'MQ==' } }))).toEqual([403, 'AUTH-AWfge']);
    expect((await client.delete(`/v2/sessions/${other.id}`)).status).toBe(200);
    expect((await client.delete(`/v2/sessions/${login.id}`)).status).toBe(200);
    expect(told(await me(login.token, user.userId))).toEqual([404, 5, 'Errors.Session.NotExisting (QUERY-SFeaa)']);
  });

  it('carries another session of the user forward with that one\u2019s token', async () => {
    const { user, login } = await loggedIn();
    const other = await createFor(user.userId);
    expect((await set(other, password(PASSWORD), api(login.token))).status).toBe(200);
  });

  it('has the roles of its user', async () => {
    const { user, login } = await loggedIn();
    await api().post('/management/v1/orgs/me/members', { userId: user.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': await anOrganization() });
    const other = await newUser();
    expect((await me(login.token, other.userId)).status).toBe(200);
  });

  it('is refused while nothing but the user is verified', async () => {
    const user = await newUser();
    const [empty, userOnly] = [await create(), await createFor(user.userId)];
    for (const { token } of [empty, userOnly]) {
      expect(told(await me(token, user.userId))).toEqual([403, 7, 'authentication required (AUTHZ-Kl3p0)']);
    }
  });

  it('is refused when a newer token has taken its place', async () => {
    const { user, login } = await loggedIn();
    const old = login.token;
    await set(login, { metadata: { a: 'MQ==' } });
    expect(told(await me(old, user.userId))).toEqual([403, 7, 'Errors.PermissionDenied (QUERY-dsfr3)']);
    expect((await me(login.token, user.userId)).status).toBe(200);
  });

  it('is refused when its session has expired', async () => {
    const { user, login } = await loggedIn();
    await set(login, { lifetime: '1s' });
    await seconds(1.1);
    expect(told(await me(login.token, user.userId))).toEqual([403, 7, 'session expired (AUTHZ-EGDo3)']);
  });

  it('is refused when its user was stopped, and unknown when deleted', async () => {
    const { user, login } = await loggedIn();
    await api().post(`/v2/users/${user.userId}/deactivate`);
    expect(told(await me(login.token, user.userId))).toEqual([403, 7, 'User is not active (SESSION-Gj4ko)']);
    await api().delete(`/v2/users/${user.userId}`);
    expect(refusal(await me(login.token, user.userId))).toEqual([404, 'QUERY-SFeaa']);
  });

  it('is refused when the password that it rests on was changed', async () => {
    const { user, login } = await loggedIn();
    await api().post(`/v2/users/${user.userId}/password`, { newPassword: { password: 'N3wS3cret!' } });
    expect(refusal(await me(login.token, user.userId))).toEqual([403, 'AUTHZ-Kl3p0']);
  });

  it('is invalid when it is forged, cut or of no session of ours', async () => {
    const { user, login } = await loggedIn();
    const forgedId = login.id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    for (const token of ['sess_', 'sess_x_y', `sess_${forgedId}_${'A'.repeat(43)}`, 'sess_..._', `sess_${login.id}`]) {
      expect(refusal(await me(token, user.userId))).toEqual([401, 'AUTH-7fs1e']);
    }
    for (const token of [`${login.token}A`, login.token.slice(0, -1)]) {
      expect(refusal(await me(token, user.userId))).toEqual([403, 'QUERY-dsfr3']);
    }
  });

  it('keeps its own session when it ends the others with a new password', async () => {
    const { user, login } = await loggedIn();
    const other: Login = await createFor(user.userId);
    const body = { newPassword: { password: 'N3wS3cret!' }, currentPassword: PASSWORD, endOtherSessions: true };
    expect((await api(login.token).post(`/v2/users/${user.userId}/password`, body)).status).toBe(200);
    expect(refusal(await get(other))).toEqual([404, 'QUERY-SFeaa']);
    expect(Object.keys((await get(login)).body.session.factors)).toEqual(['user']);
    expect((await set(login, password('N3wS3cret!'))).status).toBe(200);
  });
});
