import type { Live } from '../cells/session-protocol.ts';
import type { Facts } from '../cells/user-protocol.ts';
import type { Finding } from '../checks/finding.ts';
import { checkIdpIntent } from '../checks/idp-intent.ts';
import { checkOtp } from '../checks/otp.ts';
import { checkPassword } from '../checks/password.ts';
import { checkRecoveryCode } from '../checks/recovery-code.ts';
import { checkTotp } from '../checks/totp.ts';
import { checkWebAuthN } from '../checks/web-authn.ts';
import { ok } from '../core/result.ts';
import type { Checks } from '../core/session/command.ts';
import { FACTORS, type FactorName, type OtpMethod } from '../core/session/session.ts';
import type { Try } from '../core/user/attempts.ts';
import type { FoundIntent } from './intent.ts';
import type { Walk } from './walk.ts';

/** One factor of a request, to be tried against what is known of its user. */
export interface Trial extends Try {
  readonly method: FactorName;
  readonly look: (facts: Facts) => Promise<Finding>;
}

/** Where the trials of a request take place. */
export interface Ground {
  readonly userId: string;
  readonly sessionId: string;
  readonly challenges: Live['challenges'];
  /** Only where an intent is presented. */
  readonly intent?: FoundIntent;
}

/** The factors that a request presents, in their fixed order. */
export function trialsOf(walk: Walk, checks: Omit<Checks, 'user'>, ground: Ground): Trial[] {
  return FACTORS.filter((factor) => checks[factor] !== undefined).map((factor) => LOOKS[factor](walk, checks, ground));
}

type Look = (walk: Walk, checks: Omit<Checks, 'user'>, ground: Ground) => Trial;

const otp =
  (method: OtpMethod): Look =>
  ({ sealKeys }, checks, { sessionId, challenges }) => {
    const open = challenges?.[method];
    const look = (facts: Facts) => checkOtp(facts[method], open, sessionId, checks[method]?.code ?? '', sealKeys, Date.now());
    return { method, challenge: open?.id, look };
  };

const LOOKS: Record<FactorName, Look> = {
  password: ({ passwords }, { password }) => ({
    method: 'password',
    look: (facts) => checkPassword(facts, password?.password ?? '', passwords.peppers),
  }),
  idpIntent: (_, { idpIntent }, { userId, intent }) => ({
    method: 'idpIntent',
    look: async () => checkIdpIntent(intent ?? ok(undefined), idpIntent?.intentId ?? '', userId, Date.now()),
  }),
  webAuthN: ({ webAuthNOrigins: origins }, { webAuthN }, { userId, challenges }) => ({
    method: 'webAuthN',
    look: ({ credentials }) =>
      checkWebAuthN(webAuthN?.assertion, { userId, credentials, open: challenges?.webAuthN ?? [], origins, now: Date.now() }),
  }),
  totp: ({ sealKeys }, { totp }, { userId }) => ({
    method: 'totp',
    look: (facts) => checkTotp(facts.totp, userId, totp?.code ?? '', sealKeys, Date.now()),
  }),
  otpSms: otp('otpSms'),
  otpEmail: otp('otpEmail'),
  recoveryCode: ({ passwords }, { recoveryCode }, { userId }) => ({
    method: 'recoveryCode',
    look: (facts) => checkRecoveryCode(facts.recoveryCodes, userId, recoveryCode?.code ?? '', passwords.peppers),
  }),
};
