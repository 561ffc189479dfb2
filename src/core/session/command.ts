import type { UserVerification } from '../web-authn/credential.ts';
import type { Assertion } from '../web-authn/public-key-credential.ts';
import type { OtpMethod } from './session.ts';

/** The checks of one request that are built; the others are refused at the door. */
export interface Checks {
  readonly user?: { readonly userId: string } | { readonly loginName: string };
  readonly password?: { readonly password: string };
  readonly idpIntent?: { readonly intentId: string; readonly token: string };
  /** Without an assertion where what was given is none. */
  readonly webAuthN?: { readonly assertion: Assertion | undefined };
  readonly totp?: { readonly code: string };
  readonly otpSms?: { readonly code: string };
  readonly otpEmail?: { readonly code: string };
  readonly recoveryCode?: { readonly code: string };
}

/** A code to be opened: handed back to the caller, or sent to the user; with a link of the caller's own, or the default one. */
export interface OtpChallenge {
  readonly returnCode: boolean;
  readonly urlTemplate?: string | undefined;
}

/** A challenge of WebAuthn to be opened. */
export interface WebAuthNChallenge {
  readonly rpId: string;
  readonly userVerification: UserVerification;
}

export interface Challenges {
  readonly webAuthN?: WebAuthNChallenge;
  readonly otpSms?: OtpChallenge;
  readonly otpEmail?: OtpChallenge;
}

/** What a PATCH asks for, in the house's terms. */
export interface UpdateSession {
  readonly checks: Checks;
  readonly challenges?: Challenges | undefined;
  /** Pairs to merge, values in standard base64; an empty value deletes its key. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly lifetimeMs?: number;
}

/** A request without the secrets that its checks are proved by: all that the decision needs, and all that reaches the session's cell. */
export interface Asked extends Omit<UpdateSession, 'checks'> {
  readonly checks: { readonly [Check in keyof Checks]?: unknown };
}

export const withoutSecrets = <Command extends UpdateSession>(command: Command): Omit<Command, 'checks'> & Pick<Asked, 'checks'> => ({
  ...command,
  checks: Object.fromEntries(Object.entries(command.checks).map(([check, given]) => [check, given && true])),
});

/** A user whom the user's cell admitted to live in this session's cell. */
export interface AdmittedUser {
  readonly id: string;
  readonly organizationId: string;
  readonly loginName: string;
  readonly displayName: string;
  readonly preferredLanguage: string;
  readonly cell: string;
  readonly epoch: number;
  /** By the user's cell's clock. */
  readonly admittedAt: number;
}

/** A factor that was found right, for whom, and when its attempt was reserved (the user's cell's clock). */
export interface Verified {
  readonly userId: string;
  readonly reservedAt: number;
}

/** A password that was found right, and which version of it. */
export interface VerifiedPassword extends Verified {
  readonly version: number;
}

/** A code that was found right, and which of the session's it is. */
export interface VerifiedCode extends Verified {
  readonly challengeId: string;
}

/** An assertion that was found right, which of the session's challenges it answers, and whether the authenticator verified the user. */
export interface VerifiedAssertion extends Verified {
  readonly challengeId: string;
  readonly userVerified: boolean;
}

/** A code that was made for a request. */
export interface CodeOpening {
  readonly method: OtpMethod;
  readonly id: string;
  readonly box: string;
  readonly lifetimeMs: number;
  /** Where it is to be sent; not there for a code that is handed back. */
  readonly delivery?: { readonly to: string; readonly urlTemplate: string } | undefined;
}

/** A challenge of WebAuthn that was made for a request. */
export interface AssertionOpening extends WebAuthNChallenge {
  readonly method: 'webAuthN';
  readonly id: string;
  /** 32 random bytes, base64url. */
  readonly challenge: string;
  readonly offeredTo: readonly string[] | undefined;
  readonly lifetimeMs: number;
}

export type Opening = CodeOpening | AssertionOpening;

/** What was found out, and made, for a request before its commit. Only what passed is in it: a failed check ends the request earlier. */
export interface Verdicts {
  readonly user?: AdmittedUser;
  readonly password?: VerifiedPassword;
  readonly idpIntent?: Verified;
  readonly webAuthN?: VerifiedAssertion;
  readonly totp?: Verified;
  readonly otpSms?: VerifiedCode;
  readonly otpEmail?: VerifiedCode;
  readonly recoveryCode?: Verified;
  readonly openings?: readonly Opening[];
}

/**
 * Whether a request needs session.write even when it presents the current token: a half-done login's token may be in the hands of whoever
 * knows only the password, so a token alone does nothing but present factors, and have codes sent to the user by the default link (contract
 * 1.1).
 */
export function needsWrite({ checks, challenges, metadata, lifetimeMs }: Asked): boolean {
  const ownWay = [challenges?.otpSms, challenges?.otpEmail].some((code) => code?.returnCode || code?.urlTemplate !== undefined);
  return checks.user !== undefined || metadata.length > 0 || lifetimeMs !== undefined || ownWay;
}

/** Whether anything has to be found out, or made, before the commit. */
export const needsFindingOut = ({ checks, challenges }: Pick<UpdateSession, 'checks' | 'challenges'>): boolean =>
  [...Object.values(checks), ...Object.values(challenges ?? {})].some((part) => part !== undefined);
