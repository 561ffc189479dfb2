import type { Facts, PastFailures, Reservation, Spender, Verdict } from '../cells/user-protocol.ts';
import type { Finding } from '../checks/finding.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Verdicts } from '../core/session/command.ts';
import type { FactorName, OtpMethod } from '../core/session/session.ts';
import type { Subject } from '../core/session/subject.ts';
import { isGuessed, type Method, rivalsInFlight, usedBefore, wrong } from '../core/user/attempts.ts';
import type { Trial } from './trials.ts';
import type { Walk } from './walk.ts';

/** Factors that passed, and the failures before them, which are to be forgotten once the success is committed. */
export interface Attempted {
  readonly verdicts: Omit<Verdicts, 'user' | 'openings'>;
  readonly resettable: readonly PastFailures[];
  /** What the checks relied on; none when there was nothing to check. */
  readonly facts?: Facts;
}

export const NOTHING_ATTEMPTED: Attempted = { verdicts: {}, resettable: [] };

/** What an attempt is known by, shares with others, or gives way to. */
export interface Beside extends Spender {
  /** The attempt's id, where repeats of its request may run beside it. */
  readonly shared?: string | undefined;
  /** What stands in the way of what follows the checks: then nothing is spent for them. */
  readonly hindrance?: (facts: Facts) => Problem | undefined;
  /** Codes that are to be sent after the checks. */
  readonly sendBy?: readonly OtpMethod[];
  /** Asked each time that rivals were waited for: a request that has lost its race meanwhile spends no hash. */
  readonly goOn: () => Promise<Result<unknown>>;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 80;
const STALE_TRIES = 3;

/**
 * Tries the secrets of a request against a user: reserve -> verify -> settle. An attempt is reserved before its secrets are looked at and is
 * always settled, so that parallel guesses count exactly; no verdict leaves before it is. When the credentials change meanwhile it tries
 * again with the new ones.
 */
export async function attempt(walk: Walk, subject: Subject, trials: readonly Trial[], beside: Beside): Promise<Result<Attempted>> {
  if (trials.length === 0) return ok(NOTHING_ATTEMPTED);
  for (let tries = 0; tries < STALE_TRIES; tries += 1) {
    const reserved = await reserve(walk, subject, trials, beside);
    if (!reserved.ok) return reserved;
    const outcome = await tryOnce(walk, subject, trials, beside, reserved.value);
    if (outcome !== 'stale') return outcome;
  }
  return fail(unavailable('The credentials are being changed'));
}

/** Reserves an attempt. Where only rivals in flight stand in the way it asks again until the walk's deadline. */
async function reserve(walk: Walk, { id, cell }: Subject, trials: readonly Trial[], beside: Beside): Promise<Result<Reserved>> {
  const { shared, goOn, attemptId, requestId, sendBy = [] } = beside;
  const sends = sendBy.length > 0 ? { by: sendBy, attemptId, requestId } : undefined;
  const userCell = walk.cells.user(cell);
  const tries = trials.map(({ method, challenge }) => ({ method, challenge }));
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const reservation = await userCell.reserve({ userId: id, tries, shared, sends });
    if (reservation.kind === 'reserved') return ok(reservation);
    if (reservation.kind === 'refused') return fail(reservation.problem);
    if (Date.now() + pauseMs > walk.deadline) return fail(rivalsInFlight);
    if (reservation.kind === 'cold') {
      await userCell.load(id);
      continue;
    }
    await scheduler.wait(pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    const still = await goOn();
    if (!still.ok) return still;
  }
}

type Reserved = Extract<Reservation, { kind: 'reserved' }>;

/** A trial that was made. */
interface Made {
  readonly trial: Trial;
  readonly finding: Finding;
}

/** One reserved attempt, from the look at its secrets to its settlement. */
async function tryOnce(
  walk: Walk,
  subject: Subject,
  trials: readonly Trial[],
  { attemptId, requestId, hindrance }: Beside,
  { id: reservationId, reservedAt, facts, sendProblem }: Reserved,
): Promise<Result<Attempted> | 'stale'> {
  const made = await makeTrials(trials, facts);
  const allPassed = made.length === trials.length && made.every(({ finding }) => finding.kind === 'passed');
  const hindered = allPassed ? (hindrance?.(facts) ?? sendProblem) : undefined;
  const verdicts = made.flatMap((each) => verdictOf(each, allPassed && hindered === undefined));
  const settled = await walk.cells.user(subject.cell).settle({ reservationId, userId: subject.id, attemptId, requestId, verdicts });
  if (settled.kind === 'stale') return 'stale';
  if (settled.kind === 'lost') return fail(unavailable('The attempt was lost'));
  const last = made.at(-1);
  if (last?.finding.kind === 'not-ready') return fail(last.finding.problem);
  if (last?.finding.kind === 'wrong') return fail(problemOf(last.trial.method, last.finding.problem, settled.failures));
  if (hindered) return fail(hindered);
  if (settled.usedBefore) return fail(usedBefore(settled.usedBefore));
  const passed = made.map(({ trial: { method, challenge }, finding }) => [
    method,
    {
      userId: subject.id,
      reservedAt,
      ...(method === 'password' && { version: facts.passwordVersion }),
      ...(challenge !== undefined && { challengeId: challenge }),
      ...(finding.kind === 'passed' && finding.assertion),
    },
  ]);
  return ok({ verdicts: Object.fromEntries(passed) as Attempted['verdicts'], resettable: settled.resettable, facts });
}

/** What a wrong secret is told: how often it was, where that is counted. A signature always says itself what is wrong with it. */
function problemOf(method: FactorName, problem: Problem | undefined, failures: Readonly<Partial<Record<Method, number>>>): Problem {
  if (problem !== undefined) return problem;
  if (!isGuessed(method)) throw new Error(`a wrong ${method} has no problem of its own`);
  return wrong(method, failures[method] ?? 1);
}

/** Makes the trials in their order, up to the first that does not pass. */
async function makeTrials(trials: readonly Trial[], facts: Reserved['facts']): Promise<Made[]> {
  const made: Made[] = [];
  for (const trial of trials) {
    const finding = await trial.look(facts);
    made.push({ trial, finding });
    if (finding.kind !== 'passed') break;
  }
  return made;
}

/** Nothing is spent by an attempt of which any part does not pass. */
function verdictOf({ trial: { method, challenge }, finding }: Made, allPassed: boolean): Verdict[] {
  if (finding.kind === 'not-ready') return [];
  const passed = finding.kind === 'passed';
  const { spends, signCount } = passed && allPassed ? finding : {};
  return [{ method, challenge, passed, spends, signCount }];
}
