import type { User } from '../../src/directory/users.ts';
import { authenticator } from '../support/authenticator.ts';
import { aTotpUser, SECRET } from './billed-session.ts';
import { linkTo, newProvider, returnedUser } from './idp-user.ts';
import { codeOf, newOtpUser, returned as otpReturned } from './otp-user.ts';
import { challenged, newPasskeyUser, Passkey, RP_ID, send } from './passkey-user.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { sessionIn } from './sessions-world.ts';
import { cells, type Login, newUser, PASSWORD, patch } from './world.ts';

/** A request that D1 is needed for, in a world of its own. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: object | undefined;
  readonly bearer?: string;
  /** Ids of what it is about, by which rows are found in D1. */
  readonly about: readonly string[];
  /** The session that it changes. */
  readonly login?: Login;
  /** The user whose attempts it may cost. */
  readonly user?: User;
}

/** One kind of request. */
export interface Kind {
  /** Makes the world, and says what is asked in it. */
  readonly ask: () => Promise<Asked>;
  /** A statement that is carried out ahead of the rest: the same request goes on from there. */
  readonly ahead?: RegExp;
  /** What a repeat is told where the first was carried out, and cannot be carried out twice: status and error id. */
  readonly again?: readonly string[];
  /** A repeat makes another. */
  readonly another?: true;
}

/** All in one cell, where no other test has one: they are many, and others look at whole cells. */
const aSession = (user?: User): Promise<Login> => sessionIn('sessions:afr:1', user);

/** What the setup of a world needs to succeed. */
async function made(method: string, path: string, body?: object) {
  const answer = await send(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const ofUser =
  (method: string, path: string, body?: object, prepare: () => Promise<User> = newUser, before?: (user: User) => Promise<unknown>) =>
  async () => {
    const user = await prepare();
    await before?.(user);
    return { method, path: `/v2/users/${user.id}${path}`, body, about: [user.id], user };
  };

/** A PATCH of a session with these checks (and challenges), whose user is in it already; of the user's cell nothing is warm. */
async function check(login: Login, user: User, body: object): Promise<Asked> {
  await cells.user(user.cell).forget(user.id);
  const { sessionId, token: sessionToken } = login;
  return { method: 'PATCH', path: `/v2/sessions/${sessionId}`, body: { sessionToken, ...body }, about: [user.id], login, user };
}

/** A PATCH with a check, of a person who is made for it. */
const checkOf =
  (prepare: () => Promise<User>, bodyOf: (user: User) => Promise<object> | object, { named = false } = {}) =>
  async () => {
    const user = await prepare();
    return check(await aSession(named ? undefined : user), user, await bodyOf(user));
  };

const passwordCheck = { password: { password: PASSWORD } };
const sessionOf = (body: (user: User) => object) => async (): Promise<Asked> => {
  const user = await newUser();
  return { method: 'POST', path: '/v2/sessions', body: body(user), about: [user.id], user };
};
const loginNameOf = ({ id }: User) => `${id}@mouse.com`;
const assertionOf = async (passkey: Passkey, challenge: string) => {
  const { id, ...response } = await passkey.get(challenge);
  return { checks: { webAuthN: { credentialAssertionData: { id, rawId: id, type: 'public-key', response } } } };
};
const challenge = { challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_PREFERRED' } } };

const SESSIONS: Record<string, Kind> = {
  'CreateSession with a user by id': { ask: sessionOf(({ id }) => ({ checks: { user: { userId: id } } })), another: true },
  'CreateSession with a user by login name and a password': {
    ask: sessionOf((user) => ({ checks: { user: { loginName: loginNameOf(user) }, ...passwordCheck } })),
    another: true,
  },
  'SetSession with a user by id': { ask: checkOf(newUser, ({ id }) => ({ checks: { user: { userId: id } } }), { named: true }) },
  'SetSession with a user by login name and a password': {
    ask: checkOf(newUser, (user) => ({ checks: { user: { loginName: loginNameOf(user) }, ...passwordCheck } }), { named: true }),
  },
  'SetSession with a password': { ask: checkOf(newUser, () => ({ checks: passwordCheck })) },
  'SetSession with a TOTP': { ask: checkOf(aTotpUser, () => ({ checks: { totp: { code: authenticator(SECRET).code() } } })) },
  'SetSession with a recovery code': {
    ask: checkOf(newUser, async (user) => ({ checks: { recoveryCode: { code: (await newRecoveryCodes(user, 2))[0] } } })),
  },
  'SetSession that opens a code': { ask: checkOf(newOtpUser, () => ({ challenges: { otpEmail: { returnCode: {} } } })) },
  'SetSession with a code': {
    ask: async () => {
      const user = await newOtpUser();
      const login = await aSession(user);
      const { code, login: next } = codeOf(login, await patch(login, otpReturned));
      return check(next, user, { checks: { otpEmail: { code } } });
    },
  },
  'SetSession that asks for a passkey': {
    ask: checkOf(
      async () => (await newPasskeyUser()).user,
      () => challenge,
    ),
  },
  'SetSession with a passkey': {
    ask: async () => {
      const { user, passkey } = await newPasskeyUser();
      const { login, options } = await challenged(await aSession(user));
      return check(login, user, await assertionOf(passkey, options.challenge));
    },
  },
  'SetSession with a passkey that says who the user is': {
    ask: async () => {
      const { user, passkey } = await newPasskeyUser();
      const { login, options } = await challenged(await aSession());
      return check(login, user, await assertionOf(passkey, options.challenge));
    },
  },
  'SetSession with an intent': {
    ask: async () => {
      const { user, intent } = await returnedUser();
      const checks = { idpIntent: { idpIntentId: intent.intentId, idpIntentToken: intent.token } };
      return { ...(await check(await aSession(user), user, { checks })), about: [user.id, intent.intentId] };
    },
    ahead: /SET state = 'consumed'/,
  },
  ListSessions: {
    ask: async () => {
      const user = await newUser();
      return { method: 'POST', path: '/v2/sessions/search', body: { queries: [{ userIdQuery: { id: user.id } }] }, about: [user.id] };
    },
  },
};

const person = (id: string) => ({
  userId: id,
  username: `${id}@mouse.com`,
  profile: { givenName: 'Minnie', familyName: 'Mouse' },
  email: { email: `${id}@mouse.com`, returnCode: {} },
  password: { password: PASSWORD },
  metadata: [{ key: 'a', value: 'MQ==' }],
  totpSecret: SECRET,
});

const newPerson = (path: string, bodyOf: (id: string) => object) => async (): Promise<Asked> => {
  await newUser();
  const id = crypto.randomUUID();
  return { method: 'POST', path, body: bodyOf(id), about: [id] };
};

/** A code that a person was handed back. */
const withCode = (open: string, body: object, use: (code: never) => object, path: string) => async (): Promise<Asked> => {
  const user = await newOtpUser();
  const { verificationCode, code } = await made('POST', `/v2/users/${user.id}${open}`, body);
  return { method: 'POST', path: `/v2/users/${user.id}${path}`, body: use((verificationCode ?? code) as never), about: [user.id], user };
};

const transited =
  (...verbs: string[]) =>
  async (user: User) => {
    for (const verb of verbs) await made('POST', `/v2/users/${user.id}/${verb}`, {});
  };

const elsewhere = () => `${crypto.randomUUID()}@elsewhere.example`;
const sessionsOfUser = async (user: User): Promise<void> => void (await aSession(user));

const USERS: Record<string, Kind> = {
  AddHumanUser: {
    ask: newPerson('/v2/users/human', (id) => ({ organization: { orgId: 'org' }, ...person(id) })),
    again: ['409 COMMAND-7yiox1isql'],
  },
  'CreateUser of a person': {
    ask: newPerson('/v2/users/new', (id) => {
      const { userId, username, ...human } = person(id);
      return { organizationId: 'org', userId, username, human };
    }),
    again: ['409 COMMAND-7yiox1isql'],
  },
  'CreateUser of a machine': {
    ask: newPerson('/v2/users/new', (id) => ({ organizationId: 'org', userId: id, username: id, machine: { name: 'A machine' } })),
    again: ['409 COMMAND-7yiox1isql'],
  },
  GetUserByID: { ask: ofUser('GET', '') },
  ListUsers: {
    ask: async () => {
      const user = await newUser();
      return { method: 'POST', path: '/v2/users', body: { queries: [{ inUserIdsQuery: { userIds: [user.id] } }] }, about: [user.id] };
    },
  },
  ExportUser: { ask: ofUser('GET', '/export', undefined, newUser, sessionsOfUser) },
  ListUserEvents: { ask: ofUser('GET', '/events') },
  ListAuthenticationMethodTypes: { ask: ofUser('GET', '/authentication_methods') },
  ListAuthenticationFactors: { ask: ofUser('POST', '/authentication_factors/_search', {}) },
  'SetEmail that verifies it': {
    ask: async () => ofUser('POST', '/email', { email: elsewhere(), isVerified: true })(),
    again: ['400 COMMAND-Uch5e'],
  },
  'SetEmail that hands a code back': {
    ask: async () => ofUser('POST', '/email', { email: elsewhere(), returnCode: {} })(),
    again: ['400 COMMAND-Uch5e'],
  },
  SetPhone: { ask: ofUser('POST', '/phone', { phone: '+41791234567', returnCode: {} }), again: ['400 COMMAND-Uch5e'] },
  RemovePhone: { ask: ofUser('DELETE', '/phone', undefined, newOtpUser) },
  SendEmailCode: { ask: ofUser('POST', '/email/send', { returnCode: {} }, newOtpUser) },
  VerifyEmail: {
    ask: withCode('/email/send', { returnCode: {} }, (verificationCode) => ({ verificationCode }), '/email/verify'),
    again: ['400 COMMAND-eis9R'],
  },
  PasswordReset: { ask: ofUser('POST', '/password_reset', { returnCode: {} }) },
  'SetPassword by an administrator': { ask: ofUser('POST', '/password', { newPassword: { password: 'An0ther-one!' } }) },
  'SetPassword by the current one': {
    ask: ofUser('POST', '/password', { newPassword: { password: 'An0ther-one!' }, currentPassword: PASSWORD }, newUser, sessionsOfUser),
    again: ['400 COMMAND-3M0fs'],
  },
  'SetPassword by a code': {
    ask: withCode(
      '/password_reset',
      { returnCode: {} },
      (verificationCode) => ({ newPassword: { password: 'An0ther-one!' }, verificationCode }),
      '/password',
    ),
    again: ['400 COMMAND-2M9fs'],
  },
  LockUser: { ask: ofUser('POST', '/lock', {}, newUser, sessionsOfUser), again: ['400 COMMAND-lgws8wtsqf'] },
  UnlockUser: { ask: ofUser('POST', '/unlock', {}, newUser, transited('lock')), again: ['400 COMMAND-olb9vb0oca'] },
  DeactivateUser: { ask: ofUser('POST', '/deactivate', {}, newUser, sessionsOfUser), again: ['400 COMMAND-5gunjw0cd7'] },
  ReactivateUser: { ask: ofUser('POST', '/reactivate', {}, newUser, transited('deactivate')), again: ['400 COMMAND-s5qqcz97hf'] },
  DeleteUser: { ask: ofUser('DELETE', '', undefined, newOtpUser, sessionsOfUser), again: ['404 COMMAND-bd4ir1mblj'] },
  EndUserSessions: { ask: ofUser('DELETE', '/sessions', undefined, newUser, sessionsOfUser) },
};

const registered = (path: string) => (user: User) => made('POST', `/v2/users/${user.id}${path}`, {});

const verifying =
  (path: 'passkeys' | 'u2f', idOf: (begun: { passkeyId: string; u2fId: string }) => string, nameOf: object) => async (): Promise<Asked> => {
    const user = await newUser();
    const begun = await made('POST', `/v2/users/${user.id}/${path}`, { domain: RP_ID });
    const passkey = await Passkey.for(user.id);
    const publicKeyCredential = await passkey.create(begun.publicKeyCredentialCreationOptions.publicKey.challenge);
    const about = [user.id];
    return { method: 'POST', path: `/v2/users/${user.id}/${path}/${idOf(begun)}`, body: { publicKeyCredential, ...nameOf }, about, user };
  };

const CREDENTIALS: Record<string, Kind> = {
  RegisterTOTP: { ask: ofUser('POST', '/totp', {}) },
  VerifyTOTPRegistration: {
    ask: async () => {
      const user = await newUser();
      const { secret } = await registered('/totp')(user);
      return { method: 'POST', path: `/v2/users/${user.id}/totp/verify`, body: { code: authenticator(secret).code() }, about: [user.id], user };
    },
    again: ['400 COMMAND-qx4ls'],
  },
  RemoveTOTP: { ask: ofUser('DELETE', '/totp', undefined, aTotpUser), again: ['404 COMMAND-Hd9sd'] },
  AddOTPEmail: {
    ask: ofUser('POST', '/otp_email', {}, newOtpUser, (user) => made('DELETE', `/v2/users/${user.id}/otp_email`)),
    again: ['409 COMMAND-MKL2s'],
  },
  RemoveOTPEmail: { ask: ofUser('DELETE', '/otp_email', undefined, newOtpUser), again: ['404 COMMAND-b312D'] },
  AddOTPSMS: {
    ask: ofUser('POST', '/otp_sms', {}, newOtpUser, (user) => made('DELETE', `/v2/users/${user.id}/otp_sms`)),
    again: ['409 COMMAND-Ad3g2'],
  },
  RemoveOTPSMS: { ask: ofUser('DELETE', '/otp_sms', undefined, newOtpUser), again: ['404 COMMAND-Sr3h3'] },
  GenerateRecoveryCodes: { ask: ofUser('POST', '/recovery_codes', { count: 3 }) },
  RemoveRecoveryCodes: {
    ask: ofUser('DELETE', '/recovery_codes', undefined, newUser, (user) => newRecoveryCodes(user, 3)),
    again: ['400 COMMAND-84rgg'],
  },
  CreatePasskeyRegistrationLink: { ask: ofUser('POST', '/passkeys/registration_link', { returnCode: {} }) },
  RegisterPasskey: { ask: ofUser('POST', '/passkeys', { domain: RP_ID }), another: true },
  'RegisterPasskey by a code': {
    ask: withCode('/passkeys/registration_link', { returnCode: {} }, (code) => ({ domain: RP_ID, code }), '/passkeys'),
    another: true,
    again: ['400 COMMAND-Eeb2a'],
  },
  RegisterU2F: { ask: ofUser('POST', '/u2f', { domain: RP_ID }), another: true },
  VerifyPasskeyRegistration: { ask: verifying('passkeys', ({ passkeyId }) => passkeyId, { passkeyName: 'A key' }), again: ['400 WEBAU-5M9so'] },
  VerifyU2FRegistration: { ask: verifying('u2f', ({ u2fId }) => u2fId, { tokenName: 'A key' }), again: ['400 WEBAU-5M9so'] },
  ListPasskeys: { ask: ofUser('POST', '/passkeys/_search', {}) },
  RemovePasskey: {
    ask: async () => {
      const { user, id } = await newPasskeyUser();
      return { method: 'DELETE', path: `/v2/users/${user.id}/passkeys/${id}`, about: [user.id], user };
    },
    again: ['404 COMMAND-DAfb2'],
  },
};

const machine = () => newUser({ kind: 'machine', passwordHash: null });
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const withPat = async () => {
  const user = await machine();
  return { user, ...(await made('POST', `/v2/users/${user.id}/pats`, { expirationDate: inAnHour() })) } as const;
};
const granted = (user: User) => made('POST', '/admin/v1/members', { userId: user.id, roles: ['IAM_OWNER_VIEWER'] });
const member = (method: string, pathOf: (user: User) => string, bodyOf: (user: User) => object | undefined, before?: typeof granted) => async () => {
  const user = await newUser();
  await before?.(user);
  return { method, path: `/admin/v1/members${pathOf(user)}`, body: bodyOf(user), about: [user.id] };
};

const CALLERS: Record<string, Kind> = {
  AddPersonalAccessToken: { ask: async () => ofUser('POST', '/pats', { expirationDate: inAnHour() }, machine)(), another: true },
  RemovePersonalAccessToken: {
    ask: async () => {
      const { user, tokenId } = await withPat();
      return { method: 'DELETE', path: `/v2/users/${user.id}/pats/${tokenId}`, about: [user.id] };
    },
    again: ['404 COMMAND-4m77G'],
  },
  ListPersonalAccessTokens: {
    ask: async () => {
      const { user } = await withPat();
      return { method: 'POST', path: '/v2/users/pats/search', body: { filters: [{ userIdFilter: { id: user.id } }] }, about: [user.id] };
    },
  },
  ListPersonalAccessTokensOfUser: { ask: ofUser('GET', '/pats', undefined, machine) },
  'GetUserByID as a machine': {
    ask: async () => {
      const { user, token } = await withPat();
      return { method: 'GET', path: `/v2/users/${user.id}`, bearer: token, about: [user.id] };
    },
  },
  'GetUserByID by the token of a session': {
    ask: async () => {
      const user = await newUser();
      const login = await aSession(user);
      const { sessionToken } = await made('PATCH', `/v2/sessions/${login.sessionId}`, { sessionToken: login.token, checks: passwordCheck });
      return { method: 'GET', path: `/v2/users/${user.id}`, bearer: sessionToken, about: [user.id] };
    },
  },
  AddIAMMember: {
    ask: member(
      'POST',
      () => '',
      ({ id }) => ({ userId: id, roles: ['IAM_OWNER_VIEWER'] }),
    ),
    again: ['409 INSTA-pFDwe'],
  },
  UpdateIAMMember: {
    ask: member(
      'PUT',
      ({ id }) => `/${id}`,
      () => ({ roles: ['IAM_USER_MANAGER'] }),
      granted,
    ),
  },
  RemoveIAMMember: {
    ask: member(
      'DELETE',
      ({ id }) => `/${id}`,
      () => undefined,
      granted,
    ),
    again: ['404 INSTANCE-D8JxR'],
  },
  ListIAMMembers: {
    ask: member(
      'POST',
      () => '/_search',
      () => ({}),
      granted,
    ),
  },
  AddOrganization: {
    ask: async () => {
      const name = crypto.randomUUID();
      return { method: 'POST', path: '/v2/organizations', body: { name }, about: [name] };
    },
    again: ['409 V3-DKcYh'],
  },
  ListOrganizations: { ask: async () => ({ method: 'POST', path: '/v2/organizations/_search', body: {}, about: [] }) },
};

const OAUTH = {
  clientId: 'sallyport',
  authorizationEndpoint: 'https://mouse-house.example/authorize',
  tokenEndpoint: 'https://mouse-house.example/token',
  userEndpoint: 'https://mouse-house.example/user',
  idAttribute: 'sub',
};
const ofProvider =
  (
    method: string,
    pathOf: (id: string) => string,
    bodyOf: (id: string) => object | undefined = () => undefined,
    before?: (id: string) => Promise<unknown>,
  ) =>
  async () => {
    const id = await newProvider();
    await before?.(id);
    return { method, path: pathOf(id), body: bodyOf(id), about: [id] };
  };
const URLS = { successUrl: 'https://sallyport.test/ok', failureUrl: 'https://sallyport.test/no' };
const deactivated = (id: string) => made('POST', `/admin/v1/idps/${id}/_deactivate`, {});

const PROVIDERS: Record<string, Kind> = {
  AddGenericOAuthProvider: {
    ask: async () => {
      const name = crypto.randomUUID();
      return { method: 'POST', path: '/admin/v1/idps/oauth', body: { name, ...OAUTH, clientSecret: 'a secret' }, about: [name] };
    },
    another: true,
  },
  UpdateGenericOAuthProvider: {
    ask: ofProvider(
      'PUT',
      (id) => `/admin/v1/idps/oauth/${id}`,
      () => ({ name: 'Another name', ...OAUTH }),
    ),
  },
  DeactivateIDP: {
    ask: ofProvider(
      'POST',
      (id) => `/admin/v1/idps/${id}/_deactivate`,
      () => ({}),
    ),
    again: ['400 IDP-State'],
  },
  ReactivateIDP: {
    ask: ofProvider(
      'POST',
      (id) => `/admin/v1/idps/${id}/_reactivate`,
      () => ({}),
      deactivated,
    ),
    again: ['400 IDP-State'],
  },
  DeleteProvider: { ask: ofProvider('DELETE', (id) => `/admin/v1/idps/templates/${id}`), again: ['404 INST-KSi3M'] },
  GetProviderByID: { ask: ofProvider('GET', (id) => `/admin/v1/idps/templates/${id}`) },
  GetIDPByID: { ask: ofProvider('GET', (id) => `/v2/idps/${id}`) },
  ListProviders: {
    ask: ofProvider(
      'POST',
      () => '/admin/v1/idps/templates/_search',
      () => ({}),
    ),
  },
  'the providers that login pages offer': { ask: ofProvider('GET', () => '/v2/settings/login/idps') },
  StartIdentityProviderIntent: {
    ask: ofProvider(
      'POST',
      () => '/v2/idp_intents',
      (idpId) => ({ idpId, urls: URLS }),
    ),
    another: true,
  },
  RetrieveIdentityProviderIntent: {
    ask: async () => {
      const {
        intent: { intentId, token },
      } = await returnedUser();
      return { method: 'POST', path: `/v2/idp_intents/${intentId}`, body: { idpIntentToken: token }, about: [intentId] };
    },
  },
  AddIDPLink: {
    ask: async () => {
      const [user, idpId] = [await newUser(), await newProvider()];
      const idpLink = { idpId, userId: crypto.randomUUID(), userName: 'minnie' };
      return { method: 'POST', path: `/v2/users/${user.id}/links`, body: { idpLink }, about: [user.id] };
    },
  },
  ListIDPLinks: { ask: ofUser('POST', '/links/_search', {}) },
  RemoveIDPLink: {
    ask: async () => {
      const [user, idpId] = [await newUser(), await newProvider()];
      await linkTo(user, { idpId, idpUserId: 'minnie', idpUserName: 'minnie' });
      return { method: 'DELETE', path: `/v2/users/${user.id}/links/${idpId}/minnie`, about: [user.id] };
    },
    again: ['404 COMMAND-1M9xR'],
  },
};

const OPERATOR: Record<string, Kind> = {
  'GET /ready': { ask: async () => ({ method: 'GET', path: '/ready', about: [] }) },
  Reindex: { ask: async () => ({ method: 'POST', path: '/reindex', body: { after: '~' }, about: [] }) },
};

/** Every kind of request that D1 is needed for. */
export const KINDS: Readonly<Record<string, Kind>> = { ...SESSIONS, ...USERS, ...CREDENTIALS, ...CALLERS, ...PROVIDERS, ...OPERATOR };
