import type { JsonObject } from '@bufbuild/protobuf';
import { type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import { type Client, ConnectError, type Transport } from '@connectrpc/connect';
import { createClientFor } from '@zitadel/client';
import { createSessionServiceClient, createSettingsServiceClient, createUserServiceClient } from '@zitadel/client/v2';
import { CredentialsCheckErrorSchema, ErrorDetailSchema } from '@zitadel/proto/zitadel/message_pb.js';
import type { Details as WireDetails } from '@zitadel/proto/zitadel/object/v2/object_pb.js';
import { type Challenges, UserVerificationRequirement } from '@zitadel/proto/zitadel/session/v2/challenge_pb.js';
import type { Session as WireSession } from '@zitadel/proto/zitadel/session/v2/session_pb.js';
import type { SessionService } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { SessionService as SessionServiceBeta } from '@zitadel/proto/zitadel/session/v2beta/session_service_pb.js';
import { PasskeysType, SecondFactorType } from '@zitadel/proto/zitadel/settings/v2/login_settings_pb.js';
import type { SettingsService } from '@zitadel/proto/zitadel/settings/v2/settings_service_pb.js';
import { SettingsService as SettingsServiceBeta } from '@zitadel/proto/zitadel/settings/v2beta/settings_service_pb.js';
import { AuthenticationMethodType, type UserService } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { UserService as UserServiceBeta } from '@zitadel/proto/zitadel/user/v2beta/user_service_pb.js';
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

const date = (timestamp: Timestamp | undefined): Date => timestampDate(present(timestamp));

function detailsOf(details: WireDetails | undefined): Details {
  const { sequence, changeDate, resourceOwner } = present(details);
  return { sequence, changeDate: date(changeDate), resourceOwner };
}

const stepOf = (answer: { details?: WireDetails; sessionToken: string; challenges?: Challenges }): Step => {
  const { webAuthN, otpSms, otpEmail } = answer.challenges ?? {};
  const options = webAuthN?.publicKeyCredentialRequestOptions;
  return {
    details: detailsOf(answer.details),
    sessionToken: answer.sessionToken,
    challenges: { ...(options && { webAuthN: options }), ...(otpSms !== undefined && { otpSms }), ...(otpEmail !== undefined && { otpEmail }) },
  };
};

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
    if (factor === undefined) return [];
    const { $typeName: _, $unknown: __, verifiedAt, ...fields } = factor;
    return [[name, { ...fields, verifiedAt: date(verifiedAt) }]];
  });
  return {
    id,
    sequence,
    creationDate: date(creationDate),
    changeDate: date(changeDate),
    expirationDate: expirationDate && timestampDate(expirationDate),
    metadata,
    userAgent: agent,
    factors: Object.fromEntries(verified),
  };
}

const lifetime = (seconds: number) => ({ seconds: BigInt(seconds) });

function progressOf({ password, webAuthN, totp, otpSms, otpEmail, challenge, metadata, lifetimeSeconds }: Progress) {
  const checks = {
    ...(password !== undefined && { password: { password } }),
    ...(webAuthN && { webAuthN: { credentialAssertionData: webAuthN as JsonObject } }),
    ...(totp !== undefined && { totp: { code: totp } }),
    ...(otpSms !== undefined && { otpSms: { code: otpSms } }),
    ...(otpEmail !== undefined && { otpEmail: { code: otpEmail } }),
  };
  const challenges = {
    ...(challenge?.name === 'webAuthN' && {
      webAuthN: { domain: challenge.domain, userVerificationRequirement: UserVerificationRequirement.REQUIRED },
    }),
    ...(challenge?.name === 'otpSms' && { otpSms: { returnCode: true } }),
    ...(challenge?.name === 'otpEmail' && { otpEmail: { deliveryType: { case: 'returnCode' as const, value: {} } } }),
  };
  return {
    ...(Object.keys(checks).length > 0 && { checks }),
    ...(challenge && { challenges }),
    ...(metadata && { metadata: { ...metadata } }),
    ...(lifetimeSeconds !== undefined && { lifetime: lifetime(lifetimeSeconds) }),
  };
}

const personOf = ({ organizationId, loginName, phone, password }: Person) => ({
  username: loginName,
  organization: { org: { case: 'orgId' as const, value: organizationId } },
  profile: { givenName: 'Minnie', familyName: 'Mouse' },
  email: { email: loginName, verification: { case: 'isVerified' as const, value: true } },
  phone: { phone, verification: { case: 'isVerified' as const, value: true } },
  passwordType: { case: 'password' as const, value: { password } },
});

/** A refusal from the details of its error. */
export function refusalFrom(error: unknown): Refusal {
  if (!(error instanceof ConnectError)) throw error;
  const [counted] = error.findDetails(CredentialsCheckErrorSchema);
  const [plain] = error.findDetails(ErrorDetailSchema);
  const { $typeName, id } = present(counted ?? plain);
  const type = $typeName.replace('zitadel.v1.', '');
  return { code: error.code, message: error.rawMessage, type, id, ...(counted && { failedAttempts: counted.failedAttempts }) };
}

interface Services {
  readonly sessions: Client<typeof SessionService>;
  readonly users: Client<typeof UserService>;
  readonly settings: Client<typeof SettingsService>;
}

/** To the messages of a login both versions are one: they differ in their names alone. */
const SERVICES: Record<Version, (transport: Transport) => Services> = {
  v2: (transport) => ({
    sessions: createSessionServiceClient(transport),
    users: createUserServiceClient(transport),
    settings: createSettingsServiceClient(transport),
  }),
  v2beta: (transport) =>
    ({
      sessions: createClientFor(SessionServiceBeta)(transport),
      users: createClientFor(UserServiceBeta)(transport),
      settings: createClientFor(SettingsServiceBeta)(transport),
    }) as unknown as Services,
};

/** Clients that `@zitadel/client` makes from the descriptors of `@zitadel/proto`, over a transport of whatever protocol. */
export function descriptorClient(transport: Transport, version: Version): LoginClient {
  const { sessions, users, settings } = SERVICES[version](transport);
  return {
    addHumanUser: async (person) => {
      const { userId, details } = await users.addHumanUser(personOf(person));
      return { userId, details: detailsOf(details) };
    },
    registerPasskey: async (userId, domain) => {
      const { passkeyId, publicKeyCredentialCreationOptions } = await users.registerPasskey({ userId, domain });
      return { passkeyId, options: present(publicKeyCredentialCreationOptions) };
    },
    verifyPasskeyRegistration: async (userId, passkeyId, credential) => {
      const publicKeyCredential = credential as JsonObject;
      return detailsOf((await users.verifyPasskeyRegistration({ userId, passkeyId, publicKeyCredential, passkeyName: 'My phone' })).details);
    },
    registerTOTP: (userId) => users.registerTOTP({ userId }),
    verifyTOTPRegistration: async (userId, code) => detailsOf((await users.verifyTOTPRegistration({ userId, code })).details),
    addOTPEmail: async (userId) => detailsOf((await users.addOTPEmail({ userId })).details),
    addOTPSMS: async (userId) => detailsOf((await users.addOTPSMS({ userId })).details),
    authenticationMethods: async (userId) => {
      const { authMethodTypes } = await users.listAuthenticationMethodTypes({ userId });
      return authMethodTypes.map((type) => AuthenticationMethodType[type]);
    },
    createSession: async ({ userId, userAgent: { header, ...agent }, metadata, lifetimeSeconds }) => {
      const headers = Object.fromEntries(Object.entries(header).map(([name, values]) => [name, { values: [...values] }]));
      const created = await sessions.createSession({
        checks: { user: { search: { case: 'userId', value: userId } } },
        userAgent: { ...agent, header: headers },
        metadata: { ...metadata },
        lifetime: lifetime(lifetimeSeconds),
      });
      return { ...stepOf(created), sessionId: created.sessionId };
    },
    setSession: async (sessionId, sessionToken, progress) => stepOf(await sessions.setSession({ sessionId, sessionToken, ...progressOf(progress) })),
    getSession: async (sessionId, bearer) => {
      const options = bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } };
      return sessionOf((await sessions.getSession({ sessionId }, options)).session);
    },
    sessionsOf: async (userId) => {
      const answer = await sessions.listSessions({ queries: [{ query: { case: 'userIdQuery', value: { id: userId } } }] });
      const { totalResult, timestamp } = present(answer.details);
      return { total: totalResult, timestamp: date(timestamp), sessions: answer.sessions.map(sessionOf) };
    },
    loginSettings: async () => {
      const { passwordCheckLifetime, passkeysType, secondFactors } = present((await settings.getLoginSettings({})).settings);
      const passwordCheckLifetimeSeconds = present(passwordCheckLifetime).seconds;
      return {
        passwordCheckLifetimeSeconds,
        passkeys: PasskeysType[passkeysType],
        secondFactors: secondFactors.map((type) => SecondFactorType[type]),
      };
    },
    deleteSession: async (sessionId, sessionToken) => detailsOf((await sessions.deleteSession({ sessionId, sessionToken })).details),
    refusalOf: async (call) => refusalFrom(await rejectionOf(call)),
  };
}
