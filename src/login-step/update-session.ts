import type { Committed } from '../cells/session-protocol.ts';
import type { Scope } from '../core/permission.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { needsFindingOut, needsWrite, type UpdateSession, withoutSecrets } from '../core/session/command.ts';
import { lostThreeTimes } from '../core/session/problems.ts';
import type { Mark, Repeated } from '../core/session/repeat.ts';
import { digest } from '../crypto/digest.ts';
import { newSessionToken } from '../crypto/tokens.ts';
import { attemptIdOf, findOut, NOTHING_FOUND_OUT } from './find-out.ts';
import type { HandedBack } from './open-challenges.ts';
import { keyedWith, marksOf, openAnswer, type Repeatable } from './repeatable.ts';
import type { Walk } from './walk.ts';

/** One PATCH, as the wire hands it over. */
export interface UpdateRequest {
  readonly sessionId: string;
  readonly sessionCell: string;
  readonly callerId: string;
  /** The token that came with it, if one did. */
  readonly sessionToken: string | undefined;
  readonly write: Scope;
  readonly command: UpdateSession;
  readonly repeatable?: Repeatable | undefined;
}

/** How a PATCH ended, with the token that is live now as far as its caller may know. */
export interface Updated extends Committed {
  readonly sessionToken: string | undefined;
  readonly handedBack: HandedBack;
}

const TRIES = 3;

/** What every try of one PATCH has in common. */
interface Tried extends UpdateRequest {
  /** Digest of the token that came with it. */
  readonly presented: string | undefined;
  readonly marks: readonly Mark[] | undefined;
  readonly requestId: string;
}

/**
 * One PATCH, from peek to commit. What needs no finding out is one hop. A walk without a token that others overtake begins again, on top
 * of them, and gives up when it has lost three times. The repeat of a request with an Idempotency-Key is told what that one was told.
 */
export async function updateSession(walk: Walk, request: UpdateRequest): Promise<Result<Updated>> {
  const { sessionId, callerId, sessionToken, repeatable } = request;
  const presented = sessionToken === undefined ? undefined : await digest(sessionToken);
  const marks = repeatable && (await marksOf(walk.idempotencyKeys, callerId, sessionId, repeatable));
  // Of those that share a mark at most one is committed, so to what they spend they are one request.
  const requestId = marks?.[0]?.key ?? crypto.randomUUID();
  for (let tries = 0; tries < TRIES; tries += 1) {
    const outcome = await tryOnce(walk, { ...request, presented, marks, requestId });
    if (outcome !== 'raced') return outcome;
  }
  return fail(lostThreeTimes);
}

async function tryOnce(walk: Walk, { presented, marks, requestId, ...request }: Tried): Promise<Result<Updated> | 'raced'> {
  const { sessionId, sessionCell, callerId, command, write } = request;
  const { checks, challenges } = command;
  const cell = walk.cells.session(sessionCell);
  const peek = () => cell.peek({ sessionId, presented, write, needsWrite: needsWrite(command), metadata: command.metadata, marks });
  const shared = marks && JSON.stringify([marks[0], presented]);
  const attemptId = presented && attemptIdOf(sessionId, presented);
  const inquiry = { checks, challenges, sessionId, sessionCell, write, attemptId, requestId, shared, peek };
  const findings = needsFindingOut(command) ? await findOut(walk, inquiry) : ok(NOTHING_FOUND_OUT);
  if (!findings.ok) return findings;
  if ('repeat' in findings.value) return answerAgain(walk, sessionId, findings.value);

  const { verdicts, handedBack, afterwards } = findings.value;
  const basis = presented === undefined ? findings.value.basis : undefined;
  const sessionToken = newSessionToken(sessionId);
  const keyed = marks && (await keyedWith(walk.sealKeys, sessionId, marks, { sessionToken, handedBack }));
  const nextToken = await digest(sessionToken);
  const asked = withoutSecrets(command);
  const outcome = await cell.commit({ sessionId, callerId, presented, basis, nextToken, keyed, write, command: asked, verdicts });
  if (!outcome.ok) return outcome;
  if (outcome.value === 'raced') return 'raced';
  await afterwards();
  if ('repeat' in outcome.value) return answerAgain(walk, sessionId, outcome.value);
  return ok({ ...outcome.value, handedBack, sessionToken: outcome.value.changed ? sessionToken : request.sessionToken });
}

async function answerAgain(walk: Walk, sessionId: string, { repeat }: Repeated): Promise<Result<Updated>> {
  const answer = await openAnswer(walk.sealKeys, sessionId, repeat);
  if (!answer.ok) return answer;
  return ok({ ...answer.value, sequence: repeat.sequence, changeDate: repeat.at, changed: true });
}
