import type { Problem } from '../problem.ts';

/** The refusals of the session decision, with Zitadel's ids. Clients match on the ids; texts are English. */
export const sessionNotFound: Problem = { kind: 'not-found', id: 'QUERY-SFeaa', message: 'Session does not exist' };
export const tokenInvalid: Problem = { kind: 'permission-denied', id: 'COMMAND-sGr42', message: 'Session Token is invalid' };
/** What a read with a wrong token is told, where a write is told `tokenInvalid`. */
export const readTokenInvalid: Problem = { kind: 'permission-denied', id: 'QUERY-dsfr3', message: 'Permission denied' };
export const sessionExpired: Problem = { kind: 'failed-precondition', id: 'COMMAND-Hkl3d', message: 'Session has expired' };
export const userNotActive: Problem = { kind: 'failed-precondition', id: 'SESSION-Gj4ko', message: 'User is not active' };
/** Zitadel sends this one with an empty id. */
export const userChangeNotPossible: Problem = { kind: 'invalid-argument', id: '', message: 'user change not possible' };
export const userMissing = (kind: Problem['kind'], id: string): Problem => ({ kind, id, message: 'User ID missing' });
export const lostThreeTimes: Problem = { kind: 'aborted', id: 'SALLY-Raced', message: 'Session is being changed by others' };
/** The same Idempotency-Key with another body (or another token that is current). */
export const keyReused: Problem = { kind: 'key-reused', id: 'SALLY-KeyReused', message: 'Idempotency-Key was used for another request' };
export const answerForgotten: Problem = { kind: 'aborted', id: 'SALLY-Forgotten', message: 'The answer to this Idempotency-Key is no longer kept' };
