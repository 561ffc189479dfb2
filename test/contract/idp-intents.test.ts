import { beforeAll, describe, expect, inject, it } from 'vitest';
import { anOrganization, api, newMachine, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, get, password, refusal, set, setWithoutToken, type Version } from '../support/login.ts';
import { cancelAt, logInAt } from '../support/provider-browser.ts';
import { comeBack, type Intent, intentCheck, intentOf, newProvider, retrieve, start, started, URLS } from '../support/provider-login.ts';

const provider = inject('openIdProvider');
const baseUrl = inject('baseUrl');
const VERSIONS: Version[] = ['v2', 'v2beta'];

/** A log-in at the provider, from its start until the login page has it. */
const logIn = async (idpId: string, name: string): Promise<Intent> => intentOf(await comeBack(await logInAt(await started(idpId), name)));

const link = (userId: string, idpId: string, name: string) =>
  api().post(`/v2/users/${userId}/links`, { idpLink: { idpId, userId: name, userName: name } });

const linked = async (idpId: string) => {
  const [{ userId }, name] = [await newUser(), unique('minnie')];
  await link(userId, idpId, name);
  return { userId, name };
};

describe.skipIf(provider === undefined)('a log-in at an OpenID provider', () => {
  const { issuer = '', clientId = '', postClientId = '', clientSecret = '' } = provider ?? {};
  let idpId: string;
  beforeAll(async () => {
    await anOrganization();
    idpId = await newProvider('generic_oidc', { issuer, clientId, clientSecret });
  });

  it('is started with a URL of the provider that binds the answer to this question', async () => {
    const { status, body } = await start(idpId);
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        details: { sequence: '1', changeDate: expect.any(String), resourceOwner: 'sallyport' },
        authUrl: expect.stringContaining(`${issuer}/auth?`),
      },
    });
    const asked = Object.fromEntries(new URL(body.authUrl).searchParams);
    expect(asked).toEqual({
      client_id: clientId,
      redirect_uri: `${new URL(baseUrl).origin}/idps/callback`,
      response_type: 'code',
      scope: 'openid profile email phone',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    const again = Object.fromEntries(new URL(await started(idpId)).searchParams);
    for (const name of ['state', 'nonce', 'code_challenge']) expect(again[name]).not.toBe(asked[name]);
  });

  it('comes back to the success URL with what that had, and tells as often as asked who it is, until it is used', async () => {
    const name = unique('minnie');
    const back = await comeBack(await logInAt(await started(idpId), name));
    expect(back).toMatchObject({ status: 302, url: 'https://login.example.com/ok', parameters: { x: '1' } });
    expect(Object.keys(back.parameters).sort()).toEqual(['id', 'token', 'x']);
    const intent = intentOf(back);
    const told = await retrieve(intent);
    const email = `${name}@mouse.example`;
    expect(told).toMatchObject({ status: 200 });
    expect(told.body).toEqual({
      details: { sequence: '1', changeDate: expect.any(String), resourceOwner: 'sallyport' },
      idpInformation: {
        idpId,
        userId: name,
        userName: name,
        oauth: { accessToken: expect.any(String), idToken: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) },
        rawInformation: {
          sub: name,
          name: 'Minnie Mouse',
          given_name: 'Minnie',
          family_name: 'Mouse',
          preferred_username: name,
          locale: 'en',
          email,
          email_verified: true,
        },
      },
      addHumanUser: {
        username: name,
        profile: { givenName: 'Minnie', familyName: 'Mouse', displayName: 'Minnie Mouse', preferredLanguage: 'en' },
        email: { email, isVerified: true },
        idpLinks: [{ idpId, userId: name, userName: name }],
      },
    });
    expect((await retrieve(intent)).body).toEqual(told.body);
    const { userId } = await newUser();
    await link(userId, idpId, name);
    expect((await set(await createFor(userId), intentCheck(intent))).status).toBe(200);
    expect(refusal(await retrieve(intent))).toEqual([400, 'IDP-nme4gszsvx']);
  });

  it('creates the user that it tells of, whose intent then passes once', async () => {
    const intent = await logIn(idpId, unique('minnie'));
    const { addHumanUser } = (await retrieve(intent)).body;
    const created = await api().post('/v2/users/human', addHumanUser);
    expect(created.status).toBe(201);
    const { userId } = created.body;
    const { user } = (await api().get(`/v2/users/${userId}`)).body;
    expect(user).toMatchObject({ username: addHumanUser.username, human: { email: { email: addHumanUser.email.email, isVerified: true } } });
    // The intent is the one from before there was a user.
    expect((await retrieve(intent)).body).toMatchObject({ userId });
    expect((await retrieve(intent)).body).not.toHaveProperty('addHumanUser');
    const login = await createFor(userId);
    const [before, { token }] = [await get(login), login];
    const passed = await set(login, intentCheck(intent));
    expect(passed).toMatchObject({ status: 200, body: { sessionToken: expect.any(String) } });
    expect(passed.body.sessionToken).not.toBe(token);
    const { session } = (await get(login)).body;
    expect(before.body.session.factors).not.toHaveProperty('intent');
    expect(session.factors.intent).toEqual({ verifiedAt: passed.body.details.changeDate });
    expect(refusal(await set(login, intentCheck(intent)))).toEqual([400, 'COMMAND-Df4bw']);
    expect(refusal(await set(await createFor(userId), intentCheck(intent)))).toEqual([400, 'COMMAND-Df4bw']);
    // It is found out in its turn: nothing that comes after it is looked at.
    const beside = { checks: { ...intentCheck(intent).checks, totp: { code: '000000' } } };
    expect(refusal(await set(login, beside))).toEqual([400, 'COMMAND-Df4bw']);
    expect((await get(login)).body.session).toEqual(session);
  });

  it.each(VERSIONS)('is checked inside CreateSession, beside the user that it is of, in %s', async (version) => {
    const { userId, name } = await linked(idpId);
    const intent = await logIn(idpId, name);
    const body = { checks: { user: { userId }, ...intentCheck(intent).checks } };
    const login = await create(body, api(), version);
    const { factors } = (await get(login)).body.session;
    expect(factors).toMatchObject({ user: { id: userId }, intent: { verifiedAt: expect.any(String) } });
    expect(refusal(await api().post(`/${version}/sessions`, body))).toEqual([400, 'COMMAND-Df4bw']);
  });

  it.each(VERSIONS)('is started, told and checked in %s', async (version) => {
    const { userId, name } = await linked(idpId);
    const { body } = await start(idpId, URLS, api(), version);
    const intent = intentOf(await comeBack(await logInAt(body.authUrl, name)));
    expect(await retrieve(intent, api(), version)).toMatchObject({ status: 200, body: { userId, idpInformation: { userId: name } } });
    expect((await set(await createFor(userId), intentCheck(intent), api(), version)).status).toBe(200);
    expect(refusal(await retrieve(intent, api(), version))).toEqual([400, 'IDP-nme4gszsvx']);
  });

  it('makes no user ready in v2beta', async () => {
    const told = await retrieve(await logIn(idpId, unique('minnie')), api(), 'v2beta');
    expect(told.status).toBe(200);
    expect(Object.keys(told.body).sort()).toEqual(['details', 'idpInformation']);
  });

  it('passes in a v2 PATCH without a token, once', async () => {
    const { userId, name } = await linked(idpId);
    const intent = await logIn(idpId, name);
    const login = await createFor(userId);
    expect((await setWithoutToken(login, intentCheck(intent))).status).toBe(200);
    expect(refusal(await setWithoutToken(login, intentCheck(intent)))).toEqual([400, 'COMMAND-Df4bw']);
  });

  it('knows the user who was linked beforehand', async () => {
    const { userId, name } = await linked(idpId);
    const intent = await logIn(idpId, name);
    expect(intent.user).toBe(userId);
    const { body } = await retrieve(intent);
    expect(body).toMatchObject({ userId, idpInformation: { userId: name } });
    expect(body).not.toHaveProperty('addHumanUser');
    expect((await set(await createFor(userId), intentCheck(intent))).status).toBe(200);
  });

  it('passes for a user who is linked after it, and for nobody before', async () => {
    const [{ userId }, name] = [await newUser(), unique('minnie')];
    const intent = await logIn(idpId, name);
    expect(intent.user).toBeUndefined();
    const login = await createFor(userId);
    expect(refusal(await set(login, intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
    await link(userId, idpId, unique('another'));
    expect(refusal(await set(login, intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
    await link(userId, idpId, name);
    expect((await set(login, intentCheck(intent))).status).toBe(200);
  });

  it('passes for nobody but the user whom the account is linked to, and stays good for that one', async () => {
    const { userId, name } = await linked(idpId);
    const other = await linked(idpId);
    const before = await logIn(idpId, name);
    expect(refusal(await set(await createFor(other.userId), intentCheck(before)))).toEqual([400, 'COMMAND-O8xk3w']);
    expect((await set(await createFor(userId), intentCheck(before))).status).toBe(200);
    const name2 = unique('minnie');
    const after = await logIn(idpId, name2);
    await link(userId, idpId, name2);
    expect(refusal(await set(await createFor(other.userId), intentCheck(after)))).toEqual([400, 'COMMAND-O8xk3w']);
    expect((await set(await createFor(userId), intentCheck(after))).status).toBe(200);
  });

  it('is of use to nobody once the account is linked to somebody else, nor to nobody', async () => {
    const { userId, name } = await linked(idpId);
    const { userId: later } = await newUser();
    const intent = await logIn(idpId, name);
    await api().delete(`/v2/users/${userId}/links/${idpId}/${name}`);
    expect((await link(later, idpId, name)).status).toBe(200);
    expect(refusal(await set(await createFor(later), intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
    expect(refusal(await set(await createFor(userId), intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
    expect((await retrieve(intent)).body.userId).toBe(later);
    await api().delete(`/v2/users/${later}/links/${idpId}/${name}`);
    expect(refusal(await set(await createFor(userId), intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
  });

  it('lets the user that it is for link its account, and users link no other account by its mere name', async () => {
    const { userId, password: secret } = await newUser();
    const { token } = await create({ checks: { user: { userId }, password: { password: secret } } });
    const name = unique('minnie');
    const own = () => api(token).post(`/v2/users/${userId}/links`, { idpLink: { idpId, userId: name, userName: name } });
    expect(refusal(await own())).toEqual([403, 'AUTH-AWfge']);
    await logIn(idpId, name);
    expect((await own()).status).toBe(200);
  });

  it('is not told by the same account of another provider', async () => {
    const { userId, name } = await linked(idpId);
    const other = await newProvider('generic_oidc', { issuer, clientId, clientSecret });
    const intent = await logIn(other, name);
    expect(intent.user).toBeUndefined();
    expect(refusal(await set(await createFor(userId), intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
  });

  it('needs a user in the session', async () => {
    const intent = await logIn(idpId, unique('minnie'));
    expect(refusal(await set(await create(), intentCheck(intent)))).toEqual([400, 'COMMAND-Sfw3r']);
  });

  it('is left as it was by a PATCH whose other check fails', async () => {
    const { userId, name } = await linked(idpId);
    const intent = await logIn(idpId, name);
    const login = await createFor(userId);
    const both = (code: string) => ({ checks: { ...intentCheck(intent).checks, totp: { code } } });
    expect((await set(login, both('000000'))).status).toBe(400);
    const wrong = { checks: { ...intentCheck(intent).checks, ...password('wrong').checks } };
    expect((await set(login, wrong)).status).toBe(400);
    expect((await retrieve(intent)).status).toBe(200);
    expect((await get(login)).body.session.factors).not.toHaveProperty('intent');
    const right = { checks: { ...intentCheck(intent).checks, ...password(PASSWORD).checks } };
    expect((await set(login, right)).status).toBe(200);
    expect((await get(login)).body.session.factors).toMatchObject({ intent: {}, password: {} });
  });

  it('lets one of many sessions have it that ask at the same time', async () => {
    const { userId, name } = await linked(idpId);
    const intent = await logIn(idpId, name);
    const logins = await Promise.all(Array.from({ length: 6 }, () => createFor(userId)));
    const answers = await Promise.all(logins.map((login) => set(login, intentCheck(intent))));
    expect(answers.map(refusal).sort()).toEqual([[200, undefined], ...Array.from({ length: 5 }, () => [400, 'COMMAND-Df4bw'])]);
  });

  it('counts no failure against the user', async () => {
    const { userId } = await newUser();
    const intent = await logIn(idpId, unique('minnie'));
    const login = await createFor(userId);
    for (let tries = 0; tries < 12; tries += 1) expect(refusal(await set(login, intentCheck(intent)))).toEqual([400, 'COMMAND-O8xk3w']);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
  });

  describe('that ends badly', () => {
    it('goes to the failure URL with the provider’s own words when the user turns back there', async () => {
      const callback = await cancelAt(await started(idpId));
      expect(callback.searchParams.get('error')).toBe('access_denied');
      const back = await comeBack(callback);
      const id = callback.searchParams.get('state');
      expect(back).toMatchObject({ status: 302, url: 'https://login.example.com/no' });
      expect(back.parameters).toEqual({ y: '2', id, error: 'access_denied', error_description: callback.searchParams.get('error_description') });
      expect((await comeBack(callback)).parameters).toMatchObject({ id, error: 'IDP-Sfrgs' });
    });

    it('passes on a refusal in printable ASCII, and of a bounded length', async () => {
      const state = new URL(await started(idpId)).searchParams.get('state') ?? '';
      const refused = new URLSearchParams({ state, error: `a\u0000b\r\nc\u00e9${'d'.repeat(200)}`, error_description: `e\tf${'g'.repeat(1000)}` });
      const { parameters } = await comeBack(`${baseUrl}/idps/callback?${refused}`);
      expect(parameters).toEqual({ y: '2', id: state, error: `abc${'d'.repeat(97)}`, error_description: `ef${'g'.repeat(498)}` });
    });

    it('takes what a refusal brings beside it for no log-in', async () => {
      const callback = await logInAt(await started(idpId), unique('minnie'));
      callback.searchParams.set('error', 'server_error');
      expect((await comeBack(callback)).parameters).toEqual({ y: '2', id: callback.searchParams.get('state'), error: 'server_error' });
    });

    it('answers a callback once: replayed it goes to the failure URL, and the log-in stays good', async () => {
      const { userId, name } = await linked(idpId);
      const callback = await logInAt(await started(idpId), name);
      const intent = intentOf(await comeBack(callback));
      const replayed = await comeBack(callback);
      expect(replayed).toMatchObject({ status: 302, url: 'https://login.example.com/no' });
      expect(replayed.parameters).toEqual({ y: '2', id: intent.idpIntentId, error: 'IDP-Sfrgs', error_description: expect.any(String) });
      expect((await set(await createFor(userId), intentCheck(intent))).status).toBe(200);
      expect((await comeBack(callback)).parameters).toMatchObject({ error: 'IDP-Sfrgs' });
    });

    it('answers one of many callbacks that come at the same time', async () => {
      const callback = await logInAt(await started(idpId), unique('minnie'));
      const backs = await Promise.all(Array.from({ length: 5 }, () => comeBack(callback)));
      const errors = backs.flatMap(({ parameters }) => parameters.error ?? []);
      expect(errors).toEqual(['IDP-Sfrgs', 'IDP-Sfrgs', 'IDP-Sfrgs', 'IDP-Sfrgs']);
      expect(backs.filter(({ parameters }) => parameters.token !== undefined)).toHaveLength(1);
    });

    it('takes no answer that was given to another question', async () => {
      const [mine, theirs] = [await started(idpId), await started(idpId)];
      const callback = await logInAt(theirs, unique('minnie'));
      callback.searchParams.set('state', new URL(mine).searchParams.get('state') ?? '');
      const { parameters } = await comeBack(callback);
      expect(parameters).toEqual({ y: '2', id: callback.searchParams.get('state'), error: 'IDP-Login', error_description: expect.any(String) });
      expect(JSON.stringify(parameters)).not.toContain(clientSecret);
    });

    it.each([
      ['a state that was never issued', '?code=x&state=abc', 'Intent has not been started (IDP-gy3ctgkqe7)'],
      ['a state that was never issued, and a refusal', '?error=x&state=abc', 'Intent has not been started (IDP-gy3ctgkqe7)'],
      ['an empty state', '?code=x&state=', 'State is missing (IDP-Hk38e)'],
      ['no state', '?code=x', 'State is missing (IDP-Hk38e)'],
      ['nothing', '', 'State is missing (IDP-Hk38e)'],
    ])('says so where it is: %s', async (_, query, text) => {
      const back = await comeBack(`${baseUrl}/idps/callback${query}`);
      expect(back).toMatchObject({ status: 400, url: '', text });
    });

    it('is not answered by whoever only looks where the callback leads', async () => {
      const callback = await logInAt(await started(idpId), unique('minnie'));
      expect((await comeBack(callback, { method: 'HEAD' })).status).not.toBe(302);
      expect(intentOf(await comeBack(callback))).toBeDefined();
    });
  });

  it('takes a callback that comes as a form, as some providers send it', async () => {
    const callback = await logInAt(await started(idpId), unique('minnie'));
    const back = await comeBack(`${callback.origin}${callback.pathname}`, { method: 'POST', body: callback.searchParams });
    expect(back).toMatchObject({ status: 302, url: 'https://login.example.com/ok' });
    expect((await retrieve(intentOf(back))).status).toBe(200);
  });

  it('tells no other site of the token in the address', async () => {
    const callback = await logInAt(await started(idpId), unique('minnie'));
    const { headers } = await fetch(callback, { redirect: 'manual' });
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  describe('its token', () => {
    const look = (idpIntentId: string, idpIntentToken: string) => retrieve({ idpIntentId, idpIntentToken });
    const changed = (token: string) => {
      const text = Buffer.from(token, 'base64url').toString();
      return Buffer.from(text.replace(/ (\d+)\.(.)/, (_, key, first) => ` ${key}.${first === 'A' ? 'B' : 'A'}`)).toString('base64url');
    };

    it.each(['told', 'checked'])('opens no more than its own intent when that is %s', async (where) => {
      const { userId, name } = await linked(idpId);
      const [mine, other] = [await logIn(idpId, name), await logIn(idpId, name)];
      const login = await createFor(userId);
      const open = (idpIntentToken: string, { idpIntentId } = mine) =>
        where === 'told' ? look(idpIntentId, idpIntentToken) : set(login, intentCheck({ idpIntentId, idpIntentToken }));
      expect(refusal(await open(other.idpIntentToken))).toEqual([403, 'CRYPTO-CRYPTO']);
      expect(refusal(await open(mine.idpIntentToken, { ...mine, idpIntentId: 'unknown' }))).toEqual([403, 'CRYPTO-CRYPTO']);
      expect(refusal(await open('no base64url!'))).toEqual([403, 'CRYPTO-Swg31']);
      expect(refusal(await open('bm9uZSBvZiBvdXJz'))).toEqual([403, 'CRYPTO-Sf4gt']);
      expect(refusal(await open(Buffer.from(mine.idpIntentId).toString('base64url')))).toEqual([403, 'CRYPTO-Sf4gt']);
      expect(refusal(await open(changed(mine.idpIntentToken)))).toEqual([403, 'CRYPTO-Sf4gt']);
      expect((await open('')).status).toBe(400);
      expect((await open('x'.repeat(201))).status).toBe(400);
      expect((await open(mine.idpIntentToken)).status).toBe(200);
    });

    it('is not the state, which the browser has from the beginning', async () => {
      const { idpIntentId, idpIntentToken } = await logIn(idpId, unique('minnie'));
      expect(refusal(await look(idpIntentId, idpIntentId))).toEqual([403, 'CRYPTO-Sf4gt']);
      expect(idpIntentToken).not.toContain(idpIntentId);
    });
  });

  it.each(['basic', 'post'] as const)('proves itself to the provider as told: %s', async (clientAuthentication) => {
    const client = { clientId: clientAuthentication === 'basic' ? clientId : postClientId, clientSecret, clientAuthentication };
    const own = await newProvider('generic_oidc', { issuer, ...client });
    expect((await retrieve(await logIn(own, unique('minnie')))).status).toBe(200);
  });

  it('fails with a secret that the provider does not know', async () => {
    const wrong = await newProvider('generic_oidc', { issuer, clientId, clientSecret: 'another-secret' });
    expect((await comeBack(await logInAt(await started(wrong), unique('minnie')))).parameters).toMatchObject({ error: 'IDP-Login' });
  });

  it('takes the ID token’s word alone where told so, and the user’s name for want of another', async () => {
    const mapping = await newProvider('generic_oidc', { issuer, clientId, clientSecret, isIdTokenMapping: true });
    const name = unique('minnie');
    const { body } = await retrieve(await logIn(mapping, name));
    expect(body.idpInformation).toMatchObject({ userId: name, userName: name, rawInformation: { sub: name, iss: issuer, aud: clientId } });
    expect(body.idpInformation.rawInformation).not.toHaveProperty('email');
    expect(body.addHumanUser).toEqual({
      username: name,
      profile: { givenName: name, familyName: name },
      idpLinks: [{ idpId: mapping, userId: name, userName: name }],
    });
  });

  it('asks for the scopes that are set', async () => {
    const few = await newProvider('generic_oidc', { issuer, clientId, clientSecret, scopes: ['email'] });
    expect(new URL(await started(few)).searchParams.get('scope')).toBe('openid email');
  });

  it('is neither started, ended nor used while the provider is deactivated', async () => {
    const own = await newProvider('generic_oidc', { issuer, clientId, clientSecret });
    const { userId, name } = await linked(own);
    const intent = await logIn(own, name);
    const callback = await logInAt(await started(own), name);
    await api().post(`/admin/v1/idps/${own}/_deactivate`);
    expect(refusal(await start(own))).toEqual([400, 'COMMAND-39n221fs']);
    expect((await comeBack(callback)).parameters).toMatchObject({ error: 'IDP-Login' });
    const login = await createFor(userId);
    expect(refusal(await set(login, intentCheck(intent)))).toEqual([400, 'COMMAND-Df4bw']);
    await api().post(`/admin/v1/idps/${own}/_reactivate`);
    expect((await set(login, intentCheck(intent))).status).toBe(200);
    expect((await start(own)).status).toBe(200);
    expect((await comeBack(callback)).parameters).toMatchObject({ error: 'IDP-Sfrgs' });
  });

  it('needs a provider that there is, and one that can be asked', async () => {
    expect(refusal(await start('unknown'))).toEqual([400, 'COMMAND-39n221fs']);
    expect((await start('')).status).toBe(400);
  });

  it('is no LDAP, which is not built', async () => {
    expect((await api().post('/v2/idp_intents', { idpId, ldap: { username: 'minnie', password: 'x' } })).status).toBe(501);
  });

  describe('returns', () => {
    const { hostname } = new URL(baseUrl);
    const fields = [
      ['successUrl', 'COMMAND-x8j3bk'],
      ['failureUrl', 'COMMAND-x8j4bk'],
    ] as const;

    it.each([
      'https://evil.example/ok',
      'https://evil.login.example.com/',
      'https://login.example.com.evil.example/',
      'https://login.example.company/',
      'https://example.com/',
      'https://login.example.com@evil.example/',
      'https://login.example.com%40evil.example/',
      'https://somebody@login.example.com/',
      'https://somebody:secret@login.example.com/',
      'https://:secret@login.example.com/',
      'https://evil.example#https://login.example.com/',
      'https://evil.example/?https://login.example.com/',
      'https://evil.example\\@login.example.com/',
      'javascript:alert(1)//https://login.example.com/',
      'data:text/html,https://login.example.com/',
      'blob:https://login.example.com/x',
      '//login.example.com/ok',
      '//evil.example/ok',
      '\\\\evil.example\\ok',
      '/\\evil.example',
      '/ok',
      'login.example.com',
      'null',
      'http://login.example.com/ok',
      'ftp://login.example.com/ok',
      'https://login.example.com:444/ok',
      'https://login.example.com:80/ok',
      'http://localhost:3001/ok',
      'http://localhost/ok',
      'https://localhost:3000/ok',
      'http://127.0.0.1:3000/ok',
      `http://${hostname}:1/ok`,
    ])('nobody to %s', async (url) => {
      for (const [field, id] of fields) expect(refusal(await start(idpId, { ...URLS, [field]: url }))).toEqual([400, id]);
    });

    it.each([
      'https://login.example.com',
      'https://LOGIN.example.com:443/ok?id=theirs&token=theirs#there',
      'https:\\\\login.example.com\\ok',
      'http://localhost:3000/a/b?c=%20d',
      `${new URL(baseUrl).origin}/login`,
    ])('people to %s', async (url) => {
      const { searchParams: theirs, hash, origin, pathname } = new URL(url);
      for (const [field] of fields) {
        const callback = field === 'successUrl' ? logInAt : cancelAt;
        const response = await fetch(await callback(await started(idpId, { ...URLS, [field]: url }), unique('minnie')), { redirect: 'manual' });
        const location = new URL(response.headers.get('location') ?? '');
        expect([location.origin, location.pathname, location.hash]).toEqual([origin, pathname, hash]);
        expect(location.searchParams.getAll('id')).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
        expect(location.searchParams.get('c')).toBe(theirs.get('c'));
        if (field === 'successUrl') expect(location.searchParams.getAll('token')).toEqual([expect.stringMatching(/^[\w=-]{100,}$/)]);
        else expect(location.searchParams.getAll('error')).toEqual(['access_denied']);
      }
    });

    it('nobody without both URLs', async () => {
      expect(refusal(await api().post('/v2/idp_intents', { idpId }))[0]).toBe(400);
      for (const [field] of fields) {
        expect((await start(idpId, { ...URLS, [field]: undefined })).status).toBe(400);
        expect((await start(idpId, { ...URLS, [field]: '' })).status).toBe(400);
        expect((await start(idpId, { ...URLS, [field]: `https://login.example.com/${'x'.repeat(2048)}` })).status).toBe(400);
      }
    });

    it('people to no name that they did not log in by: what the URL said of a user before is gone', async () => {
      const { userId } = await newUser();
      const urls = { ...URLS, successUrl: `https://login.example.com/ok?user=${userId}` };
      const intent = intentOf(await comeBack(await logInAt(await started(idpId, urls), unique('minnie'))));
      expect(intent.user).toBeUndefined();
    });
  });

  it('is started and told by anybody who is authenticated, and by nobody else', async () => {
    const machine = await newMachine();
    const { userId } = await newUser({ organization: { orgId: await anOrganization() } });
    const session = await create({ checks: { user: { userId }, password: { password: PASSWORD } } });
    for (const bearer of [machine.token, session.token]) {
      const { status, body } = await start(idpId, URLS, api(bearer));
      expect(status).toBe(200);
      const intent = intentOf(await comeBack(await logInAt(body.authUrl, unique('minnie'))));
      expect((await retrieve(intent, api(bearer))).status).toBe(200);
      expect((await retrieve(intent, api(''))).status).toBe(401);
    }
    expect((await start(idpId, URLS, api(''))).status).toBe(401);
    expect((await start(idpId, URLS, api('wrong'))).status).toBe(401);
  });
});
