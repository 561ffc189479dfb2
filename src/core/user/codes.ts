import type { Problem } from '../problem.ts';

/** What a code that belongs to a user, and to no session, is for. */
export type CodePurpose = 'emailVerification' | 'phoneVerification' | 'passwordReset' | 'passkeyRegistration';

/** Zitadel's figures (default secret generators): six capitals and digits, or twelve letters and digits where a passkey may be registered; for an hour. */
export const USER_CODE_LENGTH: Record<CodePurpose, number> = {
  emailVerification: 6,
  phoneVerification: 6,
  passwordReset: 6,
  passkeyRegistration: 12,
};
export const USER_CODE_LIFETIME_MS = 3_600_000;

/** Whether one comes to sign in by a code: then a user who is stopped gets none. */
export const opensSignIn = (purpose: CodePurpose): boolean => purpose === 'passwordReset' || purpose === 'passkeyRegistration';

/** What became of a guess at a user's code. What it was opened for is known with it: an address, or a version of the password. */
export type Guess = { readonly kind: 'right'; readonly id: string; readonly basis: string } | { readonly kind: 'wrong' | 'expired' | 'none' };

export const codeEmpty: Problem = { kind: 'failed-precondition', id: 'EMAIL-5w5ilin4yt', message: 'Code is empty' };
