import type { Live } from '../cells/session-protocol.ts';
import type { Scope } from '../core/permission.ts';
import { ok, type Result } from '../core/result.ts';
import type { AdmittedUser, Challenges, Checks, Verdicts } from '../core/session/command.ts';
import type { Repeated } from '../core/session/repeat.ts';
import { type Subject, subjectOf } from '../core/session/subject.ts';
import { type Attempted, attempt, NOTHING_ATTEMPTED } from './attempt.ts';
import { identify, identifyByAssertion } from './identify.ts';
import { findIntentOf, useIntent } from './intent.ts';
import { challengesHindered, type HandedBack, openChallenges } from './open-challenges.ts';
import { rehash } from './rehash.ts';
import { reseal } from './reseal.ts';
import { resetFailures } from './reset-failures.ts';
import { keepWithinLimit } from './session-limit.ts';
import { type Trial, trialsOf } from './trials.ts';
import type { Walk } from './walk.ts';

/** Everything that a commit must know beforehand. */
export interface Findings {
  /** The live token's digest under which the checks were begun; none for a new session. */
  readonly basis: string | undefined;
  readonly verdicts: Verdicts;
  /** What was opened and is handed back. */
  readonly handedBack: HandedBack;
  /**
   * What follows from these successes once they are committed: failures before them are forgotten, what is hashed or sealed by
   * an older key is replaced.
   */
  readonly afterwards: () => Promise<void>;
}

export const NOTHING_FOUND_OUT: Findings = { basis: undefined, verdicts: {}, handedBack: {}, afterwards: async () => {} };

/** A request whose checks are to be run, and whose challenges are to be opened. */
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
 * Runs the checks of a request in their fixed order, then opens its challenges. The named user is looked up beside the peek, but what the session says comes first. A
 * repeat that fails beside the try that succeeds is one still.
 */
export async function findOut<R extends Repeated>(walk: Walk, inquiry: Inquiry<R>): Promise<Result<Findings | R>> {
  const found = await runChecks(walk, inquiry);
  if (found.ok || inquiry.shared === undefined) return found;
  const again = await inquiry.peek();
  return again.ok && isRepeat(again.value) ? ok(again.value) : found;
}

/** The user that a request names; or, on a session without one, the user that its assertion names. */
function whoIsNamed<R extends Repeated>(walk: Walk, { checks, sessionCell, write }: Inquiry<R>, { user, challenges }: Partial<Live>) {
  if (checks.user === undefined && user === undefined) return identifyByAssertion(walk, checks, challenges?.webAuthN ?? [], sessionCell);
  return identify(walk, checks, sessionCell, write);
}

const isRepeat = <R extends Repeated>(peeked: Partial<Live> | R): peeked is R => 'repeat' in peeked;

async function runChecks<R extends Repeated>(walk: Walk, inquiry: Inquiry<R>): Promise<Result<Findings | R>> {
  const { checks, challenges = {}, sessionId, requestId, shared, peek } = inquiry;
  const found = await findSubject(walk, inquiry);
  if (!found.ok) return found;
  if ('repeat' in found.value) return ok(found.value);
  const { subject, named, live } = found.value;
  const basis = live.token;
  const attemptId = inquiry.attemptId ?? attemptIdOf(sessionId, basis ?? crypto.randomUUID());
  const trials = subject ? await trialsFor(walk, subject, inquiry, live, attemptId) : [];
  const sendBy = (['otpSms', 'otpEmail'] as const).filter((method) => challenges[method]?.returnCode === false);
  const beside = { attemptId, requestId, shared, sendBy, goOn: peek, hindrance: challengesHindered(challenges) };
  const attempted = subject ? await attempt(walk, subject, trials, beside) : ok(NOTHING_ATTEMPTED);
  if (!attempted.ok) return attempted;
  const opened = await openChallenges(walk, subject, challenges, { sessionId, attemptId, requestId });
  if (!opened.ok) return opened;
  const used = await useIntent(walk, checks, subject?.id, { attemptId, requestId });
  if (!used.ok) return used;
  const { openings, handedBack } = opened.value;
  return ok({
    basis,
    verdicts: { ...attempted.value.verdicts, ...(named && { user: named }), openings },
    handedBack,
    afterwards: () => {
      if (named) keepWithinLimit(walk, named.id, sessionId);
      return followUp(walk, subject, checks, attempted.value);
    },
  });
}

async function trialsFor<R extends Repeated>(
  walk: Walk,
  { id: userId }: Subject,
  { checks, sessionId, requestId }: Inquiry<R>,
  { challenges }: Partial<Live>,
  attemptId: string,
): Promise<Trial[]> {
  const intent = await findIntentOf(walk, checks, userId, { attemptId, requestId });
  return trialsOf(walk, checks, { userId, sessionId, challenges, intent });
}

/** Whom a request is about, with what the session and the request itself say of that. */
interface Whom {
  readonly live: Partial<Live>;
  readonly named: AdmittedUser | undefined;
  readonly subject: Subject | undefined;
}

async function findSubject<R extends Repeated>(walk: Walk, inquiry: Inquiry<R>): Promise<Result<Whom | R>> {
  const { checks, challenges, sessionCell, write, peek } = inquiry;
  // Side by side only for a caller who may name anybody; for another, the session says first whether anything is looked up at all.
  const beside = write.everywhere && checks.user ? identify(walk, checks, sessionCell, write) : undefined;
  beside?.catch(() => undefined);
  const peeked = await peek();
  if (!peeked.ok) return peeked;
  if (isRepeat(peeked.value)) return ok(peeked.value);
  const live = peeked.value;
  const named = await (beside ?? whoIsNamed(walk, inquiry, live));
  if (!named.ok) return named;
  const subject = subjectOf(live.user, named.value, { checks, challenges });
  return subject.ok ? ok({ live, named: named.value, subject: subject.value }) : subject;
}

async function followUp(walk: Walk, subject: Subject | undefined, { password, totp }: Checks, { facts, resettable }: Attempted): Promise<void> {
  if (subject === undefined) return;
  if (password && facts) rehash(walk, subject, password.password, facts);
  if (totp && facts) reseal(walk, subject, facts);
  await resetFailures(walk, subject.cell, subject.id, resettable);
}

/** An attempt is known by its session and the token that it presents: at most one that presents it is ever committed. */
export const attemptIdOf = (sessionId: string, presented: string): string => `${sessionId} ${presented}`;
