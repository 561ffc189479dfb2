import type { Live } from '../cells/session-protocol.ts';
import type { Scope } from '../core/permission.ts';
import { ok, type Result } from '../core/result.ts';
import type { Challenges, Checks, Verdicts } from '../core/session/command.ts';
import type { Repeated } from '../core/session/repeat.ts';
import { subjectOf } from '../core/session/subject.ts';
import { attempt } from './attempt.ts';
import { identify } from './identify.ts';
import { codesHindered, type HandedBack, openCodes } from './open-codes.ts';
import { rehash } from './rehash.ts';
import { reseal } from './reseal.ts';
import { resetFailures } from './reset-failures.ts';
import { trialsOf } from './trials.ts';
import type { Walk } from './walk.ts';

/** Everything that a commit must know beforehand. */
export interface Findings {
  /** The live token's digest under which the checks were begun; none for a new session. */
  readonly basis: string | undefined;
  readonly verdicts: Verdicts;
  /** Codes that were opened and are handed back. */
  readonly codes: HandedBack;
  /**
   * What follows from these successes once they are committed: failures before them are forgotten, what is hashed or sealed by
   * an older key is replaced.
   */
  readonly afterwards: () => Promise<void>;
}

export const NOTHING_FOUND_OUT: Findings = { basis: undefined, verdicts: {}, codes: {}, afterwards: async () => {} };

/** A request whose checks are to be run, and whose codes are to be opened. */
export interface Inquiry<R extends Repeated> {
  readonly checks: Checks;
  readonly challenges: Challenges | undefined;
  readonly sessionId: string;
  readonly sessionCell: string;
  readonly write: Scope;
  /** The attempt's id as far as it is known before the session is looked at; where it is not, the live token completes it. */
  readonly attemptId: string | undefined;
  /** Known in all tries of a request that begins again when it is overtaken. */
  readonly requestId?: string | undefined;
  /** Set for a request with an Idempotency-Key: tries that run side by side share it. */
  readonly shared: string | undefined;
  /** Tells whether the session lets the request in, and who its user is; or that the request is the repeat of one that was answered. */
  readonly peek: () => Promise<Result<Partial<Live> | R>>;
}

/**
 * Runs the checks of a request in their fixed order, then opens its codes. The named user is looked up beside the peek, but what the session says comes first. A
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
  const { checks, challenges, sessionId, sessionCell, write, requestId, shared, peek } = inquiry;
  // Side by side only for a caller who may name anybody; for another, the session says first whether anything is looked up at all.
  const beside = write.everywhere ? identify(walk, checks, sessionCell, write) : undefined;
  beside?.catch(() => undefined);
  const peeked = await peek();
  if (!peeked.ok) return peeked;
  if (isRepeat(peeked.value)) return ok(peeked.value);
  const named = await (beside ?? identify(walk, checks, sessionCell, write));
  if (!named.ok) return named;
  const subject = subjectOf(peeked.value.user, named.value, { checks, challenges });
  if (!subject.ok) return subject;
  const basis = peeked.value.token;
  if (subject.value === undefined) return ok({ ...NOTHING_FOUND_OUT, basis });

  const person = subject.value;
  const { cell, id: userId } = person;
  const attemptId = inquiry.attemptId ?? attemptIdOf(sessionId, basis ?? crypto.randomUUID());
  const trials = trialsOf(walk, checks, { userId, sessionId, challenges: peeked.value.challenges });
  const opening = challenges ?? {};
  const attempted = await attempt(walk, person, trials, { attemptId, requestId, shared, goOn: peek, hindrance: codesHindered(opening) });
  if (!attempted.ok) return attempted;
  const opened = await openCodes(walk, person, opening, { sessionId, attemptId, requestId });
  if (!opened.ok) return opened;
  const { verdicts, resettable, facts } = attempted.value;
  const { openings, codes } = opened.value;
  return ok({
    basis,
    verdicts: { ...verdicts, ...(named.value && { user: named.value }), openings },
    codes,
    afterwards: () => {
      if (checks.password && facts) rehash(walk, person, checks.password.password, facts);
      if (checks.totp && facts) reseal(walk, person, facts);
      return resetFailures(walk, cell, userId, resettable);
    },
  });
}

/** An attempt is known by its session and the token that it presents: at most one that presents it is ever committed. */
export const attemptIdOf = (sessionId: string, presented: string): string => `${sessionId} ${presented}`;
