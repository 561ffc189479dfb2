import { cellOfSession } from '../cells/session-id.ts';
import type { Cells } from '../cells/stubs.ts';
import type { Config } from '../config.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { mfaProblem } from '../core/session/bearer.ts';
import { digest } from '../crypto/digest.ts';
import { type BearerStanding, findBearerStanding } from '../directory/bearer.ts';
import type { Caller } from './caller.ts';
import { ShortMemory, VERDICT_MS } from './short-memory.ts';

/** What finding out about a session token takes. */
export interface Reach {
  readonly config: Config;
  readonly db: D1Database;
  readonly cells: Cells;
  /** To be asked before anything is, for somebody who is not known yet. */
  readonly passFence: () => Promise<Result<undefined>>;
}

const standings = new ShortMemory<BearerStanding>();

export const isSessionToken = (bearer: string): boolean => bearer.startsWith('sess_');

/**
 * A session's token as bearer: whoever holds it is the session's user, with that user's roles. The session is asked each time; only the roles,
 * and whether a second factor is ready, are taken from memory. Undefined for a token that names no session of ours.
 */
export async function sessionCallerOf(bearer: string, { config, db, cells, passFence }: Reach, now: number): Promise<Result<Caller> | undefined> {
  const [, sessionId = ''] = /^sess_([^_]+)_/.exec(bearer) ?? [];
  const cell = await cellOfSession(sessionId, config.sessionIdKeys);
  if (cell === undefined) return undefined;
  const passed = await passFence();
  if (!passed.ok) return passed;
  const authenticated = await cells.session(cell).authenticate({ sessionId, presented: await digest(bearer) });
  if (!authenticated.ok) return authenticated;
  const { userId, organizationId, fingerprintId } = authenticated.value;
  const { membership, secondFactor } = standings.get(userId, now) ?? standings.keep(userId, await findBearerStanding(db, userId), now + VERDICT_MS);
  const problem = mfaProblem(authenticated.value, { everybody: config.forceMfa, ready: secondFactor });
  if (problem) return fail(problem);
  return ok({ kind: 'session', id: userId, userId, organizationId, sessionId, membership, ...(fingerprintId && { fingerprintId }) });
}
