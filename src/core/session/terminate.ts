import { covers, type Scope } from '../permission.ts';
import { noPermission } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import type { TokenStanding } from './admission.ts';
import type { Step } from './carry-forward.ts';
import { sessionNotFound, tokenInvalid } from './problems.ts';
import { evolve, type Session, type SessionEvent } from './session.ts';

/** What a DELETE comes with: its token's standing, where the caller holds session.delete, and the user that the caller is, if any. */
export interface Terminator {
  readonly token: TokenStanding;
  readonly delete: Scope;
  readonly selfId?: string;
}

/**
 * Delete: the current token alone is enough; without one, the session's own user or session.delete. Expired and stopped sessions can be
 * ended too. Ending an ended session again changes nothing and succeeds, with the token that it died with as well.
 */
export function terminate(session: Session | undefined, by: Terminator, now: number): Result<Step> {
  if (by.token === 'absent') {
    const own = by.selfId !== undefined && session?.user?.id === by.selfId;
    if (!own && !covers(by.delete, session?.user?.organizationId)) return fail(noPermission);
  }
  if (session === undefined) return fail(sessionNotFound);
  if (by.token === 'superseded') return fail(tokenInvalid);
  return ok(end(session, now));
}

/** Ends a session; one that has ended stays as it is. */
export function end(session: Session, now: number): Step {
  if (session.terminatedAt !== undefined) return { session, events: [] };
  const event: SessionEvent = { type: 'session.terminated' };
  return { session: evolve(session, event, now), events: [event] };
}
