import { beforeAll, describe, expect, inject, it } from 'vitest';
import { anOrganization, api, type Client, newMachine, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, refusal, set } from '../support/login.ts';
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
import { SECRET } from '../support/scripted-provider.ts';

const CLIENT = { clientId: 'sallyport', clientSecret: SECRET };
const OIDC = { ...CLIENT, name: 'Mouse House', issuer: 'https://house.example' };
const OAUTH = {
  ...CLIENT,
  name: 'Mouse House',
  authorizationEndpoint: 'https://house.example/authorize',
  tokenEndpoint: 'https://house.example/token',
  userEndpoint: 'https://house.example/user',
  idAttribute: 'id',
};
const FORMS = {
  generic_oidc: { fields: OIDC, type: 'OIDC', config: 'oidc', shown: { issuer: OIDC.issuer, scopes: ['openid', 'profile', 'email', 'phone'] } },
  oauth: {
    fields: OAUTH,
    type: 'OAUTH',
    config: 'oauth',
    shown: {
      authorizationEndpoint: OAUTH.authorizationEndpoint,
      tokenEndpoint: OAUTH.tokenEndpoint,
      userEndpoint: OAUTH.userEndpoint,
      idAttribute: 'id',
    },
  },
  github: { fields: CLIENT, type: 'GITHUB', config: 'github', shown: { scopes: ['read:user', 'user:email'] } },
  google: { fields: CLIENT, type: 'GOOGLE', config: 'google', shown: { scopes: ['openid', 'profile', 'email'] } },
  azure: {
    fields: { ...CLIENT, name: 'Azure' },
    type: 'AZURE_AD',
    config: 'azureAd',
    shown: { scopes: ['User.Read'], tenant: { tenantType: 'AZURE_AD_TENANT_TYPE_COMMON' } },
  },
} as const;
type Kind = keyof typeof FORMS;
const KINDS = Object.keys(FORMS) as Kind[];

const add = (kind: Kind, fields: object, client: Client = api()) => client.post(`/admin/v1/idps/${kind}`, fields);
const change = (kind: Kind, id: string, fields: object, client: Client = api()) => client.put(`/admin/v1/idps/${kind}/${id}`, fields);
const read = (id: string, client: Client = api()) => client.get(`/v2/idps/${id}`);
const readTemplate = (id: string, client: Client = api()) => client.get(`/admin/v1/idps/templates/${id}`);
const list = (client: Client = api()) => client.post('/admin/v1/idps/templates/_search', {});
const deactivate = (id: string, client: Client = api()) => client.post(`/admin/v1/idps/${id}/_deactivate`);
const reactivate = (id: string, client: Client = api()) => client.post(`/admin/v1/idps/${id}/_reactivate`);
const remove = (id: string, client: Client = api()) => client.delete(`/admin/v1/idps/templates/${id}`);
const configOf = async (id: string, kind: Kind) => (await read(id)).body.idp.config[FORMS[kind].config];

describe.each(KINDS)('an identity provider of the form %s', (kind) => {
  const { fields, type, config, shown } = FORMS[kind];

  it('is added, and read in both of Zitadel’s ways, without its secret', async () => {
    const added = await add(kind, fields);
    expect(added).toMatchObject({ status: 200, body: { details: { sequence: '1', resourceOwner: 'sallyport' } } });
    const { id, details } = added.body;
    expect(details.changeDate).toBe(details.creationDate);
    const name = 'name' in fields ? fields.name : { github: 'GitHub', google: 'Google' }[kind as 'github' | 'google'];
    const both = { id, details, state: 'IDP_STATE_ACTIVE', name };
    const known = { clientId: 'sallyport', ...shown };
    expect((await read(id)).body.idp).toEqual({ ...both, type: `IDP_TYPE_${type}`, config: { options: {}, [config]: known } });
    expect((await readTemplate(id)).body.idp).toEqual({
      ...both,
      owner: 'IDP_OWNER_TYPE_SYSTEM',
      type: `PROVIDER_TYPE_${type}`,
      config: { options: {}, [`${config}Config`]: known },
    });
  });

  it('is changed as a whole, and is another’s form by no change', async () => {
    const { id } = (await add(kind, { ...fields, scopes: ['one', 'two'], providerOptions: { isLinkingAllowed: true } })).body;
    const options = { isCreationAllowed: true, isAutoCreation: true, isAutoUpdate: true, autoLinking: 'AUTO_LINKING_OPTION_EMAIL' };
    const changed = await change(kind, id, { ...fields, name: 'Duck House', clientId: 'another', providerOptions: options });
    expect(changed).toMatchObject({ status: 200, body: { details: { sequence: '2', resourceOwner: 'sallyport' } } });
    const { idp } = (await read(id)).body;
    expect(idp).toMatchObject({ name: 'Duck House', details: changed.body.details });
    expect(idp.config).toEqual({ options, [config]: expect.objectContaining({ clientId: 'another', ...shown }) });
    const other = KINDS[(KINDS.indexOf(kind) + 1) % KINDS.length] as Kind;
    expect(refusal(await change(other, id, { ...FORMS[other].fields }))).toEqual([404, 'INST-KSi3M']);
    expect((await read(id)).body.idp).toEqual(idp);
  });

  it('shows after a change what it shows of one that was added so', async () => {
    const { id } = (await add(kind, fields)).body;
    const before = await configOf(id, kind);
    await change(kind, id, fields);
    expect(await configOf(id, kind)).toEqual(before);
  });

  it.each<[string, object]>([
    ['no client id', { clientId: undefined }],
    ['an empty client id', { clientId: '' }],
    ['a client id that is too long', { clientId: 'x'.repeat(201) }],
    ['a secret that is too long', { clientSecret: 'x'.repeat(2001) }],
    ['a name that is too long', { name: 'x'.repeat(201) }],
    ['a scope that is two', { scopes: ['one two'] }],
    ['an empty scope', { scopes: [''] }],
    ['a scope with a quotation mark', { scopes: ['"'] }],
    ['too many scopes', { scopes: Array.from({ length: 21 }, (_, index) => `scope-${index}`) }],
    ['an option that is none', { providerOptions: { autoLinking: 3 } }],
    ['an option that is no flag', { providerOptions: { isLinkingAllowed: 'maybe' } }],
    ['a way of authentication that is none', { clientAuthentication: 'none' }],
  ])('is neither added nor changed with %s', async (_, wrong) => {
    const { id } = (await add(kind, fields)).body;
    const before = (await read(id)).body;
    expect((await add(kind, { ...fields, ...wrong })).status).toBe(400);
    expect((await change(kind, id, { ...fields, ...wrong })).status).toBe(400);
    expect((await read(id)).body).toEqual(before);
  });
});

describe('an identity provider', () => {
  it.each<[Kind, string]>([
    ['generic_oidc', 'issuer'],
    ['oauth', 'authorizationEndpoint'],
    ['oauth', 'tokenEndpoint'],
    ['oauth', 'userEndpoint'],
  ])('is asked over https, or on this machine: %s, %s', async (kind, field) => {
    const { fields } = FORMS[kind];
    for (const url of [
      'https://house.example',
      'https://house.example:8443/a?b=c',
      'http://localhost:3000/a',
      'http://127.0.0.1:1',
      'http://[::1]:1',
    ]) {
      expect([url, (await add(kind, { ...fields, [field]: url })).status]).toEqual([url, 200]);
    }
    for (const url of [
      'http://house.example',
      'http://localhost.house.example',
      'http://127.0.0.1.house.example',
      'http://10.0.0.1',
      'https://somebody@house.example',
      'https://somebody:secret@house.example',
      'https://house.example#fragment',
      'https://house .example',
      'ftp://house.example',
      'javascript:alert(1)',
      'file:///etc/passwd',
      '//house.example',
      'house.example',
      'https://',
      '',
      `https://house.example/${'x'.repeat(500)}`,
      undefined,
    ]) {
      expect([url, (await add(kind, { ...fields, [field]: url })).status]).toEqual([url, 400]);
    }
  });

  it('of OAuth 2.0 needs to say which attribute is the id', async () => {
    for (const idAttribute of [undefined, '', 'x'.repeat(201)]) expect((await add('oauth', { ...OAUTH, idAttribute })).status).toBe(400);
  });

  it('needs a name where none is known', async () => {
    for (const kind of ['generic_oidc', 'oauth', 'azure'] as const) {
      for (const name of [undefined, '']) expect([kind, (await add(kind, { ...FORMS[kind].fields, name })).status]).toEqual([kind, 400]);
    }
    const { id } = (await add('github', { ...CLIENT, name: 'Our own' })).body;
    expect((await read(id)).body.idp.name).toBe('Our own');
  });

  it('of OpenID Connect is always asked for openid', async () => {
    for (const kind of ['generic_oidc', 'google'] as const) {
      const { id } = (await add(kind, { ...FORMS[kind].fields, scopes: ['email'] })).body;
      expect((await configOf(id, kind)).scopes).toEqual(['openid', 'email']);
      await change(kind, id, { ...FORMS[kind].fields, scopes: ['email', 'openid'] });
      expect((await configOf(id, kind)).scopes).toEqual(['email', 'openid']);
    }
  });

  it('of another kind is asked for what is set, and no more', async () => {
    for (const kind of ['oauth', 'github', 'azure'] as const) {
      const { id } = (await add(kind, { ...FORMS[kind].fields, scopes: ['email'] })).body;
      expect((await configOf(id, kind)).scopes).toEqual(['email']);
    }
  });

  it('shows what was set of its kind', async () => {
    const set = { isIdTokenMapping: true, usePkce: true, clientAuthentication: 'post' };
    const { id } = (await add('generic_oidc', { ...OIDC, ...set })).body;
    expect(await configOf(id, 'generic_oidc')).toMatchObject({ isIdTokenMapping: true, usePkce: true });
    const template = (await readTemplate(id)).body.idp.config.oidcConfig;
    expect(template).toEqual(await configOf(id, 'generic_oidc'));
  });

  it('takes snake case, as every message', async () => {
    const { id } = (await add('generic_oidc', { name: 'Mouse House', issuer: OIDC.issuer, client_id: 'snake', is_id_token_mapping: true })).body;
    expect(await configOf(id, 'generic_oidc')).toMatchObject({ clientId: 'snake', isIdTokenMapping: true });
  });

  describe('of Azure', () => {
    const addTenant = (tenant: unknown) => add('azure', { ...FORMS.azure.fields, tenant });
    const loginOf = async (id: string) => new URL(await started(id));

    it.each([
      [undefined, { tenantType: 'AZURE_AD_TENANT_TYPE_COMMON' }, 'common'],
      [{}, { tenantType: 'AZURE_AD_TENANT_TYPE_COMMON' }, 'common'],
      [{ tenantType: 'AZURE_AD_TENANT_TYPE_COMMON' }, { tenantType: 'AZURE_AD_TENANT_TYPE_COMMON' }, 'common'],
      [{ tenantType: 'AZURE_AD_TENANT_TYPE_ORGANISATIONS' }, { tenantType: 'AZURE_AD_TENANT_TYPE_ORGANISATIONS' }, 'organizations'],
      [{ tenantType: 2 }, { tenantType: 'AZURE_AD_TENANT_TYPE_CONSUMERS' }, 'consumers'],
      [{ tenantId: 'mouse.example' }, { tenantId: 'mouse.example' }, 'mouse.example'],
    ])('has the tenant %j', async (tenant, shown, path) => {
      const { id } = (await addTenant(tenant)).body;
      expect((await configOf(id, 'azure')).tenant).toEqual(shown);
      const { origin, pathname, searchParams } = await loginOf(id);
      expect(`${origin}${pathname}`).toBe(`https://login.microsoftonline.com/${path}/oauth2/v2.0/authorize`);
      expect([searchParams.get('scope'), searchParams.get('prompt'), searchParams.get('code_challenge_method')]).toEqual([
        'User.Read',
        'select_account',
        'S256',
      ]);
    });

    it.each([
      { tenantId: 'a/b' },
      { tenantId: '' },
      { tenantId: 'a?b' },
      { tenantId: 'a#b' },
      { tenantId: '%2e%2e' },
      { tenantId: 'x'.repeat(201) },
      { tenantType: 3 },
      { tenantType: 'AZURE_AD_TENANT_TYPE_COMMON', tenantId: 'mouse.example' },
      'common',
    ])('has no tenant %j', async (tenant) => {
      expect((await addTenant(tenant)).status).toBe(400);
    });

    it('vouches for addresses only where told so', async () => {
      const { id } = (await add('azure', { ...FORMS.azure.fields, emailVerified: true })).body;
      expect((await configOf(id, 'azure')).emailVerified).toBe(true);
    });
  });

  it('of GitHub is started without a question to it', async () => {
    const { origin, pathname, searchParams } = new URL(await started(await newProvider('github', CLIENT)));
    expect(`${origin}${pathname}`).toBe('https://github.com/login/oauth/authorize');
    expect(Object.fromEntries(searchParams)).toEqual({
      client_id: 'sallyport',
      redirect_uri: `${new URL(inject('baseUrl')).origin}/idps/callback`,
      response_type: 'code',
      scope: 'read:user user:email',
      state: expect.any(String),
      prompt: 'select_account',
      code_challenge: expect.any(String),
      code_challenge_method: 'S256',
    });
  });

  it('is listed, the oldest first, with how many there are', async () => {
    const ids: string[] = [];
    for (const kind of KINDS) ids.push((await add(kind, FORMS[kind].fields)).body.id);
    const { status, body } = await api().post('/admin/v1/idps/templates/_search', { query: { limit: 1000 } });
    expect(status).toBe(200);
    expect(body.details).toEqual({ totalResult: String(body.result.length), timestamp: expect.any(String) });
    expect((await list()).body).toMatchObject({ details: { totalResult: body.details.totalResult }, result: body.result.slice(0, 100) });
    const listed = body.result.filter(({ id }: { id: string }) => ids.includes(id));
    expect(listed.map(({ id }: { id: string }) => id)).toEqual(ids);
    for (const idp of listed) expect(idp).toEqual((await readTemplate(idp.id)).body.idp);
  });

  it('is deactivated and activated again, each once', async () => {
    const { id } = (await add('generic_oidc', OIDC)).body;
    expect(refusal(await reactivate(id))).toEqual([400, 'IDP-State']);
    const stopped = await deactivate(id);
    expect(stopped).toMatchObject({ status: 200, body: { details: { sequence: '2' } } });
    expect((await read(id)).body.idp).toMatchObject({ state: 'IDP_STATE_INACTIVE', details: stopped.body.details });
    expect((await readTemplate(id)).body.idp.state).toBe('IDP_STATE_INACTIVE');
    expect(refusal(await deactivate(id))).toEqual([400, 'IDP-State']);
    await change('generic_oidc', id, OIDC);
    expect((await read(id)).body.idp.state).toBe('IDP_STATE_INACTIVE');
    expect((await reactivate(id)).status).toBe(200);
    expect((await read(id)).body.idp).toMatchObject({ state: 'IDP_STATE_ACTIVE', details: { sequence: '4' } });
  });

  it('is deleted, and unknown from then on', async () => {
    const { id } = (await add('generic_oidc', OIDC)).body;
    expect(await remove(id)).toMatchObject({ status: 200, body: { details: { sequence: '2', resourceOwner: 'sallyport' } } });
    expect((await list()).body.result.map((idp: { id: string }) => idp.id)).not.toContain(id);
    for (const answer of [
      await remove(id),
      await read(id),
      await readTemplate(id),
      await deactivate(id),
      await reactivate(id),
      await change('generic_oidc', id, OIDC),
      await read('unknown'),
    ]) {
      expect(refusal(answer)).toEqual([404, 'INST-KSi3M']);
    }
    expect(refusal(await start(id))).toEqual([400, 'COMMAND-39n221fs']);
  });
});

describe.skipIf(inject('scriptedProviders') === undefined)('an identity provider that people log in at', () => {
  it('takes its links and log-ins with it when it is deleted', async () => {
    const house = await ScriptedHouse.open();
    const [idpId, other] = [await house.asOpenId(), await house.asOpenId()];
    const { userId } = await newUser();
    for (const id of [idpId, other]) await api().post(`/v2/users/${userId}/links`, { idpLink: { idpId: id, userId: 'minnie', userName: 'minnie' } });
    const intent = intentOf(await logIn(idpId));
    const callback = await passThrough(await started(idpId));
    await remove(idpId);
    expect(refusal(await retrieve(intent))).toEqual([400, 'IDP-nme4gszsvx']);
    expect(refusal(await set(await createFor(userId), intentCheck(intent)))).toEqual([400, 'COMMAND-Df4bw']);
    expect(await comeBack(callback)).toMatchObject({ status: 400, text: 'Intent has not been started (IDP-gy3ctgkqe7)' });
    const links = (await api().post(`/v2/users/${userId}/links/_search`, {})).body.result;
    expect(links).toEqual([{ idpId: other, userId: 'minnie', userName: 'minnie' }]);
    expect(intentOf(await logIn(other)).user).toBe(userId);
  });

  it('keeps its secret when it is changed without one, and has another when given one', async () => {
    const house = await ScriptedHouse.open();
    const fields = { name: 'Mouse House', issuer: house.issuer, clientId: 'sallyport', clientAuthentication: 'post' };
    const idpId = await newProvider('generic_oidc', { ...fields, clientSecret: SECRET });
    for (const clientSecret of [undefined, '', 'another-secret']) {
      expect((await change('generic_oidc', idpId, { ...fields, clientSecret })).status).toBe(200);
      expect(intentOf(await logIn(idpId))).toBeDefined();
    }
    expect((await house.received('token')).map(({ form }) => form.client_secret)).toEqual([SECRET, SECRET, 'another-secret']);
  });

  it('is asked as it was changed, also by who started before', async () => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOAuth();
    const callback = await passThrough(await started(idpId));
    const endpoints = {
      authorizationEndpoint: `${house.issuer}/authorize`,
      tokenEndpoint: 'http://127.0.0.1:1/',
      userEndpoint: `${house.issuer}/userinfo`,
    };
    await change('oauth', idpId, { ...OAUTH, ...endpoints });
    expect(failure(await comeBack(callback))).toEqual(FAILED);
    expect(await house.received('token')).toEqual([]);
  });

  it('has its secret in no answer, whoever asks for what', async () => {
    const house = await ScriptedHouse.open();
    const idpId = await house.asOpenId();
    const answers = [
      await read(idpId),
      await readTemplate(idpId),
      await list(),
      await change('generic_oidc', idpId, { ...OIDC, issuer: house.issuer }),
      await start(idpId),
      await retrieve(intentOf(await logIn(idpId))),
      await deactivate(idpId),
      await remove(idpId),
    ];
    for (const { status, body } of answers) {
      expect(status).toBe(200);
      expect(JSON.stringify(body)).not.toContain(SECRET);
      expect(JSON.stringify(body)).not.toMatch(/secret/i);
    }
  });
});

describe('whoever may read and write identity providers', () => {
  let idpId: string;
  beforeAll(async () => {
    idpId = (await add('generic_oidc', OIDC)).body.id;
  });

  const READS = { read: () => read, list: () => (_: string, client: Client) => list(client) } as const;
  const writes = (client: Client) =>
    [
      () => Promise.all(KINDS.map((kind) => add(kind, FORMS[kind].fields, client))),
      () => Promise.all(KINDS.map((kind) => change(kind, idpId, FORMS[kind].fields, client))),
      async () => [await deactivate(idpId, client), await reactivate(idpId, client), await remove(idpId, client)],
    ] as const;

  it.each([
    ['IAM_OWNER_VIEWER', { instance: ['IAM_OWNER_VIEWER'] }, [200, undefined]],
    ['IAM_LOGIN_CLIENT', { instance: ['IAM_LOGIN_CLIENT'] }, [200, undefined]],
    ['IAM_USER_MANAGER', { instance: ['IAM_USER_MANAGER'] }, [403, 'AUTH-AWfge']],
    ['SESSION_CLIENT', { organization: ['SESSION_CLIENT'] }, [403, 'AUTH-AWfge']],
    ['no role', {}, [403, 'AUTH-AWfge']],
  ])('are told by the template call to whoever may read the instance’s: %s', async (_, roles, expected) => {
    expect(refusal(await readTemplate(idpId, api((await newMachine(roles)).token)))).toEqual(expected);
  });

  it('are not told by the template call to who may read those of an organisation only', async () => {
    for (const roles of [{ instance: ['IAM_ORG_MANAGER'] }, { organization: ['ORG_OWNER'] }]) {
      expect(refusal(await readTemplate(idpId, api((await newMachine(roles)).token)))).toEqual([403, 'AUTH-AWfge']);
    }
  });

  it.each<[string, { instance?: string[]; organization?: string[] }, (keyof typeof READS)[]]>([
    ['IAM_OWNER_VIEWER', { instance: ['IAM_OWNER_VIEWER'] }, ['read', 'list']],
    ['IAM_LOGIN_CLIENT', { instance: ['IAM_LOGIN_CLIENT'] }, ['read', 'list']],
    ['IAM_ORG_MANAGER', { instance: ['IAM_ORG_MANAGER'] }, ['read']],
    ['IAM_USER_MANAGER', { instance: ['IAM_USER_MANAGER'] }, []],
    ['SESSION_CLIENT on the instance', { instance: ['SESSION_CLIENT'] }, []],
    ['ORG_OWNER', { organization: ['ORG_OWNER'] }, ['read']],
    ['ORG_USER_MANAGER', { organization: ['ORG_USER_MANAGER'] }, []],
    ['SESSION_CLIENT', { organization: ['SESSION_CLIENT'] }, []],
    ['no role', {}, []],
  ])('are not those of %s, but as far as they may read', async (_, roles, reads) => {
    const { token } = await newMachine(roles);
    const client = api(token);
    const before = (await read(idpId)).body;
    for (const [name, ask] of Object.entries(READS)) {
      const answer = await ask()(idpId, client);
      const may = reads.includes(name as keyof typeof READS);
      expect([name, ...refusal(answer)]).toEqual(may ? [name, 200, undefined] : [name, 403, 'AUTH-AWfge']);
    }
    for (const write of writes(client)) for (const answer of await write()) expect(refusal(answer)).toEqual([403, 'AUTH-AWfge']);
    expect((await read(idpId)).body).toEqual(before);
  });

  it('are those of IAM_OWNER', async () => {
    const client = api((await newMachine({ instance: ['IAM_OWNER'] })).token);
    for (const kind of KINDS) {
      const { id } = (await add(kind, FORMS[kind].fields, client)).body;
      const answers = [
        await change(kind, id, FORMS[kind].fields, client),
        await read(id, client),
        await readTemplate(id, client),
        await list(client),
        await deactivate(id, client),
        await reactivate(id, client),
        await remove(id, client),
      ];
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    }
  });

  it('are not told to whoever may read nothing that there is none, nor to somebody unknown anything', async () => {
    const { token } = await newMachine();
    expect(refusal(await read('unknown', api(token)))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await remove('unknown', api(token)))).toEqual([403, 'AUTH-AWfge']);
    for (const bearer of ['', 'wrong']) {
      for (const ask of [read, readTemplate]) expect((await ask(idpId, api(bearer))).status).toBe(401);
      expect((await list(api(bearer))).status).toBe(401);
      for (const write of writes(api(bearer))) for (const answer of await write()) expect(answer.status).toBe(401);
    }
  });

  it('are not those of a person who is signed in', async () => {
    const { userId } = await newUser({ organization: { orgId: await anOrganization() }, username: unique('mini') });
    const { token } = await create({ checks: { user: { userId }, password: { password: PASSWORD } } });
    expect(refusal(await add('generic_oidc', OIDC, api(token)))).toEqual([403, 'AUTH-AWfge']);
    expect(refusal(await read(idpId, api(token)))).toEqual([403, 'AUTH-AWfge']);
  });
});
