import { describe, expect, inject, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, get, password, refusal, set } from '../support/login.ts';

describe('POST /sessions', () => {
  it('answers 201 with an id, a token and the details that Get then shows', async () => {
    const { status, body } = await api().post('/v2beta/sessions', { metadata: { foo: 'YmFy' } });
    expect(status).toBe(201);
    const { session } = (await api().get(`/v2beta/sessions/${body.sessionId}`)).body;
    expect(body.details).toEqual({ sequence: session.sequence, changeDate: session.changeDate, resourceOwner: 'sallyport' });
    expect(session).toMatchObject({ id: body.sessionId, creationDate: session.changeDate, metadata: { foo: 'YmFy' } });
    expect(session).not.toHaveProperty('factors');
    expect(session).not.toHaveProperty('userAgent');
    expect(session).not.toHaveProperty('state');
  });

  it('takes an empty body for an empty message', async () => {
    expect((await api().post('/v2/sessions')).status).toBe(201);
  });

  it('gives 30 days to a session whose creator asks for no lifetime', async () => {
    const { session } = (await get(await create())).body;
    expect(Date.parse(session.expirationDate) - Date.parse(session.creationDate)).toBe(30 * 86_400_000);
  });

  it('keeps the user agent as it was sent, with the IP address in its normal form', async () => {
    const userAgent = {
      fingerprintId: 'finger',
      ip: '2001:DB8:0::1',
      description: 'A browser',
      header: { 'user-agent': { values: ['one', 'two'] }, constructor: { values: ['x'] } },
    };
    const { session } = (await get(await create({ userAgent }))).body;
    expect(session.userAgent).toEqual({ ...userAgent, ip: '2001:db8::1' });
    for (const ip of ['nonsense', '1:@evil.com/', '::1]/x?[', '010.1.1.1', '999.1.1.1']) {
      expect((await get(await create({ userAgent: { ip } }))).body.session).not.toHaveProperty('userAgent');
    }
  });

  it('refuses a user agent of more than 50 headers or 16 KiB', async () => {
    const headers = (count: number) => ({ header: Object.fromEntries(Array.from({ length: count }, (_, n) => [`h${n}`, { values: ['v'] }])) });
    expect((await api().post('/v2/sessions', { userAgent: headers(50) })).status).toBe(201);
    for (const userAgent of [headers(51), { description: 'x'.repeat(16_400) }, { header: { h: { values: ['ü'.repeat(8_200)] } } }]) {
      expect(await api().post('/v2/sessions', { userAgent })).toMatchObject({ status: 400, body: { code: 3 } });
    }
  });

  it('creates nothing when a check fails', async () => {
    const user = await newUser();
    const answer = await api().post('/v2beta/sessions', { checks: { user: { userId: user.userId }, password: { password: 'wrong' } } });
    expect(refusal(answer)).toEqual([400, 'COMMAND-3M0fs']);
    expect(answer.body).not.toHaveProperty('sessionId');
  });

  it('needs session.write on the instance', async () => {
    const organizationId = await newOrganization();
    const callers = [
      await newMachine(),
      await newMachine({ instance: ['IAM_USER_MANAGER'] }),
      await newMachine({ organization: ['ORG_OWNER'], organizationId }),
      await newMachine({ organization: ['SESSION_CLIENT'], organizationId }),
    ];
    for (const { token } of callers) expect(refusal(await api(token).post('/v2/sessions', {}))).toEqual([403, 'AUTH-AWfge']);
    const login = await newMachine({ instance: ['SESSION_CLIENT'] });
    expect((await api(login.token).post('/v2/sessions', {})).status).toBe(201);
  });
});

describe('a caller whose session.write is on one organisation', () => {
  it('changes sessions of users of that organisation only, and of no session without a user', async () => {
    const organizationId = await newOrganization();
    const client = api((await newMachine({ organization: ['SESSION_CLIENT'], organizationId })).token);
    const own = await createFor((await newUser({ organization: { orgId: organizationId } })).userId);
    const foreign = await createFor((await newUser()).userId);
    const metadata = { metadata: { a: 'MQ==' } };
    expect((await set(own, metadata, client)).status).toBe(200);
    expect((await client.patch(`/v2/sessions/${own.id}`, metadata)).status).toBe(200);
    for (const login of [foreign, await create()]) {
      expect(refusal(await set(login, metadata, client))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await client.patch(`/v2/sessions/${login.id}`, metadata))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await client.get(`/v2/sessions/${login.id}`))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await client.delete(`/v2/sessions/${login.id}`))).toEqual([403, 'AUTH-AWfge']);
    }
    expect((await client.get(`/v2/sessions/${own.id}`)).status).toBe(200);
    // Users of other organisations look like ones who do not exist.
    const stranger = await newUser();
    for (const loginName of [stranger.loginName, 'nobody']) {
      expect(refusal(await set(own, { checks: { user: { loginName } } }, client))).toEqual([404, 'QUERY-Dfbg2']);
    }
    expect((await client.delete(`/v2/sessions/${own.id}`)).status).toBe(200);
    expect((await client.delete(`/v2/sessions/${own.id}`)).status).toBe(200);
  });
});

describe('GET /sessions/{sessionId}', () => {
  it('shows the session to whoever holds its current token, by query, in either spelling', async () => {
    const login = await create();
    const nobody = api((await newMachine()).token);
    for (const name of ['sessionToken', 'session_token']) {
      expect((await nobody.get(`/v2/sessions/${login.id}?${name}=${login.token}&orgId=`)).status).toBe(200);
    }
  });

  it('refuses a wrong token, even to a caller who may read the session without one', async () => {
    const [login, other] = [await create(), await create()];
    for (const token of ['wrong', other.token]) {
      expect(refusal(await api().get(`/v2/sessions/${login.id}?sessionToken=${token}`))).toEqual([403, 'QUERY-dsfr3']);
    }
    const old = login.token;
    await set(login, { metadata: { a: 'MQ==' } });
    expect(refusal(await api().get(`/v2beta/sessions/${login.id}?sessionToken=${old}`))).toEqual([403, 'QUERY-dsfr3']);
  });

  it('answers 403 to a caller without any role, and never 404', async () => {
    const nobody = api((await newMachine()).token);
    const [login, gone] = [await create(), await create()];
    await api().delete(`/v2/sessions/${gone.id}`);
    for (const { id } of [login, gone]) expect(refusal(await nobody.get(`/v2/sessions/${id}`))).toEqual([403, 'AUTH-AWfge']);
  });

  it('shows a session to its creator and to its own user', async () => {
    const machine = await newMachine({ instance: ['SESSION_CLIENT'] });
    const created = await create({}, api(machine.token));
    expect((await get(created, api(machine.token))).status).toBe(200);
    const user = await newMachine();
    expect((await get(await createFor(user.userId), api(user.token))).status).toBe(200);
  });

  it('looks at the token of a HEAD request as at that of a GET', async () => {
    const login = await create();
    const head = (token: string) =>
      fetch(new URL(`/v2/sessions/${login.id}?sessionToken=${token}`, inject('baseUrl')), {
        method: 'HEAD',
        headers: { authorization: `Bearer ${inject('adminToken')}` },
      });
    expect((await head('wrong')).status).toBe(403);
    expect((await head(login.token)).status).toBe(200);
  });

  it('tells a v2 caller that an empty token is none, and a v2beta caller nothing of it', async () => {
    const login = await create();
    expect((await api().get(`/v2/sessions/${login.id}?sessionToken=`)).status).toBe(400);
    expect((await api().get(`/v2beta/sessions/${login.id}?sessionToken=`)).status).toBe(200);
  });

  it('shows no token and no secret', async () => {
    const user = await newUser();
    const login = await createFor(user.userId);
    await set(login, password(PASSWORD));
    const text = JSON.stringify((await get(login)).body);
    expect(text).not.toContain(login.token.slice(-20));
    expect(text).not.toMatch(/token|hash|epoch|cell|creator/i);
  });
});

describe('DELETE /sessions/{sessionId}', () => {
  it('ends the session for whoever holds its current token', async () => {
    const login = await create();
    const nobody = api((await newMachine()).token);
    const wrong = await nobody.delete(`/v2/sessions/${login.id}`, { sessionToken: 'wrong' });
    expect(refusal(wrong)).toEqual([403, 'COMMAND-sGr42']);
    expect((await nobody.delete(`/v2/sessions/${login.id}`, { sessionToken: login.token })).status).toBe(200);
    expect(refusal(await get(login))).toEqual([404, 'QUERY-SFeaa']);
  });

  it('can be repeated, with the token that the session died with or by permission, and answers the same', async () => {
    const login = await create();
    const first = await api().delete(`/v2beta/sessions/${login.id}`, { sessionToken: login.token });
    expect(first.status).toBe(200);
    expect((await api().delete(`/v2beta/sessions/${login.id}`, { sessionToken: login.token })).body).toEqual(first.body);
    expect((await api().delete(`/v2/sessions/${login.id}`)).body).toEqual(first.body);
    expect(refusal(await api().delete(`/v2/sessions/${login.id}`, { sessionToken: 'wrong' }))).toEqual([403, 'COMMAND-sGr42']);
  });

  it('refuses a wrong token even to a caller who could end the session without one', async () => {
    const login = await create();
    expect(refusal(await api().delete(`/v2/sessions/${login.id}`, { sessionToken: 'wrong' }))).toEqual([403, 'COMMAND-sGr42']);
    expect((await get(login)).status).toBe(200);
  });

  it('lets a user end their own session without token or role, but nobody else', async () => {
    const [user, other] = [await newMachine(), await newMachine()];
    const login = await createFor(user.userId);
    expect(refusal(await api(other.token).delete(`/v2/sessions/${login.id}`))).toEqual([403, 'AUTH-AWfge']);
    expect((await api(user.token).delete(`/v2/sessions/${login.id}`)).status).toBe(200);
  });

  it('takes the token from the body, never from the query', async () => {
    const login = await create();
    const nobody = api((await newMachine()).token);
    const answer = await nobody.delete(`/v2/sessions/${login.id}?sessionToken=${login.token}`);
    expect(refusal(answer)).toEqual([403, 'AUTH-AWfge']);
  });

  it('ends an expired session as well', async () => {
    const login = await create({ lifetime: '0.001s' });
    expect((await get(login)).body.session.state).toBe('SESSION_STATE_EXPIRED');
    expect((await api().delete(`/v2/sessions/${login.id}`, { sessionToken: login.token })).status).toBe(200);
    expect(refusal(await get(login))).toEqual([404, 'QUERY-SFeaa']);
  });

  it('answers 404 for an id that was never issued', async () => {
    expect(refusal(await api().delete(`/v2/sessions/${unique('never')}`))).toEqual([404, 'QUERY-SFeaa']);
  });
});
