import type { Problem } from '../problem.ts';

/** What a token of an intent turned out to be: of which intent it is, no base64url at all, or none of ours. */
export type OpenedIntentToken = { readonly intentId: string } | 'malformed' | 'unknown';

const tokenInvalid = (id: string): Problem => ({ kind: 'permission-denied', id, message: 'Intent Token is invalid' });
const malformed = tokenInvalid('CRYPTO-Swg31');
const unknown = tokenInvalid('CRYPTO-Sf4gt');
const ofAnother = tokenInvalid('CRYPTO-CRYPTO');

/** Why a token does not open an intent; undefined when it does. Pure. */
export function intentTokenProblem(opened: OpenedIntentToken, intentId: string): Problem | undefined {
  if (opened === 'malformed') return malformed;
  if (opened === 'unknown') return unknown;
  return opened.intentId === intentId ? undefined : ofAnother;
}
