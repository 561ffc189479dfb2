import type { Live } from '../cells/protocol.ts';
import type { Scope } from '../core/permission.ts';
import { ok, type Result } from '../core/result.ts';
import type { Checks, Verdicts } from '../core/session/command.ts';
import type { Repeated } from '../core/session/repeat.ts';
import { subjectOf } from '../core/session/subject.ts';
import { attempt } from './attempt.ts';
import { identify } from './identify.ts';
import { rehash } from './rehash.ts';
import { resetFailures } from './reset-failures.ts';
import type { Walk } from './walk.ts';

/** Everything that a commit must know beforehand. */
export interface Findings {
  /** The live token's digest under which the checks were begun; none for a new session. */
  readonly basis: string | undefined;
  readonly verdicts: Verdicts;
  /** What follows from these successes once they are committed: failures before them are forgotten, an outdated hash is replaced. */
  readonly afterwards: () => Promise<void>;
}

/** A request whose checks are to be run. */
export interface Inquiry<R extends Repeated> {
  readonly checks: Checks;
  readonly sessionCell: string;
  readonly write: Scope;
  /** The attempt's id, for a request with an Idempotency-Key. */
  readonly shared: string | undefined;
  /** Tells whether the session lets the request in, and who its user is; or that the request is the repeat of one that was answered. */
  readonly peek: () => Promise<Result<Partial<Live> | R>>;
}

/**
 * Runs the checks of a request in their fixed order. The named user is looked up beside the peek, but what the session says comes first. A
 * repeat that fails beside the try that succeeds is one still.
 */
export async function findOut<R extends Repeated>(walk: Walk, inquiry: Inquiry<R>): Promise<Result<Findings | R>> {
  const found = await runChecks(walk, inquiry);
  if (found.ok || inquiry.shared === undefined) return found;
  const again = await inquiry.peek();
  return again.ok && isRepeat(again.value) ? ok(again.value) : found;
}

const isRepeat = <R extends Repeated>(peeked: Partial<Live> | R): peeked is R => 'repeat' in peeked;

async function runChecks<R extends Repeated>(walk: Walk, inquiry: Inquiry<R>): Promise<Result<Findings | R>> {
  const { checks, sessionCell, write, shared, peek } = inquiry;
  // Side by side only for a caller who may name anybody; for another, the session says first whether anything is looked up at all.
  const beside = write.everywhere ? identify(walk, checks, sessionCell, write) : undefined;
  beside?.catch(() => undefined);
  const peeked = await peek();
  if (!peeked.ok) return peeked;
  if (isRepeat(peeked.value)) return ok(peeked.value);
  const named = await (beside ?? identify(walk, checks, sessionCell, write));
  if (!named.ok) return named;
  const subject = subjectOf(peeked.value.user, named.value, checks);
  if (!subject.ok) return subject;
  const basis = peeked.value.token;
  if (subject.value === undefined) return ok({ basis, verdicts: {}, afterwards: async () => {} });

  const person = subject.value;
  const { cell, id } = person;
  const attempted = await attempt(walk, person, checks, { shared, goOn: peek });
  if (!attempted.ok) return attempted;
  const { verdicts, resettable, facts } = attempted.value;
  return ok({
    basis,
    verdicts: { ...verdicts, ...(named.value && { user: named.value }) },
    afterwards: () => {
      if (checks.password && facts) rehash(walk, person, checks.password.password, facts);
      return resetFailures(walk, cell, id, resettable);
    },
  });
}
