import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { authenticator } from '../support/authenticator.ts';
import { createFor, password, refusal, set } from '../support/login.ts';
import { SecurityKey } from '../support/security-key.ts';
import { challenge, check, enrol, signed } from '../support/security-key-steps.ts';

const exported = (userId: string, bearer?: string) => api(bearer).get(`/v2/users/${userId}/export`);

/** Asks until the index, which follows the sessions, knows as many as are expected. */
async function exportWith(sessions: number, userId: string, bearer?: string) {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await exported(userId, bearer);
    if ((answer.body.sessions ?? []).length === sessions) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the sessions were never told of');
}

const provider = { name: 'Mouse House', issuer: 'https://mouse.example', clientId: 'client', clientSecret: 'mouse-house-client-secret' };

/** A person who has everything that one can have, and what of it is secret. */
async function everything() {
  const user = await newUser({ metadata: [{ key: 'colour', value: 'cmVk' }] });
  const { userId } = user;
  const key = new SecurityKey();
  const keyId = await enrol(userId, key);
  const { body: registered } = await api().post(`/v2/users/${userId}/totp`, {});
  expect((await api().post(`/v2/users/${userId}/totp/verify`, { code: authenticator(registered.uri).code() })).status).toBe(200);
  await api().post(`/v2/users/${userId}/otp_email`, {});
  const recovery = await api().post(`/v2/users/${userId}/recovery_codes`, { count: 5 });
  const idp = await api().post('/admin/v1/idps/generic_oidc', provider);
  const link = { idpId: idp.body.id, userId: unique('minnie'), userName: 'minnie at the mouse house' };
  const linked = await api().post(`/v2/users/${userId}/links`, { idpLink: link });
  expect([idp.status, linked.status]).toEqual([200, 200]);
  const [earlier, later] = [await signed(key, userId), await signed(key, userId)];
  const [one, other] = [later.login, earlier.login];
  await set(one, check(later.assertion));
  // Its counter stands still, which is noted for the user.
  expect((await set(other, check(earlier.assertion))).status).toBe(400);
  await set(one, { ...password(PASSWORD), metadata: { page: 'MQ==' } });
  const { body: opened } = await set(other, challenge());
  const { body: code } = await set(other, { challenges: { otpEmail: { returnCode: {} } } });
  await set(one, { checks: { password: { password: 'wrong' } } });
  const secrets = [
    PASSWORD,
    registered.secret,
    ...(recovery.body.recoveryCodes ?? []),
    provider.clientSecret,
    one.token,
    one.token.slice(-43),
    other.token.slice(-43),
    opened.challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.challenge,
    code.challenges.otpEmail,
    later.assertion.response.signature,
  ];
  return { ...user, keyId, link, one, other, secrets };
}

describe('GET /v2/users/{userId}/export', () => {
  it('tells everything that is kept of a person, and no secret', async () => {
    const { userId, loginName, keyId, link, one, other, secrets } = await everything();
    const { status, body } = await exportWith(2, userId);
    expect(status).toBe(200);
    expect(Object.keys(body).sort()).toEqual(['authMethodTypes', 'credentials', 'events', 'idpLinks', 'metadata', 'sessions', 'user']);
    expect(body.user).toEqual((await api().get(`/v2/users/${userId}`)).body.user);
    expect(body.user).toMatchObject({ userId, human: { profile: { givenName: 'Minnie' }, email: { email: loginName } } });
    expect(body.metadata).toEqual([{ key: 'colour', value: 'cmVk' }]);
    expect(body.authMethodTypes).toEqual((await api().get(`/v2/users/${userId}/authentication_methods`)).body.authMethodTypes);
    expect(body.authMethodTypes).toEqual(expect.arrayContaining(METHODS.map((name) => `AUTHENTICATION_METHOD_TYPE_${name}`)));
    expect(body.credentials).toEqual([{ id: keyId, kind: 'passkey', name: 'My key', rpId: expect.any(String) }]);
    expect(body.idpLinks).toEqual([link]);
    expect(body.events).toEqual((await api().get(`/v2/users/${userId}/events`)).body.events);
    expect(body.events).toMatchObject([{ webAuthNTokenId: keyId }]);
    const sessions = await Promise.all([other, one].map(async ({ id }) => (await api().get(`/v2/sessions/${id}`)).body.session));
    expect(body.sessions).toEqual(sessions);
    expect(sessions[1]).toMatchObject({ metadata: { page: 'MQ==' }, factors: { user: { id: userId }, password: {} } });

    const text = JSON.stringify(body);
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(7);
      expect(text).not.toContain(secret);
    }
    for (const member of SECRET_MEMBERS) expect(text.toLowerCase()).not.toContain(member);
  });

  it('says of somebody who has nothing what there is, and names no empty part', async () => {
    const { userId } = await newUser({ password: undefined });
    const { status, body } = await exported(userId);
    expect([status, Object.keys(body)]).toEqual([200, ['user']]);
  });

  it('tells of nobody else', async () => {
    const [one, other] = [await newUser(), await newUser()];
    await createFor(other.userId);
    const login = await createFor(one.userId);
    await exportWith(1, other.userId);
    const { body } = await exportWith(1, one.userId);
    expect(body.sessions).toMatchObject([{ id: login.id }]);
    expect(JSON.stringify(body)).not.toContain(other.userId);
  });

  it('leaves out sessions that have ended', async () => {
    const { userId } = await newUser();
    const [ended, kept] = [await createFor(userId), await createFor(userId)];
    await exportWith(2, userId);
    await api().delete(`/v2/sessions/${ended.id}`);
    // At once: what the index still names is asked of the cell.
    expect((await exported(userId)).body.sessions).toMatchObject([{ id: kept.id }]);
  });

  it('tells of the sessions of a person who is locked, which are stopped and still kept', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    await exportWith(1, userId);
    await api().post(`/v2/users/${userId}/lock`, {});
    const { status, body } = await exported(userId);
    expect(status).toBe(200);
    expect(body.sessions).toMatchObject([{ id: login.id, state: 'SESSION_STATE_STOPPED' }]);
  });

  it('is for the person, by a session of theirs, with the sessions that others made', async () => {
    const { userId } = await newUser();
    const [login, other] = [await createFor(userId), await createFor(userId)];
    await set(login, password(PASSWORD));
    const { status, body } = await exportWith(2, userId, login.token);
    expect(status).toBe(200);
    expect(body.sessions.map(({ id }: { id: string }) => id)).toEqual([login.id, other.id]);
  });

  it('is for those with user.read, where they hold it, with the sessions; for others not', async () => {
    const { userId } = await newUser();
    await createFor(userId);
    const reader = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    const inside = await newMachine({ organization: ['ORG_OWNER'], organizationId: await anOrganization() });
    const outside = await newMachine({ organization: ['ORG_OWNER'], organizationId: await newOrganization() });
    const nobody = await newMachine();
    const stranger = await createFor((await newUser()).userId);
    await set(stranger, password(PASSWORD));
    for (const { token } of [reader, inside]) expect((await exportWith(1, userId, token)).status).toBe(200);
    expect(refusal(await exported(userId, outside.token))).toEqual(NOT_FOUND);
    for (const { token } of [nobody, stranger]) expect(refusal(await exported(userId, token))).toEqual([403, 'AUTH-AWfge']);
    expect((await exported(userId, '')).status).toBe(401);
  });

  it('is answered 404 for somebody who was never there or was deleted', async () => {
    const { userId } = await newUser();
    await createFor(userId);
    await api().delete(`/v2/users/${userId}`);
    for (const id of [userId, 'nobody']) expect(refusal(await exported(id))).toEqual(NOT_FOUND);
  });
});

const NOT_FOUND = [404, 'QUERY-Dfbg2'];
const METHODS = ['PASSWORD', 'TOTP', 'PASSKEY', 'IDP', 'OTP_EMAIL'];
const SECRET_MEMBERS = ['hash', 'secret', 'sealed', 'token"', 'digest', 'publickey', 'challenge"', 'pbkdf2', 'argon2'];
