import type { Committed } from '../cells/protocol.ts';
import type { Scope } from '../core/permission.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { hasChecks, needsWrite, type UpdateSession } from '../core/session/command.ts';
import { lostThreeTimes } from '../core/session/problems.ts';
import { digest } from '../crypto/digest.ts';
import { newSessionToken } from '../crypto/tokens.ts';
import { type Findings, findOut } from './find-out.ts';
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
}

/** How a PATCH ended, with the token that is live now as far as its caller may know. */
export interface Updated extends Committed {
  readonly sessionToken: string | undefined;
}

const TRIES = 3;
const NOTHING_TO_FIND_OUT: Findings = { basis: undefined, verdicts: {}, reset: async () => {} };

/**
 * One PATCH, from peek to commit. What needs no finding out is one hop. A walk without a token that others overtake begins again, on top
 * of them, and gives up when it has lost three times.
 */
export async function updateSession(walk: Walk, request: UpdateRequest): Promise<Result<Updated>> {
  const { sessionId, sessionCell, callerId, command, write } = request;
  const cell = walk.cells.session(sessionCell);
  const presented = request.sessionToken === undefined ? undefined : await digest(request.sessionToken);
  const peek = () => cell.peek({ sessionId, presented, write, needsWrite: needsWrite(command) });

  for (let tries = 0; tries < TRIES; tries += 1) {
    const findings = hasChecks(command.checks) ? await findOut(walk, command.checks, sessionCell, write, peek) : ok(NOTHING_TO_FIND_OUT);
    if (!findings.ok) return findings;
    const { verdicts, reset } = findings.value;
    const basis = presented === undefined ? findings.value.basis : undefined;
    const token = newSessionToken(sessionId);
    const nextToken = await digest(token);
    const outcome = await cell.commit({ sessionId, callerId, presented, basis, nextToken, write, command, verdicts });
    if (!outcome.ok) return outcome;
    if (outcome.value === 'raced') continue;
    await reset();
    return ok({ ...outcome.value, sessionToken: outcome.value.changed ? token : request.sessionToken });
  }
  return fail(lostThreeTimes);
}
