import * as z from 'zod';
import { described } from './described.ts';
import { domain } from './domain.ts';
import { normalizeIp } from './ip-address.ts';
import { linkTemplate } from './links.ts';
import { bytes, enumeration, flag, map, message, positiveDuration, refuse, text } from './protojson.ts';
import { assertionStruct } from './public-key-credential.ts';

/** The two versions of the API; a session made through one is the same session in the other. */
export type Version = 'v2' | 'v2beta';

const USER_AGENT_MAX_BYTES = 16 * 1024;
const USER_AGENT_MAX_HEADERS = 50;
const USER_AGENT_MAX_VALUES = 50;

const user = message({ userId: text(1, 200).optional(), loginName: text(1, 200).optional() }, [['userId', 'loginName']]).transform(
  ({ userId, loginName }, context) => {
    if (userId !== undefined) return { userId };
    if (loginName !== undefined) return { loginName };
    context.addIssue({ code: 'custom', message: 'userId or loginName is required' });
    return z.NEVER;
  },
);

const totpCode = text(0, 200)
  .refine((code) => [...code].length === 6, 'value length must be 6 runes')
  .register(described, { minLength: 6, maxLength: 6 });

/** Section 2.3 of Zitadel's messages. A recovery code is a check of v2 only. */
const checks = (version: Version) =>
  message({
    user: user.optional(),
    password: message({ password: text(1, 200) }).optional(),
    idpIntent: message({ idpIntentId: text(1, 200), idpIntentToken: text(1, 200) })
      .transform(({ idpIntentId: intentId, idpIntentToken: token }) => ({ intentId, token }))
      .optional(),
    webAuthN: message({ credentialAssertionData: assertionStruct })
      .transform(({ credentialAssertionData }) => ({ assertion: credentialAssertionData }))
      .optional(),
    totp: message({ code: totpCode }).optional(),
    otpSms: message({ code: text(1, 200) }).optional(),
    otpEmail: message({ code: text(1, 200) }).optional(),
    // To v2beta it is an unknown field, and ignored.
    recoveryCode:
      version === 'v2'
        ? message({ code: text(1, 200) }).optional()
        : z
            .unknown()
            .transform(() => undefined)
            .optional()
            .register(described, { unbuilt: true }),
  });

const otpSms = message({ returnCode: flag.optional() }).transform(({ returnCode }) => ({ returnCode: returnCode === true }));

const otpLink = linkTemplate('Code', 'UserID', 'LoginName', 'DisplayName', 'PreferredLanguage', 'SessionID');

const otpEmail = message({ sendCode: message({ urlTemplate: otpLink.optional() }).optional(), returnCode: message({}).optional() }, [
  ['sendCode', 'returnCode'],
]).transform(({ sendCode, returnCode }) => ({ returnCode: returnCode !== undefined, urlTemplate: sendCode?.urlTemplate }));

const REQUIREMENTS = ['required', 'preferred', 'discouraged'] as const;
const NAMES = ['UNSPECIFIED', 'REQUIRED', 'PREFERRED', 'DISCOURAGED'].map((name) => `USER_VERIFICATION_REQUIREMENT_${name}`);

/** Zitadel's UserVerificationRequirement; to it a name that it does not know is as good as none. */
const userVerification = enumeration(NAMES)
  .optional()
  .transform((name, context) => REQUIREMENTS[NAMES.indexOf(name ?? '') - 1] ?? refuse(context, `value must not be in list [${NAMES[0]}]`));

const webAuthN = message({ domain, userVerificationRequirement: userVerification }).transform(({ domain: rpId, userVerificationRequirement }) => ({
  rpId,
  userVerification: userVerificationRequirement,
}));

const challenges = message({
  webAuthN: webAuthN.optional(),
  otpSms: otpSms.optional(),
  otpEmail: otpEmail.optional(),
});

const userAgent = message({
  fingerprintId: text(0, 200).optional(),
  ip: text(0, 200).optional(),
  description: text(0, USER_AGENT_MAX_BYTES).optional(),
  header: map(text(0, 1000), message({ values: z.array(text(0, USER_AGENT_MAX_BYTES)).max(USER_AGENT_MAX_VALUES).optional() })).optional(),
})
  .refine((agent) => (agent.header?.length ?? 0) <= USER_AGENT_MAX_HEADERS, `at most ${USER_AGENT_MAX_HEADERS} headers`)
  .refine((agent) => new TextEncoder().encode(JSON.stringify(agent)).byteLength <= USER_AGENT_MAX_BYTES, `at most ${USER_AGENT_MAX_BYTES} bytes`)
  .transform(({ header, ip, ...agent }) => ({
    ...agent,
    ip: ip && normalizeIp(ip),
    header: header && Object.fromEntries(header.map(([name, { values }]) => [name, values ?? []])),
  }))
  // An agent of which nothing is known is none.
  .transform((agent) => (Object.values(agent).some((part) => part !== undefined) ? agent : undefined));

const progress = (version: Version) => ({
  checks: checks(version).optional(),
  metadata: map(text(1, 200), bytes).optional(),
  challenges: challenges.optional(),
  lifetime: positiveDuration.optional(),
});

export const createSessionMessage = (version: Version) => message({ ...progress(version), userAgent: userAgent.optional() });

/** A token that may be left out; an empty one is none (proto3's zero value). */
const tokenOrNone = (most: number) =>
  text(0, most)
    .transform((token) => token || undefined)
    .optional();

/** v2beta has to present the token; to v2 it is optional. */
export const setSessionMessage = (version: Version) =>
  message({
    sessionId: text(1, 200),
    sessionToken: version === 'v2beta' ? text(1, 200) : tokenOrNone(200),
    ...progress(version),
  });

/** v2 refuses an empty token, v2beta takes it for none. */
export const getSessionMessage = (version: Version) =>
  message({ sessionId: text(1, 200), sessionToken: version === 'v2' ? text(1, 500).optional() : tokenOrNone(500) });

export const deleteSessionMessage = message({ sessionId: text(1, 200), sessionToken: tokenOrNone(500) });

export type Progress = z.infer<ReturnType<typeof createSessionMessage>>;
