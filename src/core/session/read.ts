import { covers, type Scope } from '../permission.ts';
import { noPermission } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import { isExpired, isLive, type StopOf, stopOn, type TokenStanding } from './admission.ts';
import { readTokenInvalid, sessionNotFound } from './problems.ts';
import type { Session } from './session.ts';

/** Who asks to read a session. */
export interface Reader {
  readonly token: TokenStanding;
  readonly read: Scope;
  readonly callerId: string;
  /** What the client calls its agent whose own session the caller is. */
  readonly fingerprintId?: string | undefined;
}

/** A session as its reader sees it, with the state that it is in at this moment. */
export interface SessionView {
  readonly session: Session;
  readonly state: 'active' | 'expired' | 'stopped';
}

/**
 * Get: the current token alone is enough, and a wrong one is refused whatever the caller may do; without one, the creator, the session's
 * own user, another session of the same agent, or session.read (contract 1.7: no role is 403, never 404). Expired and stopped sessions stay readable.
 */
export function read(session: Session | undefined, by: Reader, stopOf: StopOf, now: number): Result<SessionView> {
  if (by.token === 'absent') {
    const agent = session?.userAgent?.fingerprintId;
    const sameAgent = agent !== undefined && agent !== '' && agent === by.fingerprintId;
    const own = sameAgent || session?.creator === by.callerId || session?.user?.id === by.callerId;
    if (!own && !covers(by.read, session?.user?.organizationId)) return fail(noPermission);
  }
  if (!isLive(session, stopOf)) return fail(sessionNotFound);
  if (by.token === 'superseded') return fail(readTokenInvalid);
  return ok(viewed(session, stopOf, now));
}

/** A session as whoever may read it sees it; undefined where it is there for nobody. */
export const viewOf = (session: Session | undefined, stopOf: StopOf, now: number): SessionView | undefined =>
  isLive(session, stopOf) ? viewed(session, stopOf, now) : undefined;

const viewed = (session: Session, stopOf: StopOf, now: number): SessionView => ({
  session,
  state: stopOn(session, stopOf) ? 'stopped' : isExpired(session, now) ? 'expired' : 'active',
});
