import { isExpired, isLive, type StopOf, stopOn } from './admission.ts';
import type { OtpMethod, Session } from './session.ts';

/** Whether a code of a session can still be given: not given or replaced yet, not expired, and its session goes on. Pure. */
export function isCodeOpen(session: Session | undefined, method: OtpMethod, id: string, stopOf: StopOf, now: number): boolean {
  if (!isLive(session, stopOf) || isExpired(session, now) || stopOn(session, stopOf)) return false;
  const code = session.challenges?.[method];
  return code?.id === id && now < code.expiresAt;
}
