import { describe, expect, it } from 'vitest';
import { type Answer, anOrganization, api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { createFor, get, password, refusal, set, type Version } from '../support/login.ts';
import { personWithBearer } from '../support/mailbox.ts';
import { encode, RP_ID, SecurityKey } from '../support/security-key.ts';
import { PlainKey } from '../support/security-key-plain.ts';
import { ask, begin, begun, check, enrol, finish, newHolder, path, signIn } from '../support/security-key-steps.ts';

const FORBIDDEN = [403, 'AUTH-AWfge', 7];
const NOT_THERE = [404, 'COMMAND-4M0ds', 5];
const UNKNOWN = [404, 'COMMAND-DAfb2', 5];
const NOTHING_PENDING = [400, 'WEBAU-5M9so', 9];
const NOT_REGISTERED = [400, 'WEBAU-3Vb9s', 3];
const MALFORMED = [400, 'WEBAU-sEr8c', 3];
const told = (answer: Answer) => [...refusal(answer), answer.body.code];

const VERSIONS = ['v2', 'v2beta'] as const satisfies Version[];
const DETAILS = { sequence: expect.stringMatching(/^\d+$/), changeDate: expect.any(String), resourceOwner: expect.any(String) };

const remove = (userId: string, id: string, bearer?: string, version: Version = 'v2') => api(bearer).delete(path(userId, 'u2f', id, version));
const factors = (userId: string, body: object = {}, bearer?: string): Promise<Answer> =>
  api(bearer).post(`/v2/users/${userId}/authentication_factors/_search`, body);

describe('a U2F key', () => {
  it.each(VERSIONS)('is registered, is a second factor beside the password, and is removed: %s', async (version) => {
    const { userId } = await newUser();
    const key = new SecurityKey();
    const answer = await begin(userId, 'u2f', {}, api(), version);
    expect([answer.status, Object.keys(answer.body)]).toEqual([200, ['details', 'u2fId', 'publicKeyCredentialCreationOptions']]);
    const { u2fId, publicKeyCredentialCreationOptions: options, details } = answer.body;
    expect(details).toEqual({ ...DETAILS, resourceOwner: await anOrganization() });
    const done = await finish(userId, 'u2f', u2fId, key.create(options), { version });
    expect([done.status, done.body]).toEqual([200, { details: DETAILS }]);

    const login = await createFor(userId);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
    const assertion = key.get(await ask(login, 'DISCOURAGED', api(), version));
    expect((await set(login, check(assertion), api(), version)).status).toBe(200);
    expect(Object.keys((await get(login)).body.session.factors)).toEqual(['user', 'password', 'webAuthN']);

    const removed = await remove(userId, u2fId, undefined, version);
    expect([removed.status, removed.body]).toEqual([200, { details: DETAILS }]);
    expect(told(await remove(userId, u2fId, undefined, version))).toEqual(UNKNOWN);
    expect((await factors(userId)).body).toEqual({});
  });

  it('is registered with the options of a passkey, but for any authenticator, and by preference only one that verifies its user', async () => {
    const { userId, loginName } = await newUser();
    const { options } = await begun(userId, 'u2f', { authenticator: 'PASSKEY_AUTHENTICATOR_PLATFORM' });
    expect(options).toEqual({
      publicKey: {
        rp: { id: RP_ID, name: expect.any(String) },
        user: { id: encode(Buffer.from(userId)), name: loginName, displayName: 'Minnie Mouse' },
        challenge: expect.stringMatching(/^[\w-]{43}$/),
        pubKeyCredParams: [-7, -35, -36, -257, -258, -259, -37, -38, -39, -8].map((alg) => ({ type: 'public-key', alg })),
        timeout: 300_000,
        excludeCredentials: [],
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        attestation: 'none',
      },
    });
  });

  it('is verified and removed as a U2F key only, and a passkey as a passkey', async () => {
    const { userId } = await newUser();
    const [u2f, passkey] = [await enrol(userId, new PlainKey(), 'u2f'), await enrol(userId, new PlainKey(), 'passkey')];
    expect(told(await api().delete(path(userId, 'passkey', u2f)))).toEqual(UNKNOWN);
    expect(told(await remove(userId, passkey))).toEqual(UNKNOWN);
    const { id, options } = await begun(userId, 'u2f');
    expect(told(await finish(userId, 'passkey', id, new PlainKey().create(options)))).toEqual(NOTHING_PENDING);
    expect((await remove(userId, u2f)).status).toBe(200);
    expect((await api().delete(path(userId, 'passkey', passkey))).status).toBe(200);
  });

  it('is refused where the answer is wrong, or none, and has a name of 1 to 200 characters', async () => {
    const { userId } = await newUser();
    const key = new PlainKey();
    const { id, options } = await begun(userId, 'u2f');
    const wrong = key.create(options, 'none', { clientData: { challenge: encode(Buffer.alloc(32, 7)) } });
    expect(told(await finish(userId, 'u2f', id, wrong))).toEqual(NOT_REGISTERED);
    expect(told(await finish(userId, 'u2f', id, {}))).toEqual(MALFORMED);
    const made = key.create(options);
    for (const name of ['', 'x'.repeat(201), null as never]) {
      const { status, body } = await finish(userId, 'u2f', id, made, { name });
      expect([status, body.code, body.details]).toEqual([400, 3, undefined]);
    }
    const snake = { public_key_credential: made, token_name: 'x'.repeat(200) };
    expect((await api().post(path(userId, 'u2f', id), snake)).status).toBe(200);
    expect(told(await finish(userId, 'u2f', id, made))).toEqual(NOTHING_PENDING);
    expect((await signIn(key, userId, 'PREFERRED')).status).toBe(200);
  });

  it('is registered and removed by users for themselves, by who may write their credentials, and by nobody else', async () => {
    const organizationId = await newOrganization();
    const { userId, bearer } = await personWithBearer({ organization: { orgId: organizationId } });
    const foreign = await newUser();
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId });
    const nobody = await newMachine();
    // The session's token is one factor, which is too few once a key is there: so all of this is before.
    const mine = await begun(userId, 'u2f', {}, api(bearer));
    expect(told(await begin(foreign.userId, 'u2f', {}, api(bearer)))).toEqual(FORBIDDEN);
    expect((await begin(userId, 'u2f', {}, api(owner.token))).status).toBe(200);
    for (const { token } of [manager, nobody]) expect(told(await begin(userId, 'u2f', {}, api(token)))).toEqual(FORBIDDEN);
    expect(told(await begin(foreign.userId, 'u2f', {}, api(owner.token)))).toEqual(NOT_THERE);
    expect((await begin(userId, 'u2f', {}, api(''))).status).toBe(401);
    const made = new PlainKey().create(mine.options);
    expect(told(await finish(userId, 'u2f', mine.id, made, { client: api(nobody.token) }))).toEqual(FORBIDDEN);
    expect((await finish(userId, 'u2f', mine.id, made, { client: api(bearer) })).status).toBe(200);
    expect(told(await remove(userId, mine.id, nobody.token))).toEqual(FORBIDDEN);
    expect((await remove(userId, mine.id, manager.token)).status).toBe(200);
  });

  it('is none of who is not there', async () => {
    const machine = await newMachine();
    const { userId } = await newUser();
    await api().delete(`/v2/users/${userId}`);
    for (const gone of ['nobody', machine.userId, userId]) {
      expect(told(await begin(gone, 'u2f'))).toEqual(NOT_THERE);
      expect(told(await finish(gone, 'u2f', '1', {}))).toEqual(NOT_THERE);
      expect(told(await remove(gone, '1'))).toEqual(UNKNOWN);
    }
  });
});

describe('POST /v2/users/{userId}/authentication_factors/_search', () => {
  it('lists the second factors that are ready, in the order of their kinds, or those that are asked for', async () => {
    const { userId } = await newUser({ phone: { phone: '+41791234567', isVerified: true } });
    await begun(userId, 'u2f');
    await enrol(userId, new PlainKey(), 'passkey');
    expect((await factors(userId)).body).toEqual({});
    const ids = [await enrol(userId, new PlainKey(), 'u2f'), await enrol(userId, new PlainKey(), 'u2f')];
    for (const factor of ['otp_email', 'otp_sms']) await api().post(`/v2/users/${userId}/${factor}`, {});
    const state = 'AUTH_FACTOR_STATE_READY';
    const [sms, email] = [
      { state, otpSms: {} },
      { state, otpEmail: {} },
    ];
    const keys = ids.map((id) => ({ state, u2f: { id, name: 'My key' } }));
    expect((await factors(userId)).body.result).toEqual([sms, email, ...keys]);
    const rows: [object, object[] | undefined][] = [
      [{ authFactors: ['U2F'] }, keys],
      [{ authFactors: ['OTP_EMAIL', 'OTP_SMS'] }, [sms, email]],
      [{ authFactors: [3] }, keys],
      [{ authFactors: ['OTP'] }, undefined],
      [{ auth_factors: ['U2F'], states: ['AUTH_FACTOR_STATE_READY'] }, keys],
      [{ states: [2] }, [sms, email, ...keys]],
      [{ states: ['AUTH_FACTOR_STATE_NOT_READY'] }, undefined],
      [{ authFactors: [], states: [] }, [sms, email, ...keys]],
    ];
    for (const [body, result] of rows) expect((await factors(userId, body)).body, JSON.stringify(body)).toEqual({ ...(result && { result }) });
    for (const body of [{ authFactors: 'U2F' }, { authFactors: [9] }, { states: [9] }]) expect((await factors(userId, body)).status).toBe(400);
  });

  it('is of v2, for those who may read the user, and for the user', async () => {
    const { userId, bearer } = await personWithBearer();
    const [reader, stranger] = [await newMachine({ organization: ['ORG_USER_MANAGER'] }), await newMachine()];
    for (const token of [reader.token, bearer]) expect((await factors(userId, {}, token)).status).toBe(200);
    expect(told(await factors(userId, {}, stranger.token))).toEqual(FORBIDDEN);
    expect((await factors(userId, {}, '')).status).toBe(401);
    expect(told(await factors('nobody'))).toEqual([404, 'QUERY-Dfbg2', 5]);
    expect((await api().post(`/v2beta/users/${userId}/authentication_factors/_search`, {})).status).toBe(404);
  });
});

describe('a security key of a user who is deleted', () => {
  it('may be registered by somebody else then', async () => {
    const key = new PlainKey();
    const { userId } = await newHolder(key, 'u2f');
    const other = await newUser();
    const { id, options } = await begun(other.userId, 'u2f');
    expect(told(await finish(other.userId, 'u2f', id, key.create(options)))).toEqual(NOT_REGISTERED);
    await api().delete(`/v2/users/${userId}`);
    expect((await finish(other.userId, 'u2f', id, key.create(options))).status).toBe(200);
    expect((await signIn(key, other.userId, 'PREFERRED')).status).toBe(200);
  });
});
