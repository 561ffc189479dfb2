import { describe, expect, inject, it } from 'vitest';
import { type Answer, api, newUser } from '../support/api.ts';
import { type Login, create as newSession, set } from '../support/login.ts';

const REST = 'REST';
const CONNECT = 'Connect in JSON';

/** Create as either road has it; a string as body is sent as it is. */
const create = (road: string, body: unknown): Promise<Answer> =>
  api().post(road === REST ? '/v2/sessions' : '/zitadel.session.v2.SessionService/CreateSession', body);
const setting = (road: string, login: Login, body: object): Promise<Answer> => {
  const message = { ...body, sessionToken: login.token };
  if (road === REST) return api().patch(`/v2/sessions/${login.id}`, message);
  return api().post('/zitadel.session.v2.SessionService/SetSession', { ...message, sessionId: login.id });
};
const read = async ({ body }: Answer) => (await api().get(`/v2/sessions/${body.sessionId}`)).body.session;

const agent = (fields: string) => `{"userAgent": {${fields}}}`;

describe.each([REST, CONNECT])('a message of proto3 JSON, by %s,', (road) => {
  const taken: [rule: string, body: string, kept: object][] = [
    ['an empty body is an empty message', '', {}],
    ['field names in lowerCamelCase', agent('"fingerprintId": "f1"'), { userAgent: { fingerprintId: 'f1' } }],
    ['field names in snake_case', '{"user_agent": {"fingerprint_id": "f2"}}', { userAgent: { fingerprintId: 'f2' } }],
    ['an unknown field is ignored, whatever it holds', '{"unheardOf": {"a": [1, {"b": null}]}, "lifetime": "60s"}', {}],
    ['null is the same as absent', '{"lifetime": null, "userAgent": null, "checks": null, "metadata": null}', {}],
    ['a field beside its twin that is null', agent('"fingerprintId": null, "fingerprint_id": "f3"'), { userAgent: { fingerprintId: 'f3' } }],
    ['bytes in standard base64', '{"metadata": {"k": "+/+/"}}', { metadata: { k: '+/+/' } }],
    ['bytes in URL-safe base64', '{"metadata": {"k": "-_-_"}}', { metadata: { k: '+/+/' } }],
    ['bytes without padding', '{"metadata": {"k": "MQ"}}', { metadata: { k: 'MQ==' } }],
    ['a duration of whole seconds', '{"lifetime": "18000s"}', {}],
    ['a duration with a fraction', '{"lifetime": "0.5s"}', {}],
    ['text in any script', agent('"description": "\\u00fc\\ud83e\\udd8a"'), { userAgent: { description: 'ü🦊' } }],
    ['space between everything', ' {\n"metadata"\t: { "k" :\r"MQ==" } } ', { metadata: { k: 'MQ==' } }],
    [
      'a colon, a quote and braces within a string',
      agent('"description": "a\\": {b: \\\\\\": 1}"'),
      { userAgent: { description: 'a": {b: \\": 1}' } },
    ],
    ['an empty message that is there', '{"checks": {}, "userAgent": {}}', {}],
  ];
  it.each(taken)('takes %s', async (_, body, kept) => {
    const created = await create(road, body);
    expect(created.status).toBe(road === REST ? 201 : 200);
    expect(await read(created)).toMatchObject(kept);
  });

  const refused: [rule: string, body: string][] = [
    ['a field under both its names', agent('"fingerprintId": "a", "fingerprint_id": "a"')],
    ['a field that is given twice', '{"lifetime": "60s", "lifetime": "90s"}'],
    ['a field that is given twice, the second time as null', '{"lifetime": "60s", "lifetime": null}'],
    ['a field that is given twice under a spelling with escapes', '{"lifetime": "60s", "\\u006cifetime": "90s"}'],
    ['a field that is given twice further in', agent('"ip": "192.0.2.1", "ip": "192.0.2.2"')],
    ['a key of a map that is given twice', '{"metadata": {"k": "MQ==", "k": "Mg=="}}'],
    ['a key that is given twice where nobody looks', '{"unheardOf": [{"a": 1, "a": 2}]}'],
    ['null as a value of a map', '{"metadata": {"k": null}}'],
    ['null as the message', 'null'],
    ['a list as the message', '[]'],
    ['text after the message', '{} {}'],
    ['no JSON', '{lifetime: "60s"}'],
    ['a message cut short', '{"metadata": {"k": "MQ=="'],
    ['two members of a oneof', '{"checks": {"user": {"userId": "u", "loginName": "l"}}}'],
    ['a string where a message belongs', '{"checks": "user"}'],
    ['a number where a string belongs', agent('"ip": 1')],
    ['a number where a duration belongs', '{"lifetime": 60}'],
    ['a duration without its unit', '{"lifetime": "60"}'],
    ['a duration with ten decimals', '{"lifetime": "1.0123456789s"}'],
    ['a duration that is negative', '{"lifetime": "-300s"}'],
    ['bytes that are no base64', '{"metadata": {"k": "?"}}'],
    ['a list where a map belongs', '{"metadata": [["k", "MQ=="]]}'],
    ['an enum by a number that it does not have', '{"challenges": {"webAuthN": {"domain": "localhost", "userVerificationRequirement": 17}}}'],
    ['half of a surrogate pair', agent('"description": "\\ud83e"')],
  ];
  it.each(refused)('does not take %s: code 3, without details', async (_, body) => {
    const code = road === REST ? 3 : 'invalid_argument';
    expect(await create(road, body)).toMatchObject({ status: 400, body: { code } });
    expect((await create(road, body)).body).not.toHaveProperty('details');
  });

  it('takes an enum by name and by number, and a name that nobody knows as none', async () => {
    const { userId } = await newUser();
    const required = async (userVerificationRequirement: string | number) =>
      (await create(road, { checks: { user: { userId } }, challenges: { webAuthN: { domain: 'localhost', userVerificationRequirement } } })).body;
    for (const known of ['USER_VERIFICATION_REQUIREMENT_REQUIRED', 1]) expect((await required(known)).message).not.toContain('must not be in list');
    expect((await required('USER_VERIFICATION_REQUIREMENT_HOPED_FOR')).message).toContain('must not be in list');
  });

  it('takes integers as numbers and as strings, and timestamps with an offset', async () => {
    const found = (query: unknown, queries: unknown[]) =>
      api().post(road === REST ? '/v2/sessions/search' : '/zitadel.session.v2.SessionService/ListSessions', { query, queries });
    const created = await create(road, {});
    const { creationDate } = await read(created);
    const offset = `${new Date(Date.parse(creationDate) + 3_600_000).toISOString().slice(0, -1)}+01:00`;
    const byDate = { creationDateQuery: { creationDate: offset, method: 'TIMESTAMP_QUERY_METHOD_LESS_OR_EQUALS' } };
    for (const limit of [1, '1']) expect(await found({ limit, offset: '0' }, [byDate])).toMatchObject({ status: 200 });
    expect(await found({ limit: 1.5 }, [])).toMatchObject({ status: 400 });
    expect(await found({}, [{ creationDateQuery: { creationDate: 'yesterday' } }])).toMatchObject({ status: 400 });
  });

  it('leaves zero values out of an answer, writes int64 as a string and time in UTC, and keeps an empty message that is set', async () => {
    const created = await create(road, { challenges: {} });
    expect(created.body.details).toEqual({ sequence: '2', changeDate: expect.stringMatching(/^\d{4}-.*Z$/), resourceOwner: expect.any(String) });
    expect(created.body.challenges).toEqual({});
    const nobody = await api().post(road === REST ? '/v2/sessions/search' : '/zitadel.session.v2.SessionService/ListSessions', {
      queries: [{ idsQuery: { ids: ['nobody'] } }],
    });
    expect(nobody.body).toEqual({ details: { timestamp: expect.stringMatching(/Z$/) } });
  });

  it('answers in JSON whatever is accepted', async () => {
    const path = road === REST ? '/v2/sessions' : '/zitadel.session.v2.SessionService/CreateSession';
    const { headers } = await api().post(path, {}, { accept: 'text/html, application/xml' });
    expect(headers.get('content-type')).toContain('application/json');
  });

  it('sets a session as it creates one', async () => {
    const login = await newSession();
    expect(await setting(road, login, { metadata: { k: 'MQ' } })).toMatchObject({ status: 200, body: { sessionToken: expect.any(String) } });
    expect((await api().get(`/v2/sessions/${login.id}`)).body.session.metadata).toEqual({ k: 'MQ==' });
  });
});

describe('a path', () => {
  it('wins over what the body says of it', async () => {
    const [one, other] = [await newSession(), await newSession()];
    expect(await set(one, { sessionId: other.id, metadata: { k: 'MQ==' } })).toMatchObject({ status: 200 });
    expect((await api().get(`/v2/sessions/${other.id}`)).body.session).not.toHaveProperty('metadata');
  });
});

describe('a query', () => {
  it('holds the message of GET, under either name, and what is unknown in it is ignored', async () => {
    const login = await newSession();
    for (const name of ['sessionToken', 'session_token']) {
      expect(await api().get(`/v2beta/sessions/${login.id}?${name}=${login.token}&orgId=1&ctx.orgId=1`)).toMatchObject({ status: 200 });
      expect(await api().get(`/v2beta/sessions/${login.id}?${name}=wrong`)).toMatchObject({ status: 403 });
    }
    const twins = `sessionToken=${login.token}&session_token=${login.token}`;
    expect(await api().get(`/v2beta/sessions/${login.id}?${twins}`)).toMatchObject({ status: 400 });
  });

  it('is not looked at in the other verbs', async () => {
    const login = await newSession();
    const url = new URL(`/v2/sessions/${login.id}?sessionToken=wrong`, inject('baseUrl'));
    const headers = { authorization: `Bearer ${inject('adminToken')}` };
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200);
  });
});
