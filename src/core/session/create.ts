import type { Result } from '../result.ts';
import { carryForward, type Moment, type Step } from './carry-forward.ts';
import type { UpdateSession, Verdicts } from './command.ts';
import { evolve, type SessionEvent, type UserAgent } from './session.ts';

/** What a Create asks for beyond what a PATCH can. */
export interface CreateSession extends UpdateSession {
  readonly userAgent?: UserAgent;
}

/** Create: a new session that may already carry checks, metadata and a lifetime. It always has a token and always expires. */
export function create(id: string, creator: string, command: CreateSession, verdicts: Verdicts, moment: Moment): Result<Step> {
  const { now, policy } = moment;
  const { userAgent } = command;
  const added: SessionEvent = { type: 'session.added', id, creator, ...(userAgent && { userAgent }), endsAt: now + policy.defaultLifetimeMs };
  return carryForward({ session: evolve(undefined, added, now), events: [added] }, command, verdicts, moment);
}
