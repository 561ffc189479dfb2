import { notSucceeded } from '../intent/intent.ts';
import type { Problem } from '../problem.ts';
import type { FactorName } from '../session/session.ts';

/** The methods whose failed attempts are counted: every factor that is a secret which can be guessed. A signature cannot, nor can the token of an intent. */
export type Method = Exclude<FactorName, 'webAuthN' | 'idpIntent'>;

export const isGuessed = (factor: FactorName): factor is Method => factor !== 'webAuthN' && factor !== 'idpIntent';

/** One factor of an attempt; where it answers a code that was sent, the challenge that it answers. */
export interface Try {
  readonly method: FactorName;
  readonly challenge?: string | undefined;
}

/** Wrong guesses that void a code (contract row 6). */
export const GUESSES_MOST = 5;

/** Lockout and back-off, for each method of each user alike; a figure of 0 switches its rule off. */
export interface AttemptPolicy {
  /** Failures in a row from which attempts are made one at a time, each after a wait. */
  readonly backOffFrom: number;
  /** The first wait; it doubles with each further failure. */
  readonly backOffMs: number;
  readonly backOffMaxMs: number;
  /** Failures in a row that lock the method. */
  readonly lockAfter: number;
  readonly lockMs: number;
}

/** Failures in a row of one method of one user, and the time of the last. */
export interface Failures {
  readonly count: number;
  readonly lastAt: number;
}

export const NO_FAILURES: Failures = { count: 0, lastAt: 0 };

/** Whether an attempt may be made now: yes; no, because rivals in flight must settle first (ask again); or no, and what to tell. */
export type Permit = { readonly kind: 'go' } | { readonly kind: 'busy' } | { readonly kind: 'refused'; readonly problem: Problem };

/**
 * Decides on one more attempt, before its secret is looked at. As every attempt in flight may turn out to be a failure, no more are let in
 * than would reach the next rule: parallel guesses cannot outrun the policy (NIST 800-63B section 5.2.2).
 */
export function permit(method: Method, failures: Failures, inFlight: number, policy: AttemptPolicy, now: number): Permit {
  const { backOffFrom, lockAfter, lockMs } = policy;
  const count = forgiven(failures, policy, now) ? 0 : failures.count;
  if (lockAfter > 0 && count >= lockAfter) return { kind: 'refused', problem: locked(method, count, failures.lastAt + lockMs - now) };
  if (backOffFrom > 0 && count >= backOffFrom) {
    if (inFlight > 0) return { kind: 'busy' };
    const wait = failures.lastAt + backOff(count, policy) - now;
    return wait > 0 ? { kind: 'refused', problem: tooManyAttempts(wait) } : { kind: 'go' };
  }
  const ceiling = Math.min(backOffFrom || Number.POSITIVE_INFINITY, lockAfter || Number.POSITIVE_INFINITY);
  return count + inFlight < ceiling ? { kind: 'go' } : { kind: 'busy' };
}

/** Whether one more guess may be made at a code: those in flight may all turn out wrong. A code that is void is not found any more. */
export function permitGuess(wrong: number, inFlight: number): Permit {
  if (wrong >= GUESSES_MOST) return { kind: 'refused', problem: codeNotFound };
  return wrong + inFlight < GUESSES_MOST ? { kind: 'go' } : { kind: 'busy' };
}

export const codeNotFound: Problem = { kind: 'failed-precondition', id: 'COMMAND-S34gh', message: 'Code not found' };

/** The counter after one more failure. */
export function failedAgain(failures: Failures, policy: AttemptPolicy, now: number): Failures {
  return { count: (forgiven(failures, policy, now) ? 0 : failures.count) + 1, lastAt: now };
}

/** A lock that has run its time: the counter is 0 again. */
function forgiven(failures: Failures, { lockAfter, lockMs }: AttemptPolicy, now: number): boolean {
  return lockAfter > 0 && failures.count >= lockAfter && now >= failures.lastAt + lockMs;
}

function backOff(count: number, { backOffFrom, backOffMs, backOffMaxMs }: AttemptPolicy): number {
  return Math.min(backOffMs * 2 ** (count - backOffFrom), backOffMaxMs);
}

/** Zitadel's "User is locked" of each method; here it is the method that is locked, for a while. */
const LOCKED_IDS: Record<Method, string> = {
  password: 'COMMAND-JLK35',
  totp: 'COMMAND-SF3fg',
  otpSms: 'COMMAND-S6h4R',
  otpEmail: 'COMMAND-S6h4R',
  recoveryCode: 'COMMAND-2w6oa',
};

/** Only of passwords is the number of failures told. */
const locked = (method: Method, failedAttempts: number, waitMs: number): Problem => ({
  kind: 'failed-precondition',
  id: LOCKED_IDS[method],
  message: 'User is locked',
  evidence: { ...(method === 'password' && { failedAttempts: String(failedAttempts) }), ...retryAfter(waitMs) },
});

const tooManyAttempts = (waitMs: number): Problem => ({
  kind: 'resource-exhausted',
  id: 'SALLY-BackOff',
  message: 'Too many failed attempts',
  evidence: retryAfter(waitMs),
});

/** Rivals in flight did not settle before the deadline of the one who waited. */
export const rivalsInFlight: Problem = {
  kind: 'resource-exhausted',
  id: 'SALLY-Rivals',
  message: 'Too many attempts at once',
  evidence: { retryAfterSeconds: '1' },
};

const retryAfter = (waitMs: number) => ({ retryAfterSeconds: String(Math.max(1, Math.ceil(waitMs / 1000))) });

const invalidCode = (id: string, message: string): Problem => ({ kind: 'invalid-argument', id, message });

const WRONG: Record<Exclude<Method, 'password'>, Problem> = {
  totp: invalidCode('EVENT-8isk2', 'Invalid code'),
  otpSms: invalidCode('CODE-woT0xc', 'Code is invalid'),
  otpEmail: invalidCode('CODE-woT0xc', 'Code is invalid'),
  recoveryCode: invalidCode('DOMAIN-6uvh0', 'Invalid recovery code provided'),
};

/** What a wrong secret is told; of passwords also how many failures in a row there are with this one. */
export function wrong(method: Method, failedAttempts: number): Problem {
  if (method !== 'password') return WRONG[method];
  return { ...invalidCode('COMMAND-3M0fs', 'Password is invalid'), evidence: { failedAttempts: String(failedAttempts) } };
}

/**
 * What a secret is told that was right, and was used before. It is no failed attempt. A credential whose counter stands still may have been cloned
 * (WebAuthn L3 section 6.1.1).
 */
export function usedBefore(method: FactorName): Problem {
  if (method === 'totp') return { kind: 'invalid-argument', id: 'TOTP-Auw0a', message: 'Code was used before' };
  if (method === 'webAuthN') return { kind: 'invalid-argument', id: 'WEBAU-4M90s', message: 'Credential may have been cloned' };
  if (method === 'idpIntent') return notSucceeded;
  return wrong(method, 0);
}
