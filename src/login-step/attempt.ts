import type { Facts, PastFailures, Reservation, Settled } from '../cells/protocol.ts';
import { checkPassword } from '../checks/password.ts';
import { unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Checks, Verdicts } from '../core/session/command.ts';
import type { Subject } from '../core/session/subject.ts';
import { type Method, passwordInvalid, rivalsInFlight } from '../core/user/attempts.ts';
import type { Walk } from './walk.ts';

/** Factors that passed, and the failures before them, which are to be forgotten once the success is committed. */
export interface Attempted {
  readonly verdicts: Omit<Verdicts, 'user'>;
  readonly resettable: readonly PastFailures[];
  /** What the checks relied on; none when there was nothing to check. */
  readonly facts?: Facts;
}

type Secrets = Pick<Checks, 'password'>;

/** What an attempt shares with others, or gives way to. */
export interface Beside {
  /** The attempt's id, where repeats of its request may run beside it. */
  readonly shared?: string | undefined;
  /** Asked each time that rivals were waited for: a request that has lost its race meanwhile spends no hash. */
  readonly goOn: () => Promise<Result<unknown>>;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 80;
const STALE_TRIES = 3;

/**
 * Tries the secrets of a request against a user: reserve -> verify -> settle. An attempt is reserved before its secret is looked at and is
 * always settled, so that parallel guesses count exactly; no verdict leaves before it is. When the credentials change meanwhile it tries
 * again with the new ones.
 */
export async function attempt(walk: Walk, subject: Subject, secrets: Secrets, beside: Beside): Promise<Result<Attempted>> {
  const methods: Method[] = secrets.password ? ['password'] : [];
  if (methods.length === 0) return ok({ verdicts: {}, resettable: [] });
  for (let tries = 0; tries < STALE_TRIES; tries += 1) {
    const reserved = await reserve(walk, subject, methods, beside);
    if (!reserved.ok) return reserved;
    const outcome = await tryOnce(walk, subject, secrets, reserved.value);
    if (outcome !== 'stale') return outcome;
  }
  return fail(unavailable('The credentials are being changed'));
}

/** Reserves an attempt. Where only rivals in flight stand in the way it asks again until the walk's deadline. */
async function reserve(walk: Walk, { id, cell }: Subject, methods: Method[], { shared, goOn }: Beside): Promise<Result<Reserved>> {
  const userCell = walk.cells.user(cell);
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const reservation = await userCell.reserve({ userId: id, methods, shared });
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

/** One reserved attempt, from the look at its secrets to its settlement. */
async function tryOnce(walk: Walk, subject: Subject, secrets: Secrets, { id, reservedAt, facts }: Reserved): Promise<Result<Attempted> | 'stale'> {
  const cell = walk.cells.user(subject.cell);
  const finding = secrets.password && (await checkPassword(facts, secrets.password.password, walk.passwords.peppers));
  const verdicts = finding && finding.kind !== 'not-ready' ? [{ method: 'password' as const, passed: finding.kind === 'passed' }] : [];
  const settled: Settled = await cell.settle({ reservationId: id, userId: subject.id, verdicts });
  if (settled.kind === 'stale') return 'stale';
  if (settled.kind === 'lost') return fail(unavailable('The attempt was lost'));
  if (finding?.kind === 'not-ready') return fail(finding.problem);
  if (finding?.kind === 'wrong') return fail(passwordInvalid(settled.failures.password ?? 1));
  return ok({ verdicts: { password: { userId: subject.id, reservedAt, version: facts.passwordVersion } }, resettable: settled.resettable, facts });
}
