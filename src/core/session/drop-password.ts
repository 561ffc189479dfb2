import type { Step } from './carry-forward.ts';
import { evolve, type Session, type SessionEvent } from './session.ts';

/** Drops a password factor that was verified before the user's password changed to `version` (contract row 19). The token lives on. */
export function dropPassword(session: Session, version: number, now: number): Step {
  const { password } = session.factors;
  if (password === undefined || password.version >= version) return { session, events: [] };
  const event: SessionEvent = { type: 'session.password.dropped' };
  return { session: evolve(session, event, now), events: [event] };
}
