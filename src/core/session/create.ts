import { EVERYWHERE } from '../permission.ts';
import { fail, ok, type Result } from '../result.ts';
import { letIn, type StopOf } from './admission.ts';
import { carryForward, type Moment, type Step } from './carry-forward.ts';
import type { Asked, UpdateSession, Verdicts } from './command.ts';
import { answerForgotten } from './problems.ts';
import type { KeptAnswer, Repeat } from './repeat.ts';
import { evolve, type Session, type SessionEvent, type UserAgent } from './session.ts';

/** What a Create asks for beyond what a PATCH can. */
export interface CreateSession extends UpdateSession {
  readonly userAgent?: UserAgent;
}

/** Create: a new session that may already carry checks, metadata and a lifetime. It always has a token and always expires. */
export function create(
  id: string,
  creator: string,
  command: Asked & Pick<CreateSession, 'userAgent'>,
  verdicts: Verdicts,
  moment: Moment,
): Result<Step> {
  const { now, policy } = moment;
  const { userAgent } = command;
  const added: SessionEvent = { type: 'session.added', id, creator, ...(userAgent && { userAgent }), endsAt: now + policy.defaultLifetimeMs };
  return carryForward({ session: evolve(undefined, added, now), events: [added] }, command, verdicts, moment);
}

/** A Create whose Idempotency-Key has led to this session already: the answer that was kept, or why it cannot be given again. */
export function createAgain(session: Session, repeat: Repeat | undefined, stopOf: StopOf, now: number): Result<KeptAnswer> {
  const admitted = letIn(session, { token: 'absent', write: EVERYWHERE, needsWrite: true, repeat }, stopOf, now);
  if (!admitted.ok) return admitted;
  return repeat ? ok(repeat.answer) : fail(answerForgotten);
}
