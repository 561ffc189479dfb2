import type { Problem } from '../problem.ts';

/** What a code that belongs to a user, and to no session, is for. */
export type CodePurpose = 'emailVerification' | 'phoneVerification' | 'passwordReset';

/** Zitadel's figures (default secret generators): six capitals and digits, for an hour. */
export const USER_CODE_LENGTH = 6;
export const USER_CODE_LIFETIME_MS = 3_600_000;

/** What became of a guess at a user's code. What it was opened for is known with it: an address, or a version of the password. */
export type Guess = { readonly kind: 'right'; readonly id: string; readonly basis: string } | { readonly kind: 'wrong' | 'expired' | 'none' };

export const codeEmpty: Problem = { kind: 'failed-precondition', id: 'EMAIL-5w5ilin4yt', message: 'Code is empty' };
