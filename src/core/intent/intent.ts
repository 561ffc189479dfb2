import type { Problem } from '../problem.ts';

/** How a log-in at an identity provider stands: `claimed` while its callback is looked into, `consumed` once a session has used it. */
export type IntentState = 'started' | 'claimed' | 'succeeded' | 'failed' | 'consumed';

/** From its start, the time to come back in. */
export const STARTED_FOR_MS = 10 * 60_000;
/** From its success, the time to be used in. */
export const SUCCEEDED_FOR_MS = 60 * 60_000;

/** An intent, as far as a check of it decides. */
export interface CheckedIntent {
  readonly state: IntentState;
  readonly expiresAt: number;
  /** Whose the provider's account was here when they came back, if anybody's. */
  readonly userId: string | undefined;
  /** Whether the account is linked, at this moment, to the user whom the check is about. */
  readonly linked: boolean;
  /** Whether the attempt that asks has consumed it already, in a walk that did not reach its end. */
  readonly consumedByThis: boolean;
}

/** Also what an intent that another attempt has used is told. */
export const notSucceeded: Problem = { kind: 'failed-precondition', id: 'COMMAND-Df4bw', message: 'Intent has not succeeded' };
const expired: Problem = { kind: 'failed-precondition', id: 'COMMAND-SAf42', message: 'Intent has expired' };
const otherUser: Problem = { kind: 'failed-precondition', id: 'COMMAND-O8xk3w', message: 'Intent meant for another user' };

/** Why an intent does not prove that a user is there; undefined when it does. Pure. */
export function intentProblem(intent: CheckedIntent | undefined, userId: string, now: number): Problem | undefined {
  const usable = intent?.state === 'succeeded' || (intent?.state === 'consumed' && intent.consumedByThis);
  if (intent === undefined || !usable) return notSucceeded;
  if (intent.expiresAt <= now) return expired;
  const theirs = intent.linked && (intent.userId ?? userId) === userId;
  return theirs ? undefined : otherUser;
}
