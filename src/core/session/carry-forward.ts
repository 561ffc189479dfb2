import { type Problem, unavailable } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import type { StopOf } from './admission.ts';
import type { Asked, Checks, Verdicts } from './command.ts';
import { factorEvents } from './factor-events.ts';
import { mergeMetadata, sameMetadata } from './metadata.ts';
import { type LifetimePolicy, VERDICT_MAX_AGE_MS } from './policy.ts';
import { userNotActive } from './problems.ts';
import { evolve, FACTORS, type Session, type SessionEvent } from './session.ts';
import { subjectOf } from './subject.ts';

/** What the cell knows at the moment of the commit. */
export interface Moment {
  /** The cell's own clock, milliseconds. */
  readonly now: number;
  /** SHA-256 of the token that becomes the live one, base64. */
  readonly nextToken: string;
  readonly stopOf: StopOf;
  /** The least version of a user's password that counts; 0 where no change is remembered. */
  readonly passwordVersionOf: (userId: string) => number;
  readonly policy: LifetimePolicy;
}

/** A session after a request, and the events that led there; no events where nothing changed. */
export interface Step {
  readonly session: Session;
  readonly events: readonly SessionEvent[];
}

/**
 * The session decision that Create and Set share: the checks that passed, in their fixed order, then metadata and lifetime, then the next
 * token. All of it or, with a Problem, nothing.
 */
export function carryForward(begun: Step, command: Asked, verdicts: Verdicts, moment: Moment): Result<Step> {
  const { now, policy } = moment;
  const stale = overtaken(verdicts, moment);
  if (stale) return fail(stale);
  const subject = subjectOf(begun.session.user, verdicts.user, command);
  if (!subject.ok) return subject;
  if (leavesOut(verdicts, command)) return fail(unavailable('A check was not carried out'));

  const proved = factorEvents(begun.session, subject.value, verdicts, now);
  if (!proved.ok) return proved;
  const events = [...proved.value];
  if (command.metadata.length > 0) {
    const metadata = mergeMetadata(begun.session.metadata, command.metadata);
    if (!metadata.ok) return metadata;
    if (!sameMetadata(metadata.value, begun.session.metadata)) events.push({ type: 'session.metadata.set', metadata: metadata.value });
  }
  if (command.lifetimeMs !== undefined) {
    events.push({ type: 'session.lifetime.set', endsAt: now + Math.min(command.lifetimeMs, policy.maxLifetimeMs) });
  }
  if (begun.events.length + events.length === 0) return ok(begun);
  events.push({
    type: 'session.token.set',
    token: moment.nextToken,
    ...(policy.idleTimeoutMs > 0 && { idleEndsAt: now + policy.idleTimeoutMs }),
  });
  const session = events.reduce((before, event) => evolve(before, event, now), begun.session);
  return ok({ session, events: [...begun.events, ...events] });
}

/** Whether something was asked for of which nothing was found out: a defect, and no reason to let anybody in. */
function leavesOut(verdicts: Verdicts, { checks, challenges }: Asked): boolean {
  const unverified = (Object.keys(checks) as (keyof Checks)[]).some((check) => checks[check] && !verdicts[check]);
  const opened = (method: string) => verdicts.openings?.some((opening) => opening.method === method);
  return unverified || Object.entries(challenges ?? {}).some(([method, challenge]) => challenge && !opened(method));
}

/** A verdict that a stop, a new password or the clock has overtaken; of one too old, nobody can tell any more whether that happened. */
function overtaken(verdicts: Verdicts, { now, stopOf, passwordVersionOf }: Moment): Problem | undefined {
  const { user, password } = verdicts;
  if (user && user.epoch < (stopOf(user.id)?.epoch ?? 0)) return userNotActive;
  if (password && password.version < passwordVersionOf(password.userId)) return unavailable('The password was changed meanwhile');
  const foundOutAt = Math.min(user?.admittedAt ?? now, ...FACTORS.map((factor) => verdicts[factor]?.reservedAt ?? now));
  if (now - foundOutAt > VERDICT_MAX_AGE_MS) return unavailable('The checks took too long');
  return undefined;
}
