import type { CountedFailures, Peeked } from '../cells/protocol.ts';
import { ok, type Result } from '../core/result.ts';
import type { Checks, Verdicts } from '../core/session/command.ts';
import { subjectOf } from '../core/session/subject.ts';
import { attempt } from './attempt.ts';
import { identify } from './identify.ts';
import type { Walk } from './walk.ts';

/** Everything that a commit must know beforehand. */
export interface Findings {
  /** The live token's digest under which the checks were begun; none for a new session. */
  readonly basis: string | undefined;
  readonly verdicts: Verdicts;
  /** Forgets the failures before these successes; to be called once they are committed. */
  readonly reset: () => Promise<void>;
}

/**
 * Runs the checks of a request in their fixed order. `peek` tells whether the session lets the request in and who its user is; the named
 * user is looked up beside it, but what the session says comes first.
 */
export async function findOut(
  walk: Walk,
  checks: Checks,
  sessionCell: string,
  peek: () => Promise<Result<Partial<Peeked>>>,
): Promise<Result<Findings>> {
  const identified = identify(walk, checks, sessionCell);
  // What the session refuses is not held up by the look-up: its time would tell whether the user exists.
  identified.catch(() => undefined);
  const peeked = await peek();
  if (!peeked.ok) return peeked;
  const named = await identified;
  if (!named.ok) return named;
  const subject = subjectOf(peeked.value.user, named.value, checks);
  if (!subject.ok) return subject;
  const basis = peeked.value.token;
  if (subject.value === undefined) return ok({ basis, verdicts: {}, reset: async () => {} });

  const { cell, id } = subject.value;
  const attempted = await attempt(walk, subject.value, checks, peek);
  if (!attempted.ok) return attempted;
  const { verdicts, resettable } = attempted.value;
  return ok({
    basis,
    verdicts: { ...verdicts, ...(named.value && { user: named.value }) },
    reset: () => resetFailures(walk, cell, id, resettable),
  });
}

async function resetFailures(walk: Walk, cell: string, userId: string, failures: readonly CountedFailures[]): Promise<void> {
  if (failures.length === 0) return;
  try {
    await walk.cells.user(cell).resetFailures(userId, failures);
  } catch (error) {
    // The success is committed: it is answered. Failures that are not forgotten only make the next attempt wait longer.
    console.error('failures could not be reset', error);
  }
}
