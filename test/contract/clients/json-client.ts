import { fromBinary, fromJson } from '@bufbuild/protobuf';
import { codeFromString } from '@connectrpc/connect/protocol-connect';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import type { Version } from '../../support/login.ts';
import {
  type Details,
  FACTORS,
  type LoginClient,
  type Person,
  type Progress,
  present,
  type Refusal,
  rejectionOf,
  type Session,
  type Step,
} from './login-client.ts';

/** JSON, as whoever reads it without a schema has it. */
// biome-ignore lint/suspicious/noExplicitAny: what is in it is asserted by who uses it
type Json = any;

/** One call by plain `fetch`: an RPC with its message, to the answer's body. Rejects with a `JsonRefusal`. */
export type Send = (service: keyof typeof SERVICES, method: string, message: Json, bearer?: string) => Promise<Json>;

/** A body of JSON that is no success. */
class JsonRefusal extends Error {
  readonly body: Json;

  constructor(body: Json) {
    super(body.message);
    this.body = body;
  }
}

async function send(verb: string, url: URL, bearer: string, message?: Json): Promise<Json> {
  const response = await fetch(url, {
    method: verb,
    headers: { authorization: `Bearer ${bearer}`, accept: 'application/json', ...(message && { 'content-type': 'application/json' }) },
    ...(message && { body: JSON.stringify(message) }),
  });
  const body = await response.json();
  if (!response.ok) throw new JsonRefusal(body);
  return body;
}

const SERVICES = { session: 'SessionService', user: 'UserService', settings: 'SettingsService' };

/** Connect in JSON without a word of Connect in the headers, as the newer SDKs of Zitadel send it. */
export const connectJson =
  (baseUrl: string, token: string, version: Version): Send =>
  (service, method, message, bearer = token) =>
    send('POST', new URL(`/zitadel.${service}.${version}.${SERVICES[service]}/${method}`, baseUrl), bearer, message);

const ROUTES: Record<string, [verb: string, path: string]> = {
  AddHumanUser: ['POST', 'users/human'],
  RegisterPasskey: ['POST', 'users/{userId}/passkeys'],
  VerifyPasskeyRegistration: ['POST', 'users/{userId}/passkeys/{passkeyId}'],
  RegisterTOTP: ['POST', 'users/{userId}/totp'],
  VerifyTOTPRegistration: ['POST', 'users/{userId}/totp/verify'],
  AddOTPEmail: ['POST', 'users/{userId}/otp_email'],
  AddOTPSMS: ['POST', 'users/{userId}/otp_sms'],
  ListAuthenticationMethodTypes: ['GET', 'users/{userId}/authentication_methods'],
  CreateSession: ['POST', 'sessions'],
  SetSession: ['PATCH', 'sessions/{sessionId}'],
  GetSession: ['GET', 'sessions/{sessionId}'],
  ListSessions: ['POST', 'sessions/search'],
  GetLoginSettings: ['GET', 'settings/login'],
  DeleteSession: ['DELETE', 'sessions/{sessionId}'],
};

/** REST: what the path names is not in the body. */
export const rest =
  (baseUrl: string, token: string, version: Version): Send =>
  (_, method, message, bearer = token) => {
    const [verb, template] = present(ROUTES[method]);
    const body = { ...message };
    const path = template.replace(/\{(\w+)\}/g, (_whole, name: string) => {
      const value = body[name];
      delete body[name];
      return value;
    });
    return send(verb, new URL(`/${version}/${path}`, baseUrl), bearer, verb === 'GET' ? undefined : body);
  };

function detailsOf({ sequence, changeDate, resourceOwner }: Json): Details {
  if (typeof sequence !== 'string') throw new Error('an integer of 64 bits is a string in JSON');
  return { sequence: BigInt(sequence), changeDate: new Date(changeDate), resourceOwner };
}

const stepOf = ({ details, sessionToken, challenges: { webAuthN, ...codes } = {} }: Json): Step => ({
  details: detailsOf(details),
  sessionToken,
  challenges: { ...codes, ...(webAuthN && { webAuthN: webAuthN.publicKeyCredentialRequestOptions }) },
});

const toBase64 = (metadata: Readonly<Record<string, Uint8Array>>) =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString('base64')]));

const headersOf = (header: UserAgentHeader) => Object.fromEntries(Object.entries(header).map(([name, { values }]) => [name, values]));
type UserAgentHeader = Readonly<Record<string, { readonly values: readonly string[] }>>;

function sessionOf({ id, sequence, creationDate, changeDate, expirationDate, metadata = {}, userAgent, factors = {} }: Json): Session {
  const verified = FACTORS.filter((name) => name in factors).map((name) => [
    name,
    { ...factors[name], verifiedAt: new Date(factors[name].verifiedAt) },
  ]);
  return {
    id,
    sequence: BigInt(sequence),
    creationDate: new Date(creationDate),
    changeDate: new Date(changeDate),
    expirationDate: expirationDate && new Date(expirationDate),
    metadata: Object.fromEntries(Object.entries<string>(metadata).map(([key, value]) => [key, new Uint8Array(Buffer.from(value, 'base64'))])),
    userAgent: userAgent && { ...userAgent, header: headersOf(userAgent.header) },
    factors: Object.fromEntries(verified),
  };
}

function progressOf({ password, webAuthN, totp, otpSms, otpEmail, challenge, metadata, lifetimeSeconds }: Progress) {
  // What is undefined is left out by JSON.stringify.
  return {
    checks: {
      password: password && { password },
      webAuthN: webAuthN && { credentialAssertionData: webAuthN },
      totp: totp && { code: totp },
      otpSms: otpSms && { code: otpSms },
      otpEmail: otpEmail && { code: otpEmail },
    },
    challenges: challenge && {
      webAuthN:
        challenge.name === 'webAuthN'
          ? { domain: challenge.domain, userVerificationRequirement: 'USER_VERIFICATION_REQUIREMENT_REQUIRED' }
          : undefined,
      otpSms: challenge.name === 'otpSms' ? { returnCode: true } : undefined,
      otpEmail: challenge.name === 'otpEmail' ? { returnCode: {} } : undefined,
    },
    metadata: metadata && toBase64(metadata),
    lifetime: lifetimeSeconds && `${lifetimeSeconds}s`,
  };
}

const personOf = ({ organizationId, loginName, phone, password }: Person) => ({
  username: loginName,
  organization: { orgId: organizationId },
  profile: { givenName: 'Minnie', familyName: 'Mouse' },
  email: { email: loginName, isVerified: true },
  phone: { phone, isVerified: true },
  password: { password },
});

/** A detail as REST has it, a message of JSON with its type; or as Connect has it, the bytes of the message beside its type. */
function refusalFrom(error: unknown): Refusal {
  if (!(error instanceof JsonRefusal)) throw error;
  const { code, message, details } = error.body;
  const { '@type': url, type = url.replace('type.googleapis.com/', ''), value, ...json } = details[0];
  const counts = type === 'zitadel.v1.CredentialsCheckError';
  const schema = counts ? CredentialsCheckErrorSchema : ErrorDetailSchema;
  const detail = value === undefined ? fromJson(schema, json) : fromBinary(schema, new Uint8Array(Buffer.from(value, 'base64')));
  return {
    code: typeof code === 'string' ? present(codeFromString(code)) : code,
    message,
    type: type.replace('zitadel.v1.', ''),
    id: detail.id,
    ...('failedAttempts' in detail && { failedAttempts: detail.failedAttempts }),
  };
}

/** No client at all: messages of JSON, written and read by hand. */
export function jsonClient(call: Send): LoginClient {
  return {
    addHumanUser: async (person) => {
      const { userId, details } = await call('user', 'AddHumanUser', personOf(person));
      return { userId, details: detailsOf(details) };
    },
    registerPasskey: async (userId, domain) => {
      const { passkeyId, publicKeyCredentialCreationOptions: options } = await call('user', 'RegisterPasskey', { userId, domain });
      return { passkeyId, options };
    },
    verifyPasskeyRegistration: async (userId, passkeyId, publicKeyCredential) =>
      detailsOf((await call('user', 'VerifyPasskeyRegistration', { userId, passkeyId, publicKeyCredential, passkeyName: 'My phone' })).details),
    registerTOTP: (userId) => call('user', 'RegisterTOTP', { userId }),
    verifyTOTPRegistration: async (userId, code) => detailsOf((await call('user', 'VerifyTOTPRegistration', { userId, code })).details),
    addOTPEmail: async (userId) => detailsOf((await call('user', 'AddOTPEmail', { userId })).details),
    addOTPSMS: async (userId) => detailsOf((await call('user', 'AddOTPSMS', { userId })).details),
    authenticationMethods: async (userId) => {
      const { authMethodTypes } = await call('user', 'ListAuthenticationMethodTypes', { userId });
      return authMethodTypes.map((type: string) => type.replace('AUTHENTICATION_METHOD_TYPE_', ''));
    },
    createSession: async ({ userId, userAgent: { header, ...agent }, metadata, lifetimeSeconds }) => {
      const headers = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, { values }]));
      const created = await call('session', 'CreateSession', {
        checks: { user: { userId } },
        userAgent: { ...agent, header: headers },
        metadata: toBase64(metadata),
        lifetime: `${lifetimeSeconds}s`,
      });
      return { ...stepOf(created), sessionId: created.sessionId };
    },
    setSession: async (sessionId, sessionToken, progress) =>
      stepOf(await call('session', 'SetSession', { sessionId, sessionToken, ...progressOf(progress) })),
    getSession: async (sessionId, bearer) => sessionOf((await call('session', 'GetSession', { sessionId }, bearer)).session),
    sessionsOf: async (userId) => {
      const { details, sessions = [] } = await call('session', 'ListSessions', { queries: [{ userIdQuery: { id: userId } }] });
      return { total: BigInt(details.totalResult ?? 0), timestamp: new Date(details.timestamp), sessions: sessions.map(sessionOf) };
    },
    loginSettings: async () => {
      const { passwordCheckLifetime, passkeysType, secondFactors } = (await call('settings', 'GetLoginSettings', {})).settings;
      return {
        passwordCheckLifetimeSeconds: BigInt(/^(\d+)s$/.exec(passwordCheckLifetime)?.[1] ?? ''),
        passkeys: passkeysType.replace('PASSKEYS_TYPE_', ''),
        secondFactors: secondFactors.map((type: string) => type.replace('SECOND_FACTOR_TYPE_', '')),
      };
    },
    deleteSession: async (sessionId, sessionToken) => detailsOf((await call('session', 'DeleteSession', { sessionId, sessionToken })).details),
    refusalOf: async (refused) => refusalFrom(await rejectionOf(refused)),
  };
}
