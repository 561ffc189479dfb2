import { type Problem, unavailable } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import type { Verdicts } from './command.ts';
import { FACTORS, type FactorName, type OtpMethod, type Session, type SessionEvent } from './session.ts';
import type { Subject } from './subject.ts';

const CHECKED = {
  totp: 'session.totp.checked',
  otpSms: 'session.otp.sms.checked',
  otpEmail: 'session.otp.email.checked',
  recoveryCode: 'session.recoveryCode.checked',
} as const;

const CHALLENGED = { otpSms: 'session.otp.sms.challenged', otpEmail: 'session.otp.email.challenged' } as const;

const checkedEvent = (factor: FactorName, { password }: Verdicts): SessionEvent =>
  factor === 'password' ? { type: 'session.password.checked', version: password?.version ?? 0 } : { type: CHECKED[factor] };

/** What the verdicts of a request make happen to a session: its user, its factors in their order, then the codes that were opened. */
export function factorEvents(session: Session, subject: Subject | undefined, verdicts: Verdicts, now: number): Result<SessionEvent[]> {
  const events: SessionEvent[] = [];
  if (verdicts.user) {
    const { admittedAt: _, ...user } = verdicts.user;
    events.push({ type: 'session.user.checked', user: { ...user, verifiedAt: now } });
  }
  for (const factor of FACTORS) {
    if (verdicts[factor] === undefined) continue;
    const astray = meantForAnother(session, subject, factor, verdicts);
    if (astray) return fail(astray);
    events.push(checkedEvent(factor, verdicts));
  }
  for (const { method, id, box, lifetimeMs } of verdicts.openings ?? []) {
    events.push({ type: CHALLENGED[method], code: { id, box, expiresAt: now + lifetimeMs } });
  }
  return ok(events);
}

/** A verdict on another user's secret, or on a code that is no longer the open one. */
function meantForAnother(session: Session, subject: Subject | undefined, factor: FactorName, verdicts: Verdicts): Problem | undefined {
  const verdict = verdicts[factor];
  if (verdict?.userId !== subject?.id) return unavailable(`The ${factor} was verified for another user`);
  const replaced = verdict && 'challengeId' in verdict && session.challenges?.[factor as OtpMethod]?.id !== verdict.challengeId;
  return replaced ? unavailable('The code was replaced meanwhile') : undefined;
}
