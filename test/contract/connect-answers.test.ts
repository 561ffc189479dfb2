import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, password, set } from '../support/login.ts';
import { call, enveloped, PROTOCOLS, pathOf, post, type Rpc, TYPES } from '../support/rpc.ts';

const CREATE = 'session.v2/CreateSession';
const MESSAGE = { metadata: { k: 'MQ==' }, lifetime: '60s', userAgent: { ip: '192.0.2.1' } };

describe('one answer', () => {
  /** Calls that only read, and what they read. */
  async function reads(): Promise<[Rpc, object][]> {
    const { userId, loginName } = await newUser({ phone: { phone: '+41791234567', isVerified: true } });
    for (const factor of ['otp_sms', 'otp_email', 'totp']) await api().post(`/v2/users/${userId}/${factor}`, {});
    await api().post(`/v2/users/${userId}/passkeys`, { domain: 'example.com' });
    const login = await create({ checks: { user: { loginName } }, ...MESSAGE, userAgent: { header: { accept: { values: ['a', 'b'] } } } });
    await set(login, password(PASSWORD));
    const stopped = await newUser();
    const stoppedSession = await createFor(stopped.userId);
    await api().post(`/v2/users/${stopped.userId}/lock`);
    const machine = await newMachine();
    const idp = await api().post('/admin/v1/idps/azure', { name: 'Azure', clientId: 'us', clientSecret: 'secret' });
    const query = { queries: [{ userIdQuery: { id: 'nobody' } }] };
    return [
      ['session.v2/GetSession', { sessionId: login.id }],
      ['session.v2beta/GetSession', { sessionId: stoppedSession.id }],
      ['session.v2/ListSessions', query],
      ['user.v2/GetUserByID', { userId }],
      ['user.v2beta/GetUserByID', { userId: stopped.userId }],
      ['user.v2/GetUserByID', { userId: machine.userId }],
      ['user.v2/ListUsers', { queries: [{ loginNameQuery: { loginName } }] }],
      ['user.v2/ListPasskeys', { userId }],
      ['user.v2/ListAuthenticationMethodTypes', { userId }],
      ['user.v2/ListAuthenticationFactors', { userId }],
      ['user.v2/ListIDPLinks', { userId }],
      ['user.v2/ListPersonalAccessTokens', { filters: [{ userIdFilter: { id: machine.userId } }] }],
      ['org.v2/ListOrganizations', { queries: [{ idQuery: { id: await anOrganization() } }] }],
      ['settings.v2/GetLoginSettings', {}],
      ['settings.v2/GetBrandingSettings', {}],
      ['idp.v2/GetIDPByID', { id: idp.body.id }],
    ];
  }

  /** The answer without the moment at which it was given, and without the state of a session, which is ours and unknown to the descriptors. */
  const comparable = (answer: unknown) =>
    JSON.parse(JSON.stringify(answer), (key, value) => (key === 'timestamp' || String(value).startsWith('SESSION_STATE_') ? undefined : value));

  it('is the same in every protocol', async () => {
    for (const [rpc, message] of await reads()) {
      const [json, ...binary] = await Promise.all(PROTOCOLS.map((protocol) => call(protocol, rpc, message)));
      expect(json?.refused).toBeUndefined();
      for (const { answer } of binary) expect([rpc, comparable(answer)]).toEqual([rpc, comparable(json?.answer)]);
    }
  });

  it('has the content type of its request', async () => {
    for (const type of [...Object.values(TYPES), 'application/grpc-web']) {
      const body = type.includes('grpc') ? enveloped(new Uint8Array()) : null;
      expect((await post(pathOf(CREATE), type, body)).headers.get('content-type')).toBe(type);
    }
  });

  it('comes also to a content type in capitals, and to one with parameters', async () => {
    expect((await post(pathOf(CREATE), 'Application/JSON; charset=utf-8', '{}')).status).toBe(200);
    expect((await post(pathOf(CREATE), 'application/proto; v=1', null)).status).toBe(200);
  });
});

describe('an Idempotency-Key', () => {
  it('is known again, whatever the repeat speaks', async () => {
    const headers = { 'idempotency-key': unique('key') };
    const { body } = await api().post('/v2/sessions', MESSAGE, headers);
    for (const protocol of PROTOCOLS) expect((await call(protocol, CREATE, MESSAGE, { headers })).answer).toEqual(body);
  });

  it('makes a repeat of SetSession safe: in each protocol', async () => {
    for (const protocol of PROTOCOLS) {
      const { id, token } = await create();
      const headers = { 'idempotency-key': unique('key') };
      const step = () => call(protocol, 'session.v2beta/SetSession', { sessionId: id, sessionToken: token, metadata: { k: 'MQ==' } }, { headers });
      const { answer } = await step();
      expect(answer).toMatchObject({ sessionToken: expect.any(String) });
      expect((await step()).answer).toEqual(answer);
    }
  });
});
