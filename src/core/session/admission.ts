import { covers, type Scope } from '../permission.ts';
import { noPermission } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import { keyReused, sessionExpired, sessionNotFound, tokenInvalid, userNotActive } from './problems.ts';
import type { Repeat } from './repeat.ts';
import type { Session } from './session.ts';

/** How the token that came with a request stands against the session's one live token. */
export type TokenStanding = 'current' | 'superseded' | 'absent';

/** A user that was locked, deactivated or deleted: sessions admitted under an epoch before `epoch` are stopped. */
export interface Stop {
  readonly epoch: number;
  readonly deleted: boolean;
}

/** Looks up the stop of a user in the session's cell. */
export type StopOf = (userId: string) => Stop | undefined;

/** What a request to change a session comes with, beside its content. */
export interface Standing {
  readonly token: TokenStanding;
  /** Where the caller holds session.write. */
  readonly write: Scope;
  /** Whether the content needs session.write even beside a current token (contract 1.1). */
  readonly needsWrite: boolean;
  /** Where the request's Idempotency-Key is that of a kept answer. */
  readonly repeat?: Repeat | undefined;
}

/** The stop that ends this session, if its user was stopped after the session was admitted. */
export function stopOn(session: Session, stopOf: StopOf): Stop | undefined {
  const stop = session.user && stopOf(session.user.id);
  return stop && session.user.epoch < stop.epoch ? stop : undefined;
}

/** Whether a session is there for anybody: not ended, and its user not deleted. */
export function isLive(session: Session | undefined, stopOf: StopOf): session is Session {
  return session !== undefined && session.terminatedAt === undefined && !stopOn(session, stopOf)?.deleted;
}

/**
 * Lets a request to change a session in, or refuses it in the order of contract 1.7: everything that comes before the checks. A repeat is let
 * in with the token that it presented when it was answered, and is to be answered the same again.
 */
export function letIn(session: Session | undefined, standing: Standing, stopOf: StopOf, now: number): Result<Session> {
  if ((standing.needsWrite || standing.token === 'absent') && !covers(standing.write, session?.user?.organizationId)) return fail(noPermission);
  if (!isLive(session, stopOf)) return fail(sessionNotFound);
  const { repeat } = standing;
  if (standing.token === 'superseded' && !repeat?.sameToken) return fail(tokenInvalid);
  if (isExpired(session, now)) return fail(sessionExpired);
  if (stopOn(session, stopOf)) return fail(userNotActive);
  if (repeat && !(repeat.sameToken && repeat.sameBody)) return fail(keyReused);
  return ok(session);
}

export const isExpired = (session: Session, now: number): boolean => session.expiresAt <= now;
