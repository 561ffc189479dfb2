import type { Committed } from '../cells/protocol.ts';
import { newSessionId } from '../cells/session-id.ts';
import { EVERYWHERE } from '../core/permission.ts';
import { ok, type Result } from '../core/result.ts';
import type { CreateSession } from '../core/session/create.ts';
import { digest } from '../crypto/digest.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { newSessionToken } from '../crypto/tokens.ts';
import { findOut } from './find-out.ts';
import type { Walk } from './walk.ts';

export interface CreateRequest {
  readonly sessionCell: string;
  readonly sessionIdKeys: KeyRing;
  readonly callerId: string;
  readonly command: CreateSession;
}

export interface Created extends Committed {
  readonly sessionId: string;
  readonly sessionToken: string;
}

/** One Create, for a caller with session.write on the instance: the checks run as in a PATCH, on a session that is not there yet; when one fails, none comes to be. */
export async function createSession(walk: Walk, { sessionCell, sessionIdKeys, callerId, command }: CreateRequest): Promise<Result<Created>> {
  const findings = await findOut(walk, command.checks, sessionCell, EVERYWHERE, async () => ok({}));
  if (!findings.ok) return findings;
  const sessionId = await newSessionId(sessionCell, sessionIdKeys);
  const sessionToken = newSessionToken(sessionId);
  const nextToken = await digest(sessionToken);
  const { verdicts, reset } = findings.value;
  const committed = await walk.cells.session(sessionCell).create({ sessionId, callerId, nextToken, command, verdicts });
  if (!committed.ok) return committed;
  await reset();
  return ok({ ...committed.value, sessionId, sessionToken });
}
