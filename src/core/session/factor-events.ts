import { type Problem, unavailable } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import type { Opening, Verdicts, VerifiedCode } from './command.ts';
import { FACTORS, type FactorName, type OtpMethod, type Session, type SessionEvent } from './session.ts';
import type { Subject } from './subject.ts';

const CHECKED = {
  idpIntent: 'session.intent.checked',
  totp: 'session.totp.checked',
  otpSms: 'session.otp.sms.checked',
  otpEmail: 'session.otp.email.checked',
  recoveryCode: 'session.recoveryCode.checked',
} as const;

const CHALLENGED = { otpSms: 'session.otp.sms.challenged', otpEmail: 'session.otp.email.challenged' } as const;

function checkedEvent(factor: FactorName, { password, webAuthN }: Verdicts): SessionEvent {
  if (factor === 'password') return { type: 'session.password.checked', version: password?.version ?? 0 };
  if (factor !== 'webAuthN') return { type: CHECKED[factor] };
  return { type: 'session.webAuthN.checked', challengeId: webAuthN?.challengeId ?? '', userVerified: webAuthN?.userVerified ?? false };
}

function challengedEvent(opening: Opening, now: number): SessionEvent {
  const { method, lifetimeMs } = opening;
  const expiresAt = now + lifetimeMs;
  if (method !== 'webAuthN') return { type: CHALLENGED[method], code: { id: opening.id, box: opening.box, expiresAt } };
  const { id, challenge, rpId, userVerification, offeredTo } = opening;
  return { type: 'session.webAuthN.challenged', challenge: { id, challenge, rpId, userVerification, offeredTo, expiresAt } };
}

/** What the verdicts of a request make happen to a session: its user, its factors in their order, then what was opened. */
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
  return ok([...events, ...(verdicts.openings ?? []).map((opening) => challengedEvent(opening, now))]);
}

/** A verdict on another user's secret, or on a code or a challenge that is no longer open. */
function meantForAnother(session: Session, subject: Subject | undefined, factor: FactorName, verdicts: Verdicts): Problem | undefined {
  const { userId, challengeId }: Partial<VerifiedCode> = verdicts[factor] ?? {};
  if (userId !== subject?.id) return unavailable(`The ${factor} was verified for another user`);
  const replaced = challengeId !== undefined && !openIds(session, factor as OtpMethod | 'webAuthN').includes(challengeId);
  return replaced ? unavailable('The challenge was replaced meanwhile') : undefined;
}

function openIds({ challenges = {} }: Session, method: OtpMethod | 'webAuthN'): string[] {
  if (method === 'webAuthN') return (challenges.webAuthN ?? []).map(({ id }) => id);
  const code = challenges[method];
  return code ? [code.id] : [];
}
