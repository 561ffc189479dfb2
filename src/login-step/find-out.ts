import type { Peeked } from '../cells/protocol.ts';
import type { Scope } from '../core/permission.ts';
import { ok, type Result } from '../core/result.ts';
import type { Checks, Verdicts } from '../core/session/command.ts';
import { subjectOf } from '../core/session/subject.ts';
import { attempt } from './attempt.ts';
import { identify } from './identify.ts';
import { resetFailures } from './reset-failures.ts';
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
  write: Scope,
  peek: () => Promise<Result<Partial<Peeked>>>,
): Promise<Result<Findings>> {
  // Side by side only for a caller who may name anybody; for another, the session says first whether anything is looked up at all.
  const beside = write.everywhere ? identify(walk, checks, sessionCell, write) : undefined;
  beside?.catch(() => undefined);
  const peeked = await peek();
  if (!peeked.ok) return peeked;
  const named = await (beside ?? identify(walk, checks, sessionCell, write));
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
