import { findTrailerError } from '@connectrpc/connect/protocol-grpc';
import type { Details as WireDetails } from '@zitadel/node/dist/api/generated/zitadel/object/v2/object.js';
import type { Challenges } from '@zitadel/node/dist/api/generated/zitadel/session/v2/challenge.js';
import { UserVerificationRequirement } from '@zitadel/node/dist/api/generated/zitadel/session/v2/challenge.js';
import type { Session as WireSession } from '@zitadel/node/dist/api/generated/zitadel/session/v2/session.js';
import { type SessionServiceClient, SessionServiceDefinition } from '@zitadel/node/dist/api/generated/zitadel/session/v2/session_service.js';
import { PasskeysType, SecondFactorType } from '@zitadel/node/dist/api/generated/zitadel/settings/v2/login_settings.js';
import { type SettingsServiceClient, SettingsServiceDefinition } from '@zitadel/node/dist/api/generated/zitadel/settings/v2/settings_service.js';
import {
  AuthenticationMethodType,
  type UserServiceClient,
  UserServiceDefinition,
} from '@zitadel/node/dist/api/generated/zitadel/user/v2/user_service.js';
import { createAccessTokenInterceptor, createSessionClient, createSettingsClient, createUserClient } from '@zitadel/node/dist/api/index.js';
import { type ClientMiddleware, createChannel, createClientFactory, Metadata } from 'nice-grpc';
import type { Version } from '../../support/login.ts';
import { refusalFrom } from './descriptor-client.ts';
import {
  type Details,
  FACTORS,
  type LoginClient,
  type Person,
  type Progress,
  present,
  rejectionOf,
  type Session,
  type Step,
} from './login-client.ts';

/** An integer of 64 bits, as the generated types have it. */
type Long = WireDetails['sequence'];

const integer = (long: Long): bigint => BigInt(long.toString());

function detailsOf(details: WireDetails | undefined): Details {
  const { sequence, changeDate, resourceOwner } = present(details);
  return { sequence: integer(sequence), changeDate: present(changeDate), resourceOwner };
}

function stepOf(answer: { details: WireDetails | undefined; sessionToken: string; challenges: Challenges | undefined }): Step {
  const { webAuthN, otpSms, otpEmail } = answer.challenges ?? {};
  const options = webAuthN?.publicKeyCredentialRequestOptions;
  return {
    details: detailsOf(answer.details),
    sessionToken: answer.sessionToken,
    challenges: { ...(options && { webAuthN: options }), ...(otpSms !== undefined && { otpSms }), ...(otpEmail !== undefined && { otpEmail }) },
  };
}

function sessionOf(session: WireSession | undefined): Session {
  const { id, sequence, creationDate, changeDate, expirationDate, metadata, userAgent, factors } = present(session);
  const agent = userAgent && {
    fingerprintId: userAgent.fingerprintId ?? '',
    ip: userAgent.ip ?? '',
    description: userAgent.description ?? '',
    header: Object.fromEntries(Object.entries(userAgent.header).map(([name, { values }]) => [name, values])),
  };
  const verified = FACTORS.flatMap((name) => {
    const factor = factors?.[name];
    return factor === undefined ? [] : [[name, { ...factor, verifiedAt: present(factor.verifiedAt) }]];
  });
  return {
    id,
    sequence: integer(sequence),
    creationDate: present(creationDate),
    changeDate: present(changeDate),
    expirationDate,
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, new Uint8Array(value)])),
    userAgent: agent,
    factors: Object.fromEntries(verified),
  };
}

const buffers = (metadata: Readonly<Record<string, Uint8Array>>) =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value)]));

function progressOf({ password, webAuthN, totp, otpSms, otpEmail, challenge, metadata, lifetimeSeconds }: Progress) {
  return {
    checks: {
      ...(password !== undefined && { password: { password } }),
      ...(webAuthN && { webAuthN: { credentialAssertionData: webAuthN } }),
      ...(totp !== undefined && { totp: { code: totp } }),
      ...(otpSms !== undefined && { otpSms: { code: otpSms } }),
      ...(otpEmail !== undefined && { otpEmail: { code: otpEmail } }),
    },
    ...(challenge && {
      challenges: {
        ...(challenge.name === 'webAuthN' && {
          webAuthN: {
            domain: challenge.domain,
            userVerificationRequirement: UserVerificationRequirement.USER_VERIFICATION_REQUIREMENT_REQUIRED,
          },
        }),
        ...(challenge.name === 'otpSms' && { otpSms: { returnCode: true } }),
        ...(challenge.name === 'otpEmail' && { otpEmail: { returnCode: {} } }),
      },
    }),
    ...(metadata && { metadata: buffers(metadata) }),
    ...(lifetimeSeconds !== undefined && { lifetime: { seconds: lifetimeSeconds, nanos: 0 } }),
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

interface Services {
  readonly sessions: SessionServiceClient;
  readonly users: UserServiceClient;
  readonly settings: SettingsServiceClient;
}

/** v2 is generated in the package, but made by no function of it. To the messages of a login both versions are one. */
const SERVICES: Record<Version, (origin: string, ...middlewares: ClientMiddleware[]) => Services> = {
  v2beta: (origin, ...middlewares) =>
    ({
      sessions: createSessionClient(origin, ...middlewares),
      users: createUserClient(origin, ...middlewares),
      settings: createSettingsClient(origin, ...middlewares),
    }) as unknown as Services,
  v2: (origin, ...middlewares) => {
    const channel = createChannel(origin);
    const factory = middlewares.reduce((made, middleware) => made.use(middleware), createClientFactory());
    return {
      sessions: factory.create(SessionServiceDefinition, channel),
      users: factory.create(UserServiceDefinition, channel),
      settings: factory.create(SettingsServiceDefinition, channel),
    };
  },
};

/** The clients of `@zitadel/node`, in native gRPC. */
export function generatedClient(origin: string, token: string, version: Version): LoginClient {
  let trailers = new Headers();
  /** The error that nice-grpc throws has no details: they are in the trailers. */
  const keepTrailers: ClientMiddleware = async function* (call, options) {
    return yield* call.next(call.request, {
      ...options,
      onTrailer: (trailer) => {
        trailers = new Headers();
        for (const [name, values] of trailer) {
          for (const value of values) trailers.append(name, typeof value === 'string' ? value : Buffer.from(value).toString('base64'));
        }
      },
    });
  };
  const { sessions, users, settings } = SERVICES[version](origin, createAccessTokenInterceptor(token), keepTrailers);
  return {
    addHumanUser: async (person) => {
      const { userId, details } = await users.addHumanUser(personOf(person));
      return { userId, details: detailsOf(details) };
    },
    registerPasskey: async (userId, domain) => {
      const { passkeyId, publicKeyCredentialCreationOptions } = await users.registerPasskey({ userId, domain });
      return { passkeyId, options: present(publicKeyCredentialCreationOptions) };
    },
    verifyPasskeyRegistration: async (userId, passkeyId, publicKeyCredential) =>
      detailsOf((await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'My phone' })).details),
    registerTOTP: (userId) => users.registerTOTP({ userId }),
    verifyTOTPRegistration: async (userId, code) => detailsOf((await users.verifyTOTPRegistration({ userId, code })).details),
    addOTPEmail: async (userId) => detailsOf((await users.addOTPEmail({ userId })).details),
    addOTPSMS: async (userId) => detailsOf((await users.addOTPSMS({ userId })).details),
    authenticationMethods: async (userId) => {
      const { authMethodTypes } = await users.listAuthenticationMethodTypes({ userId });
      return authMethodTypes.map((type) => (AuthenticationMethodType[type] ?? '').replace('AUTHENTICATION_METHOD_TYPE_', ''));
    },
    createSession: async ({ userId, userAgent: { header, ...agent }, metadata, lifetimeSeconds }) => {
      const headers = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, { values: [...values] }]));
      const created = await sessions.createSession({
        checks: { user: { userId } },
        userAgent: { ...agent, header: headers },
        metadata: buffers(metadata),
        lifetime: { seconds: lifetimeSeconds, nanos: 0 },
      });
      return { ...stepOf(created), sessionId: created.sessionId };
    },
    setSession: async (sessionId, sessionToken, progress) => stepOf(await sessions.setSession({ sessionId, sessionToken, ...progressOf(progress) })),
    getSession: async (sessionId, bearer) => {
      const options = bearer === undefined ? {} : { metadata: Metadata({ authorization: `Bearer ${bearer}` }) };
      return sessionOf((await sessions.getSession({ sessionId }, options)).session);
    },
    sessionsOf: async (userId) => {
      const answer = await sessions.listSessions({ queries: [{ userIdQuery: { id: userId } }] });
      const { totalResult, timestamp } = present(answer.details);
      return { total: integer(totalResult), timestamp: present(timestamp), sessions: answer.sessions.map(sessionOf) };
    },
    loginSettings: async () => {
      const { passwordCheckLifetime, passkeysType, secondFactors } = present((await settings.getLoginSettings({})).settings);
      return {
        passwordCheckLifetimeSeconds: integer(present(passwordCheckLifetime).seconds),
        passkeys: (PasskeysType[passkeysType] ?? '').replace('PASSKEYS_TYPE_', ''),
        // Of v2's two names for one number TypeScript gives the later one back.
        secondFactors: secondFactors.map((type) => (SecondFactorType[type] ?? '').replace('SECOND_FACTOR_TYPE_', '').replace('TOTP', 'OTP')),
      };
    },
    deleteSession: async (sessionId, sessionToken) => detailsOf((await sessions.deleteSession({ sessionId, sessionToken })).details),
    refusalOf: async (call) => {
      const { code, details } = (await rejectionOf(call)) as { code: number; details: string };
      return { ...refusalFrom(findTrailerError(trailers)), code, message: details };
    },
  };
}
