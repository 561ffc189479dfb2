import { describe, expect, it } from 'vitest';
import { anOrganization, api, newMachine, newOrganization, newUser, PASSWORD, unique } from '../support/api.ts';
import { authenticator } from '../support/authenticator.ts';
import { create, createFor, get, type Login, password, refusal, set, setWithoutToken } from '../support/login.ts';

const VERSIONS = ['v2', 'v2beta'] as const;

const register = (userId: string, bearer?: string, version = 'v2') => api(bearer).post(`/${version}/users/${userId}/totp`, {});
const verify = (userId: string, code: unknown, bearer?: string, version = 'v2') =>
  api(bearer).post(`/${version}/users/${userId}/totp/verify`, { code });
const remove = (userId: string, bearer?: string, version = 'v2') => api(bearer).delete(`/${version}/users/${userId}/totp`);

const totp = (code: string) => ({ checks: { totp: { code } } });
const present = async (userId: string, code: string) => set(await createFor(userId), totp(code));
const detailsOf = async (userId: string) => (await api().get(`/v2/users/${userId}`)).body.details;

/** A person whose app was told a secret; nothing is verified yet. */
async function registered(overrides: Record<string, unknown> = {}) {
  const user = await newUser(overrides);
  return { ...user, app: authenticator((await register(user.userId)).body.uri) };
}

/** A person with a TOTP. */
async function withTotp(overrides: Record<string, unknown> = {}) {
  const user = await registered(overrides);
  const answer = await verify(user.userId, user.app.code());
  if (answer.status !== 200) throw new Error(`a TOTP could not be verified: ${JSON.stringify(answer.body)}`);
  return user;
}

/** The token of a person who is signed in with their password. */
async function signedIn(userId: string): Promise<string> {
  const login = await createFor(userId);
  await set(login, password(PASSWORD));
  return login.token;
}

/** Somebody of an organisation of their own, who owns it. */
async function anOwner() {
  const organizationId = await newOrganization();
  const owner = await newUser({ organization: { orgId: organizationId } });
  await api().post('/management/v1/orgs/me/members', { userId: owner.userId, roles: ['ORG_OWNER'] }, { 'x-zitadel-orgid': organizationId });
  return { ...owner, organizationId };
}

const notThere = async () => {
  const gone = await newUser();
  await api().delete(`/v2/users/${gone.userId}`);
  return ['nobody', gone.userId, (await newMachine()).userId];
};

describe('POST /users/{userId}/totp', () => {
  it('tells a secret of 20 random bytes, and the URI that an app reads it from', async () => {
    const secrets = new Set<string>();
    for (const version of VERSIONS) {
      const { userId, loginName } = await newUser();
      const { status, body } = await register(userId, undefined, version);
      expect(status).toBe(200);
      expect(body).toEqual({ details: expect.objectContaining({ sequence: '2' }), uri: expect.any(String), secret: expect.any(String) });
      expect(body.secret).toMatch(/^[A-Z2-7]{32}$/);
      expect(body.uri).toMatch(/^otpauth:\/\/totp\/[^/?]+:[^/?]+\?/);
      const app = authenticator(body.uri).totp;
      expect([app.issuer, app.label, app.algorithm, app.digits, app.period]).toEqual(['Sallyport', loginName, 'SHA1', 6, 30]);
      expect(app.secret.base32).toBe(body.secret);
      const { creationDate: _, ...details } = await detailsOf(userId);
      expect(details).toEqual(body.details);
      secrets.add(body.secret);
    }
    expect(secrets.size).toBe(2);
  });

  it('puts a new secret in the place of one that is not verified, whose code verifies nothing any more', async () => {
    const { userId, app } = await registered();
    const again = await register(userId);
    expect([again.status, again.body.details.sequence]).toEqual([200, '3']);
    expect(refusal(await verify(userId, app.code()))).toEqual([400, 'EVENT-8isk2']);
    expect((await verify(userId, authenticator(again.body.uri).code())).status).toBe(200);
  });

  it('refuses one more once it is verified, and leaves that one in use', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await withTotp();
      const before = await detailsOf(userId);
      const answer = await register(userId, undefined, version);
      expect([...refusal(answer), answer.body.code]).toEqual([409, 'COMMAND-do9se', 6]);
      expect(await detailsOf(userId)).toEqual(before);
      expect((await present(userId, app.code())).status).toBe(200);
    }
  });

  it('finds neither who is unknown or deleted, nor a machine', async () => {
    for (const userId of await notThere()) {
      const answer = await register(userId);
      expect([...refusal(answer), answer.body.code]).toEqual([400, 'COMMAND-SqyJz', 9]);
    }
    expect((await register('x'.repeat(201))).status).toBe(400);
  });

  it('works for users who are locked or deactivated', async () => {
    for (const stop of ['lock', 'deactivate']) {
      const { userId } = await newUser();
      await api().post(`/v2/users/${userId}/${stop}`);
      expect((await register(userId)).status, stop).toBe(200);
    }
  });
});

describe('POST /users/{userId}/totp/verify', () => {
  it('makes the TOTP a factor, and answers the details of the change', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await registered();
      const { status, body } = await verify(userId, app.code(), undefined, version);
      expect(status).toBe(200);
      expect(body).toEqual({ details: expect.objectContaining({ sequence: '3' }) });
      const { creationDate: _, ...details } = await detailsOf(userId);
      expect(details).toEqual(body.details);
    }
  });

  it('spends nothing: the same code works once more, and only once', async () => {
    const { userId, app } = await registered();
    const code = app.code();
    expect((await verify(userId, code)).status).toBe(200);
    expect((await present(userId, code)).status).toBe(200);
    expect(refusal(await present(userId, code))).toEqual([400, 'TOTP-Auw0a']);
  });

  it('refuses a wrong code, as often as it comes, and then takes the right one', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await registered();
      for (const code of [app.wrongCode(), '1', '12345678901234567890', 'ABCDEF', ' ', app.wrongCode(), app.wrongCode(), app.wrongCode()]) {
        const answer = await verify(userId, code, undefined, version);
        expect([...refusal(answer), answer.body.code], code).toEqual([400, 'EVENT-8isk2', 3]);
      }
      expect((await verify(userId, app.code(), undefined, version)).status).toBe(200);
    }
  });

  it('refuses what breaks a rule of the message, without repeating it', async () => {
    const { userId } = await registered();
    for (const code of [undefined, '', 'secret'.repeat(4), 7, ['secret'], '\ud800secret']) {
      const answer = await verify(userId, code);
      expect([...refusal(answer), answer.body.code], String(code)).toEqual([400, undefined, 3]);
      expect(JSON.stringify(answer.body)).not.toContain('secret');
    }
  });

  it('is 404 where nothing was registered, also for who is unknown or deleted and for machines', async () => {
    for (const version of VERSIONS) {
      for (const userId of [(await newUser()).userId, ...(await notThere())]) {
        const answer = await verify(userId, '123456', undefined, version);
        expect([...refusal(answer), answer.body.code]).toEqual([404, 'COMMAND-3Mif9s', 5]);
      }
    }
  });

  it('is refused when it is verified already, right code or wrong', async () => {
    const { userId, app } = await withTotp();
    for (const code of [app.code(), app.wrongCode()]) {
      const answer = await verify(userId, code);
      expect([...refusal(answer), answer.body.code]).toEqual([400, 'COMMAND-qx4ls', 9]);
    }
  });

  it('is done by one of many who send the code at once', async () => {
    const { userId, app } = await registered();
    const code = app.code();
    const answers = await Promise.all(Array.from({ length: 8 }, () => verify(userId, code)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusal(answer)).toEqual([400, 'COMMAND-qx4ls']);
    expect((await detailsOf(userId)).sequence).toBe('3');
  });
});

describe('DELETE /users/{userId}/totp', () => {
  it('removes it: no check takes its codes any more, and a new one can be set up', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await withTotp();
      expect((await present(userId, app.code())).status).toBe(200);
      const { status, body } = await remove(userId, undefined, version);
      expect([status, body]).toEqual([200, { details: expect.objectContaining({ sequence: '4' }) }]);
      expect(refusal(await present(userId, app.codeAt(Date.now() + 30_000)))).toEqual([400, 'COMMAND-3Mif9s']);
      expect((await register(userId)).status).toBe(200);
    }
  });

  it('removes one that was never verified', async () => {
    const { userId, app } = await registered();
    expect((await remove(userId)).status).toBe(200);
    expect(refusal(await verify(userId, app.code()))).toEqual([404, 'COMMAND-3Mif9s']);
  });

  it('is 404 where there is none, also for who is unknown or deleted and for machines', async () => {
    for (const version of VERSIONS) {
      for (const userId of [(await newUser()).userId, ...(await notThere())]) {
        const answer = await remove(userId, undefined, version);
        expect([...refusal(answer), answer.body.code]).toEqual([404, 'COMMAND-Hd9sd', 5]);
      }
    }
    const { userId } = await withTotp();
    await remove(userId);
    expect(refusal(await remove(userId))).toEqual([404, 'COMMAND-Hd9sd']);
  });
});

describe('a TOTP is set up and removed', () => {
  it('by its user, who needs no permission', async () => {
    const { userId } = await newUser();
    const token = await signedIn(userId);
    const { status, body } = await register(userId, token);
    expect(status).toBe(200);
    expect((await verify(userId, authenticator(body.uri).code(), token)).status).toBe(200);
    expect((await remove(userId, token)).status).toBe(200);
  });

  it('by nobody else without a permission, whether the user is there or not', async () => {
    const { userId, app } = await registered();
    const [neighbour, stranger] = [await signedIn((await newUser()).userId), (await newMachine()).token];
    const [viewer, client] = [await newMachine({ instance: ['IAM_OWNER_VIEWER'] }), await newMachine({ instance: ['SESSION_CLIENT'] })];
    for (const bearer of [neighbour, stranger, viewer.token, client.token]) {
      for (const id of [userId, 'nobody']) {
        expect(refusal(await register(id, bearer))).toEqual([403, 'AUTH-AWfge']);
        expect(refusal(await verify(id, app.code(), bearer))).toEqual([403, 'AUTH-AWfge']);
        expect(refusal(await remove(id, bearer))).toEqual([403, 'AUTH-AWfge']);
      }
    }
    for (const answer of [await register(userId, ''), await verify(userId, app.code(), ''), await remove(userId, '')])
      expect(answer.status).toBe(401);
    expect((await verify(userId, app.code())).status).toBe(200);
  });

  it('with user.credential.write, and removed with user.write, where the user is', async () => {
    const own = await newOrganization();
    const mine = await newUser({ organization: { orgId: own } });
    const foreign = await registered();
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId: own });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: own });
    expect(refusal(await register(mine.userId, manager.token))).toEqual([403, 'AUTH-AWfge']);
    const { status, body } = await register(mine.userId, owner.token);
    expect(status).toBe(200);
    const app = authenticator(body.uri);
    expect(refusal(await verify(mine.userId, app.code(), manager.token))).toEqual([403, 'AUTH-AWfge']);
    expect((await verify(mine.userId, app.code(), owner.token)).status).toBe(200);
    expect((await remove(mine.userId, manager.token)).status).toBe(200);

    expect(refusal(await register(foreign.userId, owner.token))).toEqual([400, 'COMMAND-SqyJz']);
    expect(refusal(await verify(foreign.userId, foreign.app.code(), owner.token))).toEqual([404, 'COMMAND-3Mif9s']);
    expect(refusal(await remove(foreign.userId, manager.token))).toEqual([404, 'COMMAND-Hd9sd']);
  });

  it('by nobody who would gain a permission by signing in as that user', async () => {
    const owner = await anOwner();
    const client = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId: owner.organizationId });
    expect(refusal(await register(owner.userId, client.token))).toEqual([403, 'AUTH-AWfge']);
    const app = authenticator((await register(owner.userId)).body.uri);
    expect(refusal(await verify(owner.userId, app.code(), client.token))).toEqual([403, 'AUTH-AWfge']);
    expect((await verify(owner.userId, app.code())).status).toBe(200);
    for (const { token } of [client, manager]) expect(refusal(await remove(owner.userId, token))).toEqual([403, 'AUTH-AWfge']);
    expect((await present(owner.userId, app.code())).status).toBe(200);
  });

  it('by the login client, for people who hold no roles', async () => {
    const { userId } = await newUser();
    const { token } = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const app = authenticator((await register(userId, token)).body.uri);
    expect((await verify(userId, app.code(), token)).status).toBe(200);
    expect((await remove(userId, token)).status).toBe(200);
  });
});

describe('the check of a TOTP', () => {
  it('passes with a right code, in both versions, and is a factor of the session', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await withTotp();
      const login = await createFor(userId);
      expect((await set(login, totp(app.code()), undefined, version)).status).toBe(200);
      const { session } = (await get(login)).body;
      expect(session.factors.totp).toEqual({ verifiedAt: session.changeDate });
    }
  });

  it('passes in the request that creates the session, with the password', async () => {
    const { userId, app } = await withTotp();
    const login = await create({ checks: { user: { userId }, password: { password: PASSWORD }, totp: { code: app.code() } } });
    expect(Object.keys((await get(login)).body.session.factors).sort()).toEqual(['password', 'totp', 'user']);
  });

  it('refuses a wrong code, and goes on with a right one', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await withTotp();
      const login = await createFor(userId);
      for (const code of [app.wrongCode(), 'ABCDEF', '\u0663\u0663\u0663\u0663\u0663\u0663']) {
        const answer = await set(login, totp(code), undefined, version);
        expect([...refusal(answer), answer.body.code], code).toEqual([400, 'EVENT-8isk2', 3]);
      }
      expect((await get(login)).body.session.factors).not.toHaveProperty('totp');
      expect((await set(login, totp(app.code()), undefined, version)).status).toBe(200);
    }
  });

  it('is refused where no TOTP is set up, and also where one is only registered', async () => {
    for (const version of VERSIONS) {
      const [none, pending] = [await newUser(), await registered()];
      for (const [userId, code] of [[none.userId, '123456'] as const, [pending.userId, pending.app.code()] as const]) {
        const login = await createFor(userId);
        // It is no attempt: however often it is made, nothing is counted.
        for (let n = 0; n < 11; n += 1) {
          const answer = await set(login, totp(code), undefined, version);
          expect([...refusal(answer), answer.body.code]).toEqual([400, 'COMMAND-3Mif9s', 9]);
        }
      }
    }
  });

  it('needs a user', async () => {
    for (const version of VERSIONS) {
      const answer = await set(await create(), totp('123456'), undefined, version);
      expect([...refusal(answer), answer.body.code]).toEqual([400, 'COMMAND-8N9ds', 3]);
    }
  });

  it('refuses a code that is not of six characters as a broken message', async () => {
    const { userId } = await withTotp();
    for (const version of VERSIONS) {
      const login = await createFor(userId);
      for (const check of [{ code: '12345' }, { code: '1234567' }, { code: '' }, {}, { code: 123456 }]) {
        const answer = await set(login, { checks: { totp: check } }, undefined, version);
        expect([...refusal(answer), answer.body.code], JSON.stringify(check)).toEqual([400, undefined, 3]);
      }
    }
  });

  it('makes each failure known by its id alone, never by the code or the secret', async () => {
    const { userId, app } = await withTotp();
    const code = app.wrongCode();
    const { body } = await present(userId, code);
    expect(JSON.stringify(body)).not.toContain(code);
  });
});

describe('a code that was used', () => {
  it('is refused in the same session and in another, in both versions', async () => {
    for (const version of VERSIONS) {
      const { userId, app } = await withTotp();
      const [login, other] = [await createFor(userId), await createFor(userId)];
      const code = app.code();
      expect((await set(login, totp(code), undefined, version)).status).toBe(200);
      for (const again of [login, other]) {
        const answer = await set(again, totp(code), undefined, version);
        expect([...refusal(answer), answer.body.code]).toEqual([400, 'TOTP-Auw0a', 3]);
      }
      expect(refusal(await setWithoutToken(login, totp(code)))).toEqual([400, 'TOTP-Auw0a']);
      expect((await get(other)).body.session.factors).not.toHaveProperty('totp');
    }
  });

  it('passes once where 16 sessions present it at once', async () => {
    const { userId, app } = await withTotp();
    const logins = await Promise.all(Array.from({ length: 16 }, () => createFor(userId)));
    const code = app.code();
    const answers = await Promise.all(logins.map((login) => set(login, totp(code))));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusal(answer)).toEqual([400, 'TOTP-Auw0a']);
  });

  it('passes once where one session presents it 16 times at once; of the others, those with the token come too late for that, too', async () => {
    for (const [send, refusals] of [
      [(login: Login, code: string) => set({ ...login }, totp(code)), ['COMMAND-sGr42']],
      [(login: Login, code: string) => setWithoutToken(login, totp(code)), ['TOTP-Auw0a']],
    ] as const) {
      const { userId, app } = await withTotp();
      const login = await createFor(userId);
      const code = app.code();
      const answers = await Promise.all(Array.from({ length: 16 }, () => send(login, code)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) expect(refusals).toContain(refusal(answer)[1]);
    }
  });

  it('is no failed attempt: however often it is presented, the next code passes at once', async () => {
    const { userId, app } = await withTotp();
    const login = await createFor(userId);
    const now = Date.now();
    expect((await set(login, totp(app.codeAt(now)))).status).toBe(200);
    for (let n = 0; n < 11; n += 1) expect(refusal(await set(login, totp(app.codeAt(now))))).toEqual([400, 'TOTP-Auw0a']);
    expect((await set(login, totp(app.codeAt(now + 30_000)))).status).toBe(200);
  });

  it('is not used where a later check of the same request fails', async () => {
    const { userId, app } = await withTotp();
    const login = await createFor(userId);
    const code = app.code();
    const both = { checks: { totp: { code }, recoveryCode: { code: 'abcde-fghjk' } } };
    expect(refusal(await set(login, both, undefined, 'v2'))).toEqual([400, 'COMMAND-84rgg']);
    expect((await get(login)).body.session.factors).not.toHaveProperty('totp');
    expect((await set(login, totp(code))).status).toBe(200);
  });

  it('is not used where an earlier check of the same request fails', async () => {
    const { userId, app } = await withTotp();
    const login = await createFor(userId);
    const code = app.code();
    const both = { checks: { totp: { code }, password: { password: 'wrong' } } };
    expect(refusal(await set(login, both))).toEqual([400, 'COMMAND-3M0fs']);
    expect((await set(login, totp(code))).status).toBe(200);
  });

  it('of one user says nothing of another with the same secret', async () => {
    const totpSecret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    const [one, other] = [await newUser({ totpSecret }), await newUser({ totpSecret })];
    const code = authenticator(totpSecret).code();
    expect((await present(one.userId, code)).status).toBe(200);
    expect((await present(other.userId, code)).status).toBe(200);
  });
});

describe('a user who brings a TOTP along', () => {
  const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

  /** Each way to create a person, and how its answer names them. */
  const WAYS = [
    ...VERSIONS.map((version) => ({
      way: `POST /${version}/users/human`,
      add: async (overrides: object) => {
        const loginName = `${unique('mini')}@mouse.com`;
        return api().post(`/${version}/users/human`, {
          organization: { orgId: await anOrganization() },
          username: loginName,
          profile: { givenName: 'Minnie', familyName: 'Mouse' },
          email: { email: loginName, isVerified: true },
          ...overrides,
        });
      },
    })),
    {
      way: 'POST /v2/users/new',
      add: async (overrides: object) => {
        const loginName = `${unique('mini')}@mouse.com`;
        const human = { profile: { givenName: 'Minnie', familyName: 'Mouse' }, email: { email: loginName, isVerified: true }, ...overrides };
        return api().post('/v2/users/new', { organizationId: await anOrganization(), username: loginName, human });
      },
    },
  ];

  for (const { way, add } of WAYS) {
    it(`signs in with it at once: ${way}`, async () => {
      const { status, body } = await add({ totpSecret: SECRET, metadata: [{ key: 'a', value: 'MQ==' }] });
      expect(status).toBe(201);
      const userId = body.userId ?? body.id;
      expect(JSON.stringify(body)).not.toContain(SECRET);
      expect((await present(userId, authenticator(SECRET).code())).status).toBe(200);
      expect(refusal(await register(userId))).toEqual([409, 'COMMAND-do9se']);
      expect((await remove(userId)).status).toBe(200);
    });

    it(`is refused with a secret that is no base32, too short or too long: ${way}`, async () => {
      const bytes = (count: number) => 'A'.repeat(Math.ceil((count * 8) / 5));
      for (const totpSecret of ['', 'A'.repeat(201), bytes(15), bytes(65), `${SECRET}1`, `${SECRET}!`, `${SECRET}=A`, 7, [SECRET], '\ud800']) {
        const answer = await add({ totpSecret });
        expect([...refusal(answer), answer.body.code], String(totpSecret)).toEqual([400, undefined, 3]);
        if (String(totpSecret).length > 9) expect(JSON.stringify(answer.body)).not.toContain(String(totpSecret));
      }
      for (const count of [16, 64]) expect((await add({ totpSecret: bytes(count) })).status, String(count)).toBe(201);
    });
  }

  it('may have it written as apps print it', async () => {
    const { userId } = await newUser({ totpSecret: 'gezd gnbv gy3t qojq gezd gnbv gy3t qojq' });
    expect((await present(userId, authenticator(SECRET).code())).status).toBe(200);
  });

  it('who meets one with the same id leaves that one alone', async () => {
    const { userId } = await newUser();
    const again = await api().post('/v2/users/human', {
      userId,
      organization: { orgId: await anOrganization() },
      username: unique('mini'),
      profile: { givenName: 'Minnie', familyName: 'Mouse' },
      email: { email: 'mini@mouse.com', isVerified: true },
      totpSecret: SECRET,
      metadata: [{ key: 'a', value: 'MQ==' }],
    });
    expect(again.status).toBe(409);
    expect(refusal(await present(userId, authenticator(SECRET).code()))).toEqual([400, 'COMMAND-3Mif9s']);
  });
});
