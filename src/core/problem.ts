/**
 * The closed list of ways in which Sallyport refuses. Most are named after their gRPC code; four have a wire form of their own.
 * `http/problems.ts` holds the one table that maps a kind to status, code and body.
 */
export type ProblemKind =
  | 'invalid-argument'
  | 'failed-precondition'
  | 'not-found'
  | 'already-exists'
  | 'permission-denied'
  | 'unauthenticated'
  | 'resource-exhausted'
  | 'aborted'
  | 'unimplemented'
  | 'unavailable'
  | 'internal'
  | 'method-not-allowed'
  | 'payload-too-large'
  | 'key-reused';

/**
 * An expected refusal, as a value. `id` is Zitadel's error id, on which clients match; without one the body carries no details.
 * `evidence` is strings only: an `unknown` in it would drop the failing branch from the type that RPC returns.
 *
 * Evidence that the wire knows: `failedAttempts` (a count), `retryAfterSeconds` (whole seconds, for the Retry-After header).
 */
export interface Problem {
  readonly kind: ProblemKind;
  readonly id?: string;
  readonly message: string;
  readonly evidence?: Readonly<Record<string, string>>;
}

/** A refusal without an id: malformed JSON, a wrong type or a broken rule. It names the field and never repeats the value. */
export const invalid = (message: string): Problem => ({ kind: 'invalid-argument', message });

/** A store did not answer in its deadline, or an attempt outlived its reservation. The change happened whole or not at all, and repeating it is safe. */
export const unavailable = (message: string): Problem => ({
  kind: 'unavailable',
  id: 'SALLY-Retry',
  message,
  evidence: { retryAfterSeconds: '1' },
});

/** A setting of the deployment is missing or wrong; the message names it. */
export const misconfigured = (message: string): Problem => ({
  kind: 'unavailable',
  id: 'SALLY-Setting',
  message,
  evidence: { retryAfterSeconds: '60' },
});

/** An operation, check or challenge that Zitadel has and Sallyport has not built yet. It is refused, never ignored. */
export const notBuilt = (what: string): Problem => ({ kind: 'unimplemented', id: 'SALLY-NotBuilt', message: `${what} is not implemented` });

/** The caller is known but may not do this (zitadel's AUTH-AWfge). */
export const noPermission: Problem = { kind: 'permission-denied', id: 'AUTH-AWfge', message: 'No matching permissions found' };
