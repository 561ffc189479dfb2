import { describe, expect, inject, it } from 'vitest';
import { anOrganization, api, newUser, unique } from '../support/api.ts';
import { createFor, refusal, set } from '../support/login.ts';
import {
  comeBack,
  FAILED,
  failure,
  intentCheck,
  intentOf,
  logIn,
  newProvider,
  passThrough,
  retrieve,
  ScriptedHouse,
  start,
  started,
} from '../support/provider-login.ts';
import { type Mood, type Script, SECRET } from '../support/scripted-provider.ts';

/** On loopback, where nobody listens. */
const NOWHERE = 'http://127.0.0.1:1';
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const challengeOf = async (verifier: string) =>
  Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))).toString('base64url');
const BASIC = ['sallyport', SECRET];
/** What HTTP Basic authentication says, each part of it encoded as in a form (RFC 6749 section 2.3.1). */
const basicOf = (authorization = '') => {
  const [, credentials] = /^Basic (\S+)$/.exec(authorization) ?? [];
  return credentials && Buffer.from(credentials, 'base64').toString().split(':').map(decodeURIComponent);
};

const informationOf = async (idpId: string) => (await retrieve(intentOf(await logIn(idpId)))).body.idpInformation;

describe.skipIf(inject('scriptedProviders') === undefined)('an OpenID provider', () => {
  it('that does as it should is believed, and gets no more than it has to', async () => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOpenId();
    expect(await informationOf(idpId)).toMatchObject({
      userId: 'minnie',
      userName: 'minnie@mouse.example',
      rawInformation: { name: 'Minnie Mouse' },
    });
    const received = await house.received();
    expect(received.map(({ what, method }) => `${method} ${what}`)).toEqual([
      'GET discovery',
      'GET authorize',
      'GET discovery',
      'POST token',
      'GET jwks',
      'GET userinfo',
    ]);
    const [, asked, , exchanged, keys, user] = received;
    const { code = '', code_verifier = '', ...rest } = exchanged?.form ?? {};
    expect(rest).toEqual({ grant_type: 'authorization_code', redirect_uri: asked?.query.redirect_uri });
    expect(code_verifier).toMatch(/^[\w.~-]{43,128}$/);
    expect(asked?.query).toMatchObject({ code_challenge: await challengeOf(code_verifier), code_challenge_method: 'S256' });
    expect(basicOf(exchanged?.authorization)).toEqual(BASIC);
    expect(user?.authorization).toBe(`Bearer access-${code}`);
    expect(keys?.authorization).toBe('');
    const urls = JSON.stringify(received.map(({ query }) => query));
    for (const secret of [SECRET, code_verifier, code]) expect(urls).not.toContain(secret);
  });

  it.each<[string, object, Script, { basic: string[] | undefined; form: object }]>([
    [
      'in the form where told so',
      { clientAuthentication: 'post' },
      {},
      { basic: undefined, form: { client_id: 'sallyport', client_secret: SECRET } },
    ],
    ['by HTTP Basic authentication where told so', { clientAuthentication: 'basic' }, saysOf('client_secret_post'), { basic: BASIC, form: {} }],
    [
      'in the form where only that is taken',
      {},
      saysOf('client_secret_post'),
      { basic: undefined, form: { client_id: 'sallyport', client_secret: SECRET } },
    ],
    ['by HTTP Basic authentication where both are', {}, saysOf('client_secret_post', 'client_secret_basic'), { basic: BASIC, form: {} }],
    ['with no more than its id without a secret', { clientSecret: undefined }, {}, { basic: undefined, form: { client_id: 'sallyport' } }],
  ])('is told who asks %s', async (_, fields, script, proof) => {
    const house = await ScriptedHouse.open(script);
    await informationOf(await house.asOpenId(fields));
    const [exchanged] = await house.received('token');
    const { client_id, client_secret } = exchanged?.form ?? {};
    expect({ basic: basicOf(exchanged?.authorization), form: { ...(client_id && { client_id }), ...(client_secret && { client_secret }) } }).toEqual(
      proof,
    );
  });

  it('is asked for PKCE whatever the form says of that', async () => {
    const house = await ScriptedHouse.open();
    const authUrl = await started(await house.asOpenId({ usePkce: false }));
    expect(new URL(authUrl).searchParams.get('code_challenge_method')).toBe('S256');
  });

  it('lets its users choose an account when it says that it can', async () => {
    const house = await ScriptedHouse.open({ metadata: { prompt_values_supported: ['none', 'select_account'] } });
    const idpId = await house.asOpenId();
    expect(new URL(await started(idpId)).searchParams.get('prompt')).toBe('select_account');
    await house.follow({ metadata: { prompt_values_supported: ['none'] } });
    expect(new URL(await started(idpId)).searchParams.has('prompt')).toBe(false);
  });

  it('may have parameters of its own in the URL that it logs in at', async () => {
    const house = await ScriptedHouse.open();
    await house.follow({ metadata: { authorization_endpoint: `${house.issuer}/authorize?theirs=yes&state=theirs` } });
    const { searchParams } = new URL(await started(await house.asOpenId()));
    expect(searchParams.get('theirs')).toBe('yes');
    expect(searchParams.getAll('state')).toEqual([expect.stringMatching(/^[\w-]{43}$/)]);
  });

  it('may change its key in the middle of a log-in', async () => {
    const house = await ScriptedHouse.open();
    const callback = await passThrough(await started(await house.asOpenId()));
    await house.rotateItsKey();
    expect((await retrieve(intentOf(await comeBack(callback)))).status).toBe(200);
  });

  it('may have a clock that is a little ahead or behind', async () => {
    const house = await ScriptedHouse.open({ idToken: { iat: inSeconds(15), exp: inSeconds(-15) } });
    expect(intentOf(await logIn(await house.asOpenId()))).toBeDefined();
  });

  it('may name us among others whom the ID token is for, as long as it is ours', async () => {
    const house = await ScriptedHouse.open({ idToken: { aud: ['sallyport', 'another'], azp: 'sallyport' } });
    expect(intentOf(await logIn(await house.asOpenId()))).toBeDefined();
  });

  it('needs no user endpoint: then its ID token says who it is', async () => {
    const house = await ScriptedHouse.open({ metadata: { userinfo_endpoint: null }, idToken: { preferred_username: 'minnie.mouse' } });
    expect(await informationOf(await house.asOpenId())).toMatchObject({ userId: 'minnie', userName: 'minnie.mouse' });
  });

  it('is not asked at its user endpoint where the ID token is to say who it is', async () => {
    const house = await ScriptedHouse.open({ moods: { userinfo: 'error' } });
    expect(await informationOf(await house.asOpenId({ isIdTokenMapping: true }))).toMatchObject({ userId: 'minnie' });
    expect(await house.received('userinfo')).toEqual([]);
  });

  it.each<[string, Script]>([
    ['has another nonce', { idToken: { nonce: 'another' } }],
    ['has no nonce', { idToken: { nonce: null } }],
    ['is for another', { idToken: { aud: 'another' } }],
    ['is for nobody', { idToken: { aud: null } }],
    ['is for us and for others, of whom it is', { idToken: { aud: ['sallyport', 'another'], azp: 'another' } }],
    ['is for us and for others, of nobody', { idToken: { aud: ['sallyport', 'another'] } }],
    ['is of another issuer', { idToken: { iss: 'https://another.example' } }],
    ['is of no issuer', { idToken: { iss: null } }],
    ['has expired', { idToken: { iat: inSeconds(-7200), exp: inSeconds(-3600) } }],
    ['does not expire', { idToken: { exp: null } }],
    ['was not issued', { idToken: { iat: null } }],
    ['is not valid yet', { idToken: { nbf: inSeconds(3600) } }],
    ['is of nobody', { idToken: { sub: null } }],
    ['is signed by no algorithm', { signature: 'none' }],
    ['is signed by no algorithm, which the provider lists', { signature: 'none', ...signsBy('none', 'ES256') }],
    ['is signed by the client secret', { signature: 'hmac' }],
    ['is signed by the client secret, which the provider lists', { signature: 'hmac', ...signsBy('HS256', 'ES256') }],
    ['is signed by an algorithm that the provider does not list', signsBy('RS256')],
    ['is signed by another key of the same name', { signature: 'unknown-key' }],
    ['has another’s signature', { signature: 'forged' }],
    ['is missing', { tokens: { id_token: null } }],
    ['is empty', { tokens: { id_token: '' } }],
    ['is no token', { tokens: { id_token: 'a.b.c' } }],
  ])('is not believed when its ID token %s', async (_, script) => {
    for (const isIdTokenMapping of [true, false]) {
      const house = await ScriptedHouse.open(script);
      expect(failure(await logIn(await house.asOpenId({ isIdTokenMapping })))).toEqual(FAILED);
    }
  });

  it.each<[string, Script]>([
    ['its user endpoint tells of another than its ID token', { user: { sub: 'daisy' } }],
    ['its user endpoint tells of nobody', { user: { sub: null } }],
    ['its user endpoint tells of a number, where the ID token has a text', { user: { sub: 5 }, idToken: { sub: '5' } }],
    ['the id is longer than can be kept', { user: { sub: 'm'.repeat(201) }, idToken: { sub: 'm'.repeat(201) } }],
    ['it gives no access token', { tokens: { access_token: null } }],
    ['it gives a token of a type that we do not know', { tokens: { token_type: 'N_A' } }],
    ['its token endpoint tells of an error', { tokens: { error: 'invalid_grant', access_token: null, id_token: null } }],
  ])('is not believed when %s', async (_, script) => {
    const house = await ScriptedHouse.open(script);
    expect(failure(await logIn(await house.asOpenId()))).toEqual(FAILED);
  });

  it.each<Mood>(['down', 'error', 'unauthorized', 'no-json', 'broken-json', 'a-list', 'too-long', 'endless', 'elsewhere', 'round'])(
    'fails where an endpoint is %s when it is asked',
    async (mood) => {
      for (const endpoint of ['discovery', 'token', 'userinfo', 'jwks'] as const) {
        const house = await ScriptedHouse.open();
        const callback = await passThrough(await started(await house.asOpenId()));
        await house.follow({ moods: { [endpoint]: mood } });
        expect({ endpoint, ...failure(await comeBack(callback)) }).toEqual({ endpoint, ...FAILED });
        expect(failure(await comeBack(callback))).toEqual({ ...FAILED, error: 'IDP-Sfrgs' });
      }
    },
  );

  it.each(['token_endpoint', 'userinfo_endpoint', 'jwks_uri'])('fails where nobody listens: %s', async (endpoint) => {
    const house = await ScriptedHouse.open({ metadata: { [endpoint]: `${NOWHERE}/x` } });
    expect(failure(await logIn(await house.asOpenId()))).toEqual(FAILED);
  });

  it.each(['token_endpoint', 'userinfo_endpoint', 'jwks_uri', 'authorization_endpoint'])(
    'fails where an address is none to be asked: %s',
    async (endpoint) => {
      for (const address of [
        'http://house.example/x',
        'ftp://127.0.0.1/x',
        'javascript:alert(1)',
        `http://somebody:secret@${new URL(NOWHERE).host}/`,
        'x',
        '',
        7,
      ]) {
        const house = await ScriptedHouse.open();
        const idpId = await house.asOpenId();
        const callback = await passThrough(await started(idpId));
        await house.follow({ metadata: { [endpoint]: address } });
        if (endpoint === 'authorization_endpoint') expect([address, (await start(idpId)).status]).toEqual([address, 503]);
        else expect([address, failure(await comeBack(callback))]).toEqual([address, FAILED]);
      }
    },
  );

  it.each([
    ['token_endpoint', 'token'],
    ['userinfo_endpoint', 'userinfo'],
    ['jwks_uri', 'jwks'],
  ] as const)('is not asked without TLS where it is not on this machine: %s', async (endpoint, path) => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOpenId();
    await house.follow({ metadata: { [endpoint]: `${house.away('https')}/${path}` } });
    expect(intentOf(await logIn(idpId))).toBeDefined();
    await house.follow({ metadata: { [endpoint]: `${house.away('http')}/${path}` } });
    expect(failure(await logIn(idpId))).toEqual(FAILED);
    expect(await house.received(path)).toHaveLength(1);
  });

  it('may be elsewhere, and then nothing is asked of this machine', async () => {
    const house = await ScriptedHouse.open();
    const issuer = house.away();
    const metadata = { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks`, userinfo_endpoint: `${issuer}/userinfo` };
    await house.follow({ metadata, idToken: { iss: issuer } });
    const idpId = await house.asOpenId({ issuer });
    // Where people log in is theirs to reach.
    expect(intentOf(await logIn(idpId))).toBeDefined();
    for (const [endpoint, path] of [
      ['token_endpoint', 'token'],
      ['jwks_uri', 'jwks'],
      ['userinfo_endpoint', 'userinfo'],
    ] as const) {
      const before = (await house.received(path)).length;
      for (const at of [house.issuer, house.atHome]) {
        await house.follow({ metadata: { ...metadata, [endpoint]: `${at}/${path}` }, idToken: { iss: issuer } });
        expect([endpoint, at, failure(await logIn(idpId))]).toEqual([endpoint, at, FAILED]);
      }
      expect(await house.received(path)).toHaveLength(before);
    }
  });

  it.each(['token_endpoint', 'jwks_uri'])('fails where its discovery document leaves out its %s', async (endpoint) => {
    const house = await ScriptedHouse.open({ metadata: { [endpoint]: null } });
    expect(failure(await logIn(await house.asOpenId()))).toEqual(FAILED);
  });

  it.each<Mood>(['long', 'moved'])('is read though its answers are %s', async (mood) => {
    const house = await ScriptedHouse.open({ moods: { discovery: mood, jwks: mood, userinfo: mood } });
    expect(await informationOf(await house.asOpenId())).toMatchObject({ userId: 'minnie' });
  });

  it('is sent neither code nor secret where its token endpoint sends on, be it within its host', async () => {
    for (const mood of ['moved', 'elsewhere'] as const) {
      const house = await ScriptedHouse.open({ moods: { token: mood } });
      expect(failure(await logIn(await house.asOpenId()))).toEqual(FAILED);
      expect(await house.received('token')).toHaveLength(1);
    }
  });

  it('is followed to no other host, nor round and round', async () => {
    const house = await ScriptedHouse.open({ moods: { userinfo: 'elsewhere' } });
    await logIn(await house.asOpenId());
    const { host } = new URL(house.issuer);
    expect((await house.received('userinfo')).map((request) => request.host)).toEqual([host]);
    const around = await ScriptedHouse.open({ moods: { userinfo: 'round' } });
    await logIn(await around.asOpenId());
    expect(await around.received('userinfo')).toHaveLength(4);
  });

  describe('while it is asked', () => {
    const held = async () => {
      const house = await ScriptedHouse.open({ moods: { token: 'held' } });
      const idpId = await house.asOpenId();
      const callback = await passThrough(await started(idpId));
      const back = comeBack(callback);
      await house.wasAsked('token');
      return { house, idpId, callback, back };
    };

    it('leaves the same callback nothing to do', async () => {
      const { house, callback, back } = await held();
      expect(failure(await comeBack(callback))).toEqual({ ...FAILED, error: 'IDP-Sfrgs' });
      await house.follow({});
      expect(intentOf(await back)).toBeDefined();
      expect(await house.received('token')).toHaveLength(1);
    });

    it('may be deleted: then nobody comes back from it', async () => {
      const { house, idpId, back } = await held();
      await api().delete(`/admin/v1/idps/templates/${idpId}`);
      await house.follow({});
      expect(failure(await back)).toEqual(FAILED);
    });

    it('knows the user who is linked meanwhile', async () => {
      const { house, idpId, back } = await held();
      const { userId } = await newUser();
      await api().post(`/v2/users/${userId}/links`, { idpLink: { idpId, userId: 'minnie', userName: 'minnie' } });
      await house.follow({});
      expect(intentOf(await back).user).toBe(userId);
    });
  });

  it('tells nothing more of a failure on the failure URL, and leaves nothing to be retrieved', async () => {
    const house = await ScriptedHouse.open({ tokens: { error: 'invalid_grant', error_description: SECRET, access_token: null } });
    const back = await logIn(await house.asOpenId());
    expect(back.parameters).toEqual({ y: '2', id: expect.any(String), error: 'IDP-Login', error_description: expect.any(String) });
    expect(back.parameters.error_description).not.toContain(SECRET);
  });

  describe('that is asked where its users log in', () => {
    it.each<Mood>(['down', 'error', 'no-json', 'broken-json', 'a-list', 'too-long', 'endless', 'elsewhere', 'round'])(
      'is answered for by 503 when it is %s',
      async (mood) => {
        const house = await ScriptedHouse.open({ moods: { discovery: mood } });
        const answer = await start(await house.asOpenId());
        expect(answer.status).toBe(503);
        expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
        expect(JSON.stringify(answer.body)).not.toContain(house.issuer);
      },
    );

    it('is answered for by 503 when nobody listens', async () => {
      const idpId = await newProvider('generic_oidc', { issuer: NOWHERE, clientId: 'sallyport', clientSecret: SECRET });
      expect((await start(idpId)).status).toBe(503);
    });

    it('is answered for by 503 when its discovery document names another issuer', async () => {
      for (const issuer of ['https://another.example', null, '', 7]) {
        const house = await ScriptedHouse.open({ metadata: { issuer } });
        expect((await start(await house.asOpenId())).status).toBe(503);
      }
      const house = await ScriptedHouse.open();
      await house.follow({ metadata: { issuer: `${house.issuer}/` } });
      expect((await start(await house.asOpenId())).status).toBe(503);
    });

    it('and again once the browser is back: one that became another’s by then is not believed', async () => {
      const house = await ScriptedHouse.open();
      const callback = await passThrough(await started(await house.asOpenId()));
      await house.follow({ metadata: { issuer: 'https://another.example' } });
      expect(failure(await comeBack(callback))).toEqual(FAILED);
    });
  });

  // Whoever took longer than its deadline would answer 503.
  describe.concurrent('that says nothing', () => {
    it('does not keep the start waiting', async ({ expect }) => {
      const house = await ScriptedHouse.open({ moods: { discovery: 'silent' } });
      const answer = await start(await house.asOpenId());
      expect([answer.status, answer.body.message]).toEqual([503, expect.stringContaining('identity provider')]);
    });

    it.each([
      ['token', 'silent'],
      ['userinfo', 'stalled'],
    ])('does not keep the browser waiting, which is on the failure URL before the deadline (%s, %s)', async (endpoint, mood) => {
      const house = await ScriptedHouse.open();
      const callback = await passThrough(await started(await house.asOpenId()));
      await house.follow({ moods: { [endpoint]: mood } });
      const back = failure(await comeBack(callback));
      expect(back).toEqual(FAILED);
    });
  });

  describe('in the answer that the browser brings', () => {
    const answered = async (change: (answer: URLSearchParams, house: ScriptedHouse) => void, script?: Script) => {
      const house = await ScriptedHouse.open(script);
      const callback = await passThrough(await started(await house.asOpenId()));
      change(callback.searchParams, house);
      const back = await comeBack(callback);
      return { house, back, ended: failure(back) };
    };

    it('may name itself (RFC 9207)', async () => {
      const { back } = await answered((answer, { issuer }) => answer.set('iss', issuer));
      expect(intentOf(back)).toBeDefined();
    });

    it.each<[string, (answer: URLSearchParams, house: ScriptedHouse) => void, Script?]>([
      ['another provider is named', (answer) => answer.set('iss', 'https://another.example')],
      ['another provider of the same host is named', (answer, { issuer }) => answer.set('iss', `${issuer}-other`)],
      ['the provider is named twice', (answer, { issuer }) => [answer.append('iss', issuer), answer.append('iss', issuer)]],
      ['none is named though it promised to', () => {}, { metadata: { authorization_response_iss_parameter_supported: true } }],
      ['there is no code', (answer) => answer.delete('code')],
      ['the code is sent twice', (answer) => answer.append('code', 'another')],
      ['the code is sent twice alike', (answer) => answer.append('code', answer.get('code') ?? '')],
      ['the state is sent twice', (answer) => answer.append('state', 'another')],
      ['there is an ID token', (answer) => answer.set('id_token', 'a.b.c')],
      ['there is a token', (answer) => answer.set('token', 'x')],
      ['the answer is wrapped up in another', (answer) => answer.set('response', 'a.b.c')],
    ])('is not believed, nor asked for a token, when %s', async (_, change, script) => {
      const { house, ended } = await answered(change, script);
      expect(ended).toEqual(FAILED);
      expect(await house.received('token')).toEqual([]);
    });

    it('is not believed for a code that it did not give, or gave to another log-in, or twice', async () => {
      expect((await answered((answer) => answer.set('code', 'made-up'))).ended).toEqual(FAILED);
      const house = await ScriptedHouse.open();
      const idpId = await house.asOpenId();
      const [mine, theirs] = [await passThrough(await started(idpId)), await passThrough(await started(idpId))];
      mine.searchParams.set('code', theirs.searchParams.get('code') ?? '');
      expect(failure(await comeBack(mine))).toEqual(FAILED);
      expect(failure(await comeBack(theirs))).toEqual(FAILED);
    });

    it('is asked nothing more once it has refused', async () => {
      const { house, back } = await answered((answer) => answer.set('error', 'access_denied'));
      expect([back.url, back.parameters.error]).toEqual([FAILED.url, 'access_denied']);
      expect((await house.received()).map(({ what }) => what)).toEqual(['discovery', 'authorize']);
    });

    it('tells of a refusal even in a word that says nothing', async () => {
      for (const error of ['', '\u00e9']) {
        const { back } = await answered((answer) => answer.set('error', error));
        expect([back.url, back.parameters.error]).toEqual([FAILED.url, expect.stringMatching(/./)]);
      }
    });
  });

  it('makes a user ready of whatever it tells, which can be posted as it is', async () => {
    await anOrganization();
    const name = unique('minnie');
    const told: object[] = [
      { name: 'Minnie', given_name: null, family_name: null, locale: 'a-language-that-is-too-long', email: `a-${name}@mouse.example` },
      { name: null, given_name: null, family_name: null, email: `b-${name}@mouse.example`, email_verified: true, phone_number: 'no number' },
      { name: 'Minnie van der Mouse', given_name: null, family_name: null, email: `c-${name}@mouse.example`, email_verified: 'true' },
      { name: 7, given_name: ['x'], family_name: {}, nickname: 'mini', email: `d-${name}@mouse.example`, phone_number: '+41791234567' },
      { preferred_username: `e-${name}`, email: `e-${name}@mouse.example`, phone_number: '+41791234567', phone_number_verified: true },
    ];
    const [house, made] = [await ScriptedHouse.open(), [] as object[]];
    for (const [index, user] of told.entries()) {
      const sub = `${name}-${index}`;
      await house.follow({ user: { sub, ...user }, idToken: { sub } });
      const { addHumanUser } = (await retrieve(intentOf(await logIn(await house.asOpenId())))).body;
      expect([index, (await api().post('/v2/users/human', addHumanUser)).status]).toEqual([index, 201]);
      const { username, profile, email, phone } = addHumanUser;
      made.push({ username, profile, email, phone });
    }
    const address = (letter: string, verified: object) => ({ email: `${letter}-${name}@mouse.example`, ...verified });
    expect(made).toEqual([
      {
        username: `a-${name}@mouse.example`,
        profile: { givenName: 'Minnie', familyName: `a-${name}@mouse.example`, displayName: 'Minnie' },
        email: address('a', { sendCode: {} }),
      },
      {
        username: `b-${name}@mouse.example`,
        profile: { givenName: `b-${name}@mouse.example`, familyName: `b-${name}@mouse.example` },
        email: address('b', { isVerified: true }),
      },
      {
        username: `c-${name}@mouse.example`,
        profile: { givenName: 'Minnie', familyName: 'van der Mouse', displayName: 'Minnie van der Mouse' },
        email: address('c', { isVerified: true }),
      },
      {
        username: `d-${name}@mouse.example`,
        profile: { givenName: '7', familyName: `d-${name}@mouse.example`, nickName: 'mini', displayName: '7' },
        email: address('d', { sendCode: {} }),
        phone: { phone: '+41791234567', sendCode: {} },
      },
      {
        username: `e-${name}`,
        profile: { givenName: 'Minnie', familyName: 'Mouse', displayName: 'Minnie Mouse' },
        email: address('e', { sendCode: {} }),
        phone: { phone: '+41791234567', isVerified: true },
      },
    ]);
  });
});

describe.skipIf(inject('scriptedProviders') === undefined)('a provider of OAuth 2.0', () => {
  it('that does as it should is believed, and gets no more than it has to', async () => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOAuth();
    const { userId } = await newUser();
    await api().post(`/v2/users/${userId}/links`, { idpLink: { idpId, userId: 'minnie', userName: 'minnie' } });
    const intent = intentOf(await logIn(idpId));
    expect(intent.user).toBe(userId);
    const { idpInformation } = (await retrieve(intent)).body;
    expect(idpInformation).toEqual({
      idpId,
      userId: 'minnie',
      userName: 'minnie@mouse.example',
      oauth: { accessToken: expect.stringMatching(/^access-/) },
      rawInformation: { sub: 'minnie', name: 'Minnie Mouse', given_name: 'Minnie', family_name: 'Mouse', email: 'minnie@mouse.example' },
    });
    expect((await set(await createFor(userId), intentCheck(intent))).status).toBe(200);
    const received = await house.received();
    expect(received.map(({ what, method }) => `${method} ${what}`)).toEqual(['GET authorize', 'POST token', 'GET userinfo']);
    const [asked, exchanged, user] = received;
    expect(asked?.query).toEqual({
      client_id: 'sallyport',
      redirect_uri: `${new URL(inject('baseUrl')).origin}/idps/callback`,
      response_type: 'code',
      scope: 'user',
      state: intent.idpIntentId,
      code_challenge: await challengeOf(exchanged?.form.code_verifier ?? ''),
      code_challenge_method: 'S256',
    });
    expect(exchanged?.form).toEqual({
      grant_type: 'authorization_code',
      redirect_uri: asked?.query.redirect_uri,
      code: expect.any(String),
      code_verifier: expect.any(String),
    });
    expect(basicOf(exchanged?.authorization)).toEqual(BASIC);
    expect(exchanged).toMatchObject({ accept: 'application/json', query: {} });
    expect(user).toMatchObject({ authorization: `Bearer ${idpInformation.oauth.accessToken}`, accept: 'application/json', query: {} });
  });

  it('is told who asks in the form where told so', async () => {
    const house = await ScriptedHouse.open();
    await informationOf(await house.asOAuth({ clientAuthentication: 'post' }));
    const [exchanged] = await house.received('token');
    expect(exchanged).toMatchObject({ authorization: '', form: { client_id: 'sallyport', client_secret: SECRET } });
  });

  it.each<[string, unknown, string]>([
    ['text', 'Minnie', 'Minnie'],
    ['a number', 583231, '583231'],
    ['the number zero', 0, '0'],
  ])('may know its users by %s', async (_, id, userId) => {
    const house = await ScriptedHouse.open({ user: { id, sub: 'another' } });
    expect(await informationOf(await house.asOAuth({ idAttribute: 'id' }))).toMatchObject({ userId });
  });

  it.each<[string, NonNullable<Script['user']>]>([
    ['is missing', {}],
    ['is null', { id: null }],
    ['is empty', { id: '' }],
    ['is true', { id: true }],
    ['is an object', { id: { id: 'minnie' } }],
    ['is a list', { id: ['minnie'] }],
    ['is no whole number', { id: 1.5 }],
    ['is a number that cannot be told from its neighbour', { id: 2 ** 53 }],
    ['is too long', { id: 'm'.repeat(201) }],
    ['holds half a character', { id: 'm\ud800' }],
  ])('is not believed when the id %s', async (_, user) => {
    const house = await ScriptedHouse.open({ user });
    expect(failure(await logIn(await house.asOAuth({ idAttribute: 'id' })))).toEqual(FAILED);
  });

  it.each(['constructor', '__proto__', 'toString'])('knows nobody by what everything has: %s', async (idAttribute) => {
    const house = await ScriptedHouse.open();
    expect(failure(await logIn(await house.asOAuth({ idAttribute })))).toEqual(FAILED);
  });

  it('has no say by an ID token, since nobody told whose would be one', async () => {
    for (const id_token of ['a.b.c', '', { not: 'a token' }]) {
      const house = await ScriptedHouse.open({ tokens: { id_token } });
      expect((await informationOf(await house.asOAuth())).oauth).toEqual({ accessToken: expect.any(String) });
    }
  });

  it.each<Mood>(['down', 'error', 'unauthorized', 'no-json', 'broken-json', 'a-list', 'form', 'too-long', 'endless', 'elsewhere', 'round'])(
    'fails where an endpoint is %s when it is asked',
    async (mood) => {
      for (const endpoint of ['token', 'userinfo'] as const) {
        const house = await ScriptedHouse.open({ moods: { [endpoint]: mood } });
        expect({ endpoint, ...failure(await logIn(await house.asOAuth())) }).toEqual({ endpoint, ...FAILED });
      }
    },
  );

  it.each<[string, NonNullable<Script['tokens']>]>([
    ['in an error', { error: 'bad_verification_code', access_token: null }],
    ['without a token', { access_token: null }],
    ['with a token of a type that we do not know', { token_type: 'mac' }],
  ])('is not believed when its token endpoint answers %s', async (_, tokens) => {
    const house = await ScriptedHouse.open({ tokens });
    expect(failure(await logIn(await house.asOAuth()))).toEqual(FAILED);
    expect(await house.received('userinfo')).toEqual([]);
  });

  it('fails where nobody listens', async () => {
    const house = await ScriptedHouse.open();
    for (const endpoint of ['tokenEndpoint', 'userEndpoint']) {
      expect(failure(await logIn(await house.asOAuth({ [endpoint]: `${NOWHERE}/x` })))).toEqual(FAILED);
    }
  });

  it('is taken at its word about an address, and no further', async () => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOAuth();
    const emailOf = async () => (await retrieve(intentOf(await logIn(idpId)))).body.addHumanUser.email;
    expect(await emailOf()).toEqual({ email: 'minnie@mouse.example', sendCode: {} });
    await house.follow({ user: { email_verified: false } });
    expect(await emailOf()).toEqual({ email: 'minnie@mouse.example', sendCode: {} });
    await house.follow({ user: { email_verified: true } });
    expect(await emailOf()).toEqual({ email: 'minnie@mouse.example', isVerified: true });
  });

  it('may be elsewhere, and then nothing is asked of this machine', async () => {
    const house = await ScriptedHouse.open();
    const away = { tokenEndpoint: `${house.away()}/token`, userEndpoint: `${house.away()}/userinfo` };
    expect(await informationOf(await house.asOAuth(away))).toMatchObject({ userId: 'minnie' });
    expect(await house.received('userinfo')).toHaveLength(1);
    for (const at of [house.issuer, house.atHome]) {
      const idpId = await house.asOAuth({ tokenEndpoint: away.tokenEndpoint, userEndpoint: `${at}/userinfo` });
      expect([at, failure(await logIn(idpId))]).toEqual([at, FAILED]);
    }
    expect(await house.received('userinfo')).toHaveLength(1);
  });

  it('is nobody by a list, whatever tells users apart', async () => {
    const house = await ScriptedHouse.open({ moods: { userinfo: 'a-list' } });
    expect(failure(await logIn(await house.asOAuth({ idAttribute: 'length' })))).toEqual(FAILED);
  });

  it('may name itself, by an issuer of its origin, and no other may be named (RFC 9207)', async () => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOAuth();
    const named = async (...issuers: string[]) => {
      const callback = await passThrough(await started(idpId));
      for (const issuer of issuers) callback.searchParams.append('iss', issuer);
      return comeBack(callback);
    };
    expect(intentOf(await named(house.issuer))).toBeDefined();
    expect(intentOf(await named(new URL(house.issuer).origin))).toBeDefined();
    const tokens = (await house.received('token')).length;
    for (const other of [
      'https://another.example',
      house.elsewhere,
      'not a url',
      '',
      `${house.issuer}@another.example`.replace('http://', 'https://'),
    ]) {
      expect([other, failure(await named(other))]).toEqual([other, FAILED]);
    }
    expect(await house.received('token')).toHaveLength(tokens);
  });

  it('may not be named twice', async () => {
    const house = await ScriptedHouse.open();
    const callback = await passThrough(await started(await house.asOAuth()));
    for (const issuer of [house.issuer, 'https://another.example']) callback.searchParams.append('iss', issuer);
    expect(failure(await comeBack(callback))).toEqual(FAILED);
  });

  it('is asked for no scope and no account where none is set', async () => {
    const house = await ScriptedHouse.open();
    const { searchParams } = new URL(await started(await house.asOAuth({ scopes: [] })));
    expect([searchParams.get('scope') || undefined, searchParams.has('prompt'), searchParams.has('nonce')]).toEqual([undefined, false, false]);
  });
});

describe.skipIf(inject('scriptedProviders') === undefined)('a provider that everybody knows', () => {
  const client = { clientId: 'sallyport', clientSecret: SECRET };
  const told = async (house: ScriptedHouse, idpId: string) => (await retrieve(intentOf(await house.logInAs(idpId)))).body;

  it('is GitHub, where users have numbers and show a name only if they like', async () => {
    const house = await ScriptedHouse.open({ user: { id: 583231, login: 'minnie', name: 'Minnie Mouse', email: 'minnie@mouse.example' } }, 'github');
    const idpId = await newProvider('github', client);
    const { idpInformation, addHumanUser } = await told(house, idpId);
    expect(idpInformation).toMatchObject({ userId: '583231', userName: 'minnie' });
    expect(addHumanUser).toEqual({
      username: 'minnie',
      profile: { givenName: 'Minnie', familyName: 'Mouse', nickName: 'minnie', displayName: 'Minnie Mouse' },
      email: { email: 'minnie@mouse.example', sendCode: {} },
      idpLinks: [{ idpId, userId: '583231', userName: 'minnie' }],
    });
    const [exchanged] = await house.received('token');
    expect(exchanged).toMatchObject({ authorization: '', accept: 'application/json', form: { client_id: 'sallyport', client_secret: SECRET } });
    await house.follow({ user: { id: 583231, login: 'minnie', name: null, email: null } });
    expect((await told(house, idpId)).addHumanUser).toEqual({
      username: 'minnie',
      profile: { givenName: 'minnie', familyName: 'minnie', nickName: 'minnie' },
      idpLinks: [{ idpId, userId: '583231', userName: 'minnie' }],
    });
  });

  it('is Microsoft, whose addresses are verified where the form says so of a tenant of one’s own', async () => {
    const names = { givenName: 'Minnie', surname: 'Mouse', displayName: 'Minnie M.', preferredLanguage: 'de-CH', mobilePhone: '+41791234567' };
    const user = { id: 'an-id', userPrincipalName: 'minnie@house.example', mail: null, email: null, ...names };
    const house = await ScriptedHouse.open({ user }, 'microsoft');
    const form = { ...client, tenant: { tenantType: 'AZURE_AD_TENANT_TYPE_CONSUMERS' } };
    for (const [tenant, emailVerified, verification] of [
      [{ tenantId: 'mouse.example' }, false, { sendCode: {} }],
      [{ tenantId: 'mouse.example' }, true, { isVerified: true }],
      [form.tenant, true, { sendCode: {} }],
    ] as const) {
      const idpId = await newProvider('azure', { ...form, tenant, emailVerified });
      const { idpInformation, addHumanUser } = await told(house, idpId);
      expect(idpInformation).toMatchObject({ userId: 'an-id', userName: 'minnie@house.example' });
      expect(addHumanUser).toEqual({
        username: 'minnie@house.example',
        profile: { givenName: 'Minnie', familyName: 'Mouse', displayName: 'Minnie M.', preferredLanguage: 'de-CH' },
        email: { email: 'minnie@house.example', ...verification },
        phone: { phone: '+41791234567', sendCode: {} },
        idpLinks: [{ idpId, userId: 'an-id', userName: 'minnie@house.example' }],
      });
    }
    await house.follow({ user: { ...user, mail: 'minnie@mouse.example' } });
    const { addHumanUser } = await told(house, await newProvider('azure', form));
    expect(addHumanUser.email.email).toBe('minnie@mouse.example');
  });
});

function saysOf(...methods: string[]): Script {
  return { metadata: { token_endpoint_auth_methods_supported: methods } };
}

function signsBy(...algorithms: string[]): Script {
  return { metadata: { id_token_signing_alg_values_supported: algorithms } };
}

it.skipIf(inject('scriptedProviders') === undefined)('a log-in that failed opens nothing', async () => {
  const house = await ScriptedHouse.open();
  const idpId = await house.asOpenId();
  const good = intentOf(await logIn(idpId));
  await house.follow({ signature: 'none' });
  const { parameters } = await logIn(idpId);
  const { userId } = await newUser();
  const failed = { idpIntentId: parameters.id ?? '', idpIntentToken: good.idpIntentToken };
  expect(refusal(await retrieve(failed))).toEqual([403, 'CRYPTO-CRYPTO']);
  expect(refusal(await set(await createFor(userId), intentCheck(failed)))).toEqual([403, 'CRYPTO-CRYPTO']);
});
