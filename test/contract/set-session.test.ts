import { describe, expect, it } from 'vitest';
import { api, newMachine, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, get, password, refusal, set, setWithoutToken } from '../support/login.ts';

const loginName = (value: string) => ({ checks: { user: { loginName: value } } });
const userId = (value: string) => ({ checks: { user: { userId: value } } });

describe('PATCH /sessions/{sessionId}', () => {
  it('carries a login from creation to a verified password, with a new token at each step', async () => {
    const user = await newUser();
    const login = await create();
    const tokens = [login.token];
    for (const step of [loginName(user.loginName), password(PASSWORD)]) {
      const answer = await set(login, step);
      expect(answer.status).toBe(200);
      tokens.push(answer.body.sessionToken);
    }
    expect(new Set(tokens).size).toBe(3);
    const { session } = (await get(login)).body;
    expect(session.factors.user).toMatchObject({ id: user.userId, loginName: user.loginName, displayName: 'Minnie Mouse' });
    expect(session.factors.password.verifiedAt).toBe(session.changeDate);
  });

  it('answers with the details that Get then shows', async () => {
    const login = await create();
    const { body } = await set(login, { metadata: { a: 'MQ==' } });
    const { session } = (await get(login)).body;
    expect(body.details).toEqual({ sequence: session.sequence, changeDate: session.changeDate, resourceOwner: 'sallyport' });
    expect(body).not.toHaveProperty('challenges');
  });

  describe('rows of the reference, section 11.1', () => {
    it('1: a PATCH that changes nothing answers details and the same token, which lives on', async () => {
      const login = await create({ metadata: { a: 'MQ==' } });
      const before = (await get(login)).body.session;
      for (const nothing of [{}, { metadata: {} }, { metadata: { a: 'MQ==' } }, { metadata: { b: '' } }, { checks: {} }]) {
        const answer = await api().patch(`/v2beta/sessions/${login.id}`, { sessionToken: login.token, ...nothing });
        expect(answer).toMatchObject({ status: 200, body: { sessionToken: login.token, details: { sequence: before.sequence } } });
      }
      expect((await get(login)).body.session).toEqual(before);
    });

    it('1: without a token it answers no token either', async () => {
      const login = await create();
      const { status, body } = await setWithoutToken(login, {});
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('sessionToken');
      expect((await api().patch(`/v2/sessions/${login.id}`)).status).toBe(200);
      expect((await set(login, {})).body.sessionToken).toBe(login.token);
    });

    it('2: a garbage token is refused, on v2 as well', async () => {
      const login = await create();
      for (const version of ['v2', 'v2beta'] as const) {
        const answer = await api().patch(`/${version}/sessions/${login.id}`, { sessionToken: 'garbage' });
        expect(refusal(answer)).toEqual([403, 'COMMAND-sGr42']);
      }
    });

    it('3-5: a user is found by id, by login name in any case, and with snake_case fields', async () => {
      const user = await newUser();
      for (const check of [
        userId(user.userId),
        loginName(user.loginName.toUpperCase()),
        { checks: { user: { login_name: user.loginName } } },
        { checks: { user: { user_id: user.userId } } },
      ]) {
        const login = await create();
        expect((await set(login, check)).status).toBe(200);
        expect((await get(login)).body.session.factors.user.id).toBe(user.userId);
      }
    });

    it('6: unknown fields are ignored', async () => {
      const login = await create();
      expect((await set(login, { unheardOf: { a: 1 }, checks: { unheardOf: true } })).status).toBe(200);
    });

    it('7: the same user again is fine, and moves verifiedAt', async () => {
      const user = await newUser();
      const login = await createFor(user.userId);
      const before = (await get(login)).body.session;
      await set(login, password(PASSWORD));
      expect((await set(login, userId(user.userId))).status).toBe(200);
      const after = (await get(login)).body.session;
      expect(after.factors.user.verifiedAt > before.factors.user.verifiedAt).toBe(true);
      expect(after.factors.password).toBeDefined();
    });

    it('10: a machine user can be checked; it has no display name', async () => {
      const machine = await newMachine();
      const login = await createFor(machine.userId);
      expect((await get(login)).body.session.factors.user).not.toHaveProperty('displayName');
    });

    it('11-12: user and password work in one PATCH, one after the other, and in Create', async () => {
      const user = await newUser();
      const together = await create();
      expect((await set(together, { checks: { user: { userId: user.userId }, password: { password: PASSWORD } } })).status).toBe(200);
      const apart = await createFor(user.userId);
      expect((await set(apart, password(PASSWORD))).status).toBe(200);
      const atOnce = await create({ checks: { password: { password: PASSWORD }, user: { loginName: user.loginName } } });
      for (const login of [together, apart, atOnce]) {
        expect(Object.keys((await get(login)).body.session.factors)).toEqual(['user', 'password']);
      }
    });

    it('32: a recovery code is an unknown field to v2beta, and a check on v2', async () => {
      const login = await create();
      const recoveryCode = { checks: { recoveryCode: { code: 'abc' } } };
      expect((await set(login, recoveryCode)).body.sessionToken).toBe(login.token);
      const answer = await set(login, recoveryCode, api(), 'v2');
      expect([refusal(answer), answer.body.code]).toEqual([[400, 'COMMAND-4m9s2'], 3]);
    });

    it('33-34: metadata is merged, and an empty value deletes its key', async () => {
      const login = await create({ metadata: { a: 'MQ==', b: 'Mg==' } });
      await set(login, { metadata: { b: 'Mw', c: '_-8' } });
      expect((await get(login)).body.session.metadata).toEqual({ a: 'MQ==', b: 'Mw==', c: '/+8=' });
      await set(login, { metadata: { a: '', c: '' } });
      expect((await get(login)).body.session.metadata).toEqual({ b: 'Mw==' });
      await set(login, { metadata: { b: '' } });
      expect((await get(login)).body.session).not.toHaveProperty('metadata');
    });

    it('keeps metadata under the names of prototypes', async () => {
      const login = await create();
      const body = `{"sessionToken":"${login.token}","metadata":{"__proto__":"MQ==","constructor":"Mg==","toString":"Mw=="}}`;
      login.token = (await api().patch(`/v2beta/sessions/${login.id}`, body)).body.sessionToken;
      const { metadata } = (await get(login)).body.session;
      expect(Object.entries(metadata)).toEqual([
        ['__proto__', 'MQ=='],
        ['constructor', 'Mg=='],
        ['toString', 'Mw=='],
      ]);
    });

    it('35-36: a lifetime starts now, and may shorten', async () => {
      const login = await create({ lifetime: '3600s' });
      const answer = await set(login, { lifetime: '300s' });
      const { session } = (await get(login)).body;
      expect(Date.parse(session.expirationDate) - Date.parse(answer.body.details.changeDate)).toBe(300_000);
    });

    it('clamps a lifetime longer than the longest', async () => {
      const login = await create({ lifetime: '315576000000s' });
      const { session } = (await get(login)).body;
      expect(Date.parse(session.expirationDate) - Date.parse(session.creationDate)).toBe(365 * 86_400_000);
    });

    it('38: empty challenges are answered with empty challenges', async () => {
      const login = await create();
      expect((await set(login, { challenges: {} })).body).toMatchObject({ challenges: {}, sessionToken: login.token });
    });

    it('41: the id in the path wins over one in the body', async () => {
      const login = await create();
      expect((await set(login, { sessionId: 'other', metadata: { a: 'MQ==' } })).status).toBe(200);
      expect((await set(login, { session_id: 'other', metadata: { b: 'MQ==' } })).status).toBe(200);
    });
  });

  describe('rows of the reference, section 11.2', () => {
    it('44-45: a missing, malformed or unknown bearer is 401', async () => {
      const { id } = await create();
      const path = `/v2beta/sessions/${id}`;
      const missing = await api('').patch(path, 'not even JSON');
      expect(missing).toMatchObject({ status: 401, body: { code: 16, message: 'auth header missing' } });
      expect(missing.body).not.toHaveProperty('details');
      expect(refusal(await api('').patch(path, {}, { authorization: 'Basic abc' }))).toEqual([401, 'AUTH-toLo1']);
      const unknown = await api('garbage').patch(path, {});
      expect(refusal(unknown)).toEqual([401, 'AUTH-7fs1e']);
      expect(unknown.headers.get('www-authenticate')).toContain('Bearer');
      expect(refusal(await api(`pat_${'a'.repeat(43)}`).patch(path, {}))).toEqual([401, 'AUTH-7fs1e']);
    });

    it('50-53: a caller without a role, without a token: 403', async () => {
      const machine = await newMachine();
      const login = await create();
      expect(refusal(await setWithoutToken(login, { metadata: { a: 'MQ==' } }, api(machine.token)))).toEqual([403, 'AUTH-AWfge']);
      expect(refusal(await setWithoutToken(login, {}, api(machine.token)))).toEqual([403, 'AUTH-AWfge']);
    });

    const login = create();
    const rules: [row: string, body: unknown, field: string][] = [
      ['54: malformed JSON', '{"checks":', 'JSON'],
      ['54: text that is not UTF-8', '\ud800', 'JSON'],
      ['54: a list', '[]', 'object'],
      ['54: null', 'null', 'object'],
      ['55: a wrong type', { checks: { password: { password: 1 } } }, 'checks.password.password'],
      ['55: checks that are no object', { checks: 'user' }, 'checks'],
      ['56: both userId and loginName', { checks: { user: { userId: 'a', loginName: 'b' } } }, 'checks.user.loginName'],
      ['56: both, in either case', { checks: { user: { user_id: 'a', loginName: 'b' } } }, 'checks.user.loginName'],
      ['57: metadata that is not base64', { metadata: { a: '!' } }, 'metadata'],
      ['58: a lifetime that is a number', { lifetime: 300 }, 'lifetime'],
      ['59: a lifetime of 0 s', { lifetime: '0s' }, 'lifetime'],
      ['59: a negative lifetime', { lifetime: '-300s' }, 'lifetime'],
      ['59: a lifetime without a unit', { lifetime: '300' }, 'lifetime'],
      ['61: a token of more than 200 characters', { sessionToken: 'x'.repeat(201) }, 'sessionToken'],
      ['61: an empty token', { sessionToken: '' }, 'sessionToken'],
      ['61: no token', { sessionToken: null }, 'sessionToken'],
      ['62: an empty password', { checks: { password: { password: '' } } }, 'checks.password.password'],
      ['62: a password of more than 200 characters', { checks: { password: { password: 'x'.repeat(201) } } }, 'checks.password.password'],
      ['62: a password without a password', { checks: { password: {} } }, 'checks.password.password'],
      ['69: an empty user', { checks: { user: {} } }, 'checks.user'],
      ['an empty login name', { checks: { user: { loginName: '' } } }, 'checks.user.loginName'],
      ['a field given in both spellings', { checks: { user: { userId: 'a', user_id: 'a' } } }, 'checks.user.userId'],
      ['a metadata key that is empty', { metadata: { '': 'MQ==' } }, 'metadata'],
      ['a metadata key of more than 200 characters', { metadata: { ['k'.repeat(201)]: 'MQ==' } }, 'metadata'],
      ['a metadata value that is null', { metadata: { a: null } }, 'metadata'],
      ['a lone surrogate', { checks: { user: { loginName: '\ud800' } } }, 'checks.user.loginName'],
    ];
    for (const [row, body, field] of rules) {
      it(`${row}: 400, naming the field, without details and without the value`, async () => {
        const { id, token } = await login;
        const message = typeof body === 'string' ? body : { sessionToken: token, ...(body as object) };
        const answer = await api().patch(`/v2beta/sessions/${id}`, message);
        expect(answer).toMatchObject({ status: 400, body: { code: 3 } });
        expect(answer.body.message).toContain(field);
        expect(answer.body).not.toHaveProperty('details');
        expect(answer.body.message).not.toMatch(/x{10}|k{10}/);
      });
    }

    it('60: a session id of more than 200 characters is 400', async () => {
      expect((await api().patch(`/v2beta/sessions/${'a'.repeat(201)}`, { sessionToken: 'a' })).status).toBe(400);
    });

    it('71-72: another verb is 405, an unknown path 404, both as JSON', async () => {
      const { id } = await login;
      for (const verb of ['put', 'post'] as const) {
        const answer = await api()[verb](`/v2beta/sessions/${id}`, {});
        expect(answer).toMatchObject({ status: 405, body: { code: 12 } });
        expect(answer.headers.get('allow')).toBe('PATCH, GET, DELETE');
      }
      expect(await api().patch('/v2beta/sessions/a/b', {})).toMatchObject({ status: 404, body: { code: 5 } });
    });
  });

  describe('rows of the reference, section 11.3', () => {
    it('73: an unknown user is 404', async () => {
      for (const check of [userId(unique('nobody')), loginName(unique('nobody'))]) {
        expect(refusal(await set(await create(), check))).toEqual([404, 'QUERY-Dfbg2']);
      }
      const both = { checks: { user: { loginName: unique('nobody') }, password: { password: 'x' } } };
      expect(refusal(await set(await create(), both))).toEqual([404, 'QUERY-Dfbg2']);
      expect(refusal(await api().post('/v2beta/sessions', both))).toEqual([404, 'QUERY-Dfbg2']);
    });

    it('74: a user who is locked or deactivated is refused', async () => {
      for (const transition of ['lock', 'deactivate']) {
        const user = await newUser();
        await api().post(`/v2/users/${user.userId}/${transition}`, {});
        expect(refusal(await set(await create(), userId(user.userId)))).toEqual([400, 'SESSION-Gj4ko']);
        expect(refusal(await api().post('/v2/sessions', userId(user.userId)))).toEqual([400, 'SESSION-Gj4ko']);
      }
    });

    it('76: a session does not change its user', async () => {
      const [user, other] = [await newUser(), await newUser()];
      const login = await createFor(user.userId);
      const answer = await set(login, userId(other.userId));
      expect(answer).toMatchObject({ status: 400, body: { code: 3, message: 'user change not possible ()' } });
      expect(answer.body.details[0]).not.toHaveProperty('id');
      const withPassword = { checks: { user: { userId: other.userId }, password: { password: 'wrong' } } };
      expect((await set(login, withPassword)).body.message).toBe('user change not possible ()');
    });

    it('77: a caller who may not is not told whether a user exists', async () => {
      const [user, machine] = [await newUser(), await newMachine()];
      const login = await create();
      for (const check of [userId(user.userId), userId(unique('nobody'))]) {
        expect(refusal(await set(login, check, api(machine.token)))).toEqual([403, 'AUTH-AWfge']);
      }
    });

    it('78: an ended session is 404, whatever the token', async () => {
      const login = await create();
      await api().delete(`/v2beta/sessions/${login.id}`);
      expect(refusal(await set(login, { metadata: { a: 'MQ==' } }))).toEqual([404, 'QUERY-SFeaa']);
      expect(refusal(await setWithoutToken(login, {}))).toEqual([404, 'QUERY-SFeaa']);
    });

    it('79: an expired session is 400, whatever the body, and cannot be revived', async () => {
      const login = await create({ lifetime: '0.001s' });
      for (const body of [{}, { lifetime: '300s' }, { metadata: { a: 'MQ==' } }]) {
        expect(refusal(await set(login, body))).toEqual([400, 'COMMAND-Hkl3d']);
      }
      expect((await get(login)).body.session).toMatchObject({ state: 'SESSION_STATE_EXPIRED' });
    });

    it('80: a password on a session without a user is refused', async () => {
      expect(refusal(await set(await create(), password('x')))).toEqual([400, 'COMMAND-Sfw3f']);
      expect(refusal(await api().post('/v2/sessions', password('x')))).toEqual([400, 'COMMAND-Sfw3f']);
    });

    it('81: a wrong password counts, for the user and not the session', async () => {
      const user = await newUser();
      const logins = [await createFor(user.userId), await createFor(user.userId)];
      for (const [index, login] of logins.entries()) {
        const { status, body } = await set(login, password('wrong'));
        expect(status).toBe(400);
        expect(body).toEqual({
          code: 3,
          message: 'Password is invalid (COMMAND-3M0fs)',
          details: [
            {
              '@type': 'type.googleapis.com/zitadel.v1.CredentialsCheckError',
              id: 'COMMAND-3M0fs',
              message: 'Password is invalid',
              failedAttempts: index + 1,
            },
          ],
        });
      }
    });

    it('85-86: a user without a password, and a machine, have none to check', async () => {
      const bare = await newUser({ password: undefined });
      expect(refusal(await set(await createFor(bare.userId), password('x')))).toEqual([400, 'COMMAND-3nJ4t']);
      const machine = await newMachine();
      expect(refusal(await set(await createFor(machine.userId), password('x')))).toEqual([400, 'COMMAND-3n77z']);
    });

    it('87: a PATCH of which one part fails changes nothing at all', async () => {
      const user = await newUser();
      const login = await create({ metadata: { a: 'MQ==' } });
      const before = (await get(login)).body.session;
      const body = {
        checks: { user: { userId: user.userId }, password: { password: 'wrong' } },
        metadata: { a: '', b: 'Mg==' },
        lifetime: '60s',
      };
      expect(refusal(await set(login, body))).toEqual([400, 'COMMAND-3M0fs']);
      expect((await get(login)).body.session).toEqual(before);
      const tooMuch = { checks: { user: { userId: user.userId } }, metadata: { big: btoa('x'.repeat(16_385)) } };
      expect((await set(login, tooMuch)).status).toBe(400);
      expect((await get(login)).body.session).toEqual(before);
      expect((await set(login, { metadata: { c: 'MQ==' } })).status).toBe(200);
    });

    it('113: a right password beside metadata of a wrong type does nothing', async () => {
      const user = await newUser();
      const login = await createFor(user.userId);
      expect((await set(login, { ...password(PASSWORD), metadata: { a: 1 } })).status).toBe(400);
      expect((await get(login)).body.session.factors).not.toHaveProperty('password');
    });
  });

  describe('metadata has limits, which hold for the outcome of the merge', () => {
    it('64 keys are fine, 65 are not', async () => {
      const keys = (from: number, to: number) => Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`k${from + n}`, 'MQ==']));
      const login = await create({ metadata: keys(0, 40) });
      expect((await set(login, { metadata: keys(40, 64) })).status).toBe(200);
      expect(await set(login, { metadata: { one: 'MQ==' } })).toMatchObject({ status: 400, body: { code: 3 } });
      expect((await set(login, { metadata: { k0: '', one: 'MQ==' } })).status).toBe(200);
    });

    it('16 KiB decoded are fine, one byte more is not', async () => {
      const login = await create({ metadata: { a: btoa('x'.repeat(16_000)) } });
      expect((await set(login, { metadata: { b: btoa('x'.repeat(384)) } })).status).toBe(200);
      expect((await set(login, { metadata: { c: 'MQ==' } })).status).toBe(400);
    });
  });

  describe('a current token', () => {
    it('alone carries a login forward for a caller without any role', async () => {
      const [user, machine] = [await newUser(), await newMachine()];
      const login = await createFor(user.userId);
      expect((await set(login, password(PASSWORD), api(machine.token))).status).toBe(200);
      expect((await get(login)).body.session.factors.password).toBeDefined();
    });

    it('does nothing else for that caller', async () => {
      const [user, machine] = [await newUser(), await newMachine()];
      const login = await createFor(user.userId);
      for (const body of [
        { metadata: { a: 'MQ==' } },
        { lifetime: '60s' },
        userId(user.userId),
        { ...password(PASSWORD), metadata: { a: 'MQ==' } },
        { ...password(PASSWORD), lifetime: '60s' },
      ]) {
        expect(refusal(await set(login, body, api(machine.token)))).toEqual([403, 'AUTH-AWfge']);
      }
      expect((await get(login)).body.session.factors).not.toHaveProperty('password');
      expect((await set(login, {}, api(machine.token))).body.sessionToken).toBe(login.token);
    });

    it('is no token of another session', async () => {
      const [login, other] = [await create(), await create()];
      expect(refusal(await set({ ...login, token: other.token }, {}))).toEqual([403, 'COMMAND-sGr42']);
    });

    it('is opaque, at most 200 characters long', async () => {
      expect((await create()).token.length).toBeLessThanOrEqual(200);
    });
  });

  describe('an id that we never issued', () => {
    it('is 404 for everybody who has a bearer, whatever comes with it', async () => {
      const { id, token } = await create();
      const machine = await newMachine();
      const forged = [id.replace(/.$/, (last) => (last === '0' ? '1' : '0')), `x${id}`, '123456789012345678', id.toUpperCase()];
      for (const bearer of [undefined, machine.token]) {
        for (const strange of forged) {
          expect(refusal(await api(bearer).patch(`/v2beta/sessions/${strange}`, { sessionToken: token }))).toEqual([404, 'QUERY-SFeaa']);
          expect(refusal(await api(bearer).get(`/v2/sessions/${strange}`))).toEqual([404, 'QUERY-SFeaa']);
        }
      }
    });

    it('is 401 first without a bearer, and 400 with a broken body', async () => {
      expect((await api('').patch('/v2beta/sessions/unknown', {})).status).toBe(401);
      expect((await api().patch('/v2beta/sessions/unknown', { lifetime: '0s' })).status).toBe(400);
    });
  });

  it('is the same session through v2 and v2beta', async () => {
    const login = await create({}, api(), 'v2');
    expect((await set(login, { metadata: { a: 'MQ==' } }, api(), 'v2beta')).status).toBe(200);
    expect((await set(login, { metadata: { b: 'MQ==' } }, api(), 'v2')).status).toBe(200);
    expect((await api().get(`/v2beta/sessions/${login.id}`)).body).toEqual((await get(login)).body);
  });
});
