import { newSessionId } from '../cells/session-id.ts';
import type { Committed, Live, Recalled } from '../cells/session-protocol.ts';
import { EVERYWHERE } from '../core/permission.ts';
import { ok, type Result } from '../core/result.ts';
import { needsFindingOut, withoutSecrets } from '../core/session/command.ts';
import type { CreateSession } from '../core/session/create.ts';
import { mergeMetadata } from '../core/session/metadata.ts';
import { digest } from '../crypto/digest.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { newSessionToken } from '../crypto/tokens.ts';
import { attemptIdOf, findOut } from './find-out.ts';
import { type KeyedPlace, placesOf } from './keyed-place.ts';
import type { HandedBack } from './open-challenges.ts';
import { keyedWith, openAnswer, type Repeatable } from './repeatable.ts';
import type { Walk } from './walk.ts';

export interface CreateRequest {
  /** The cell of a new session, by a number of 32 bits; at random where none is given. */
  readonly cellOf: (random?: number) => string;
  readonly sessionIdKeys: KeyRing;
  readonly callerId: string;
  readonly command: CreateSession;
  readonly repeatable?: Repeatable | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Created extends Committed {
  readonly sessionId: string;
  readonly sessionToken: string;
  readonly handedBack: HandedBack;
}

/**
 * One Create, for a caller with session.write on the instance: the checks run as in a PATCH, on a session that is not there yet; when one
 * fails, none comes to be. Every try of one with an Idempotency-Key has the same place, and those after the first are told what it was told.
 */
export async function createSession(walk: Walk, request: CreateRequest): Promise<Result<Created>> {
  const { cellOf, sessionIdKeys, callerId, command, repeatable } = request;
  const metadata = mergeMetadata({}, command.metadata);
  if (!metadata.ok) return metadata;
  const places = repeatable ? await placesOf(walk.idempotencyKeys, request, repeatable) : [];
  const [place, ...olderPlaces] = places;
  const sessionCell = place?.cell ?? cellOf();
  const sessionId = place?.sessionId ?? (await newSessionId(sessionCell, sessionIdKeys));
  // What needs no finding out is asked for by the commit itself, at the newest key's place.
  const peek = () => recall(walk, needsFindingOut(command) ? places : olderPlaces);
  const { checks, challenges } = command;
  const shared = place && JSON.stringify(place.mark);
  const attemptId = place && attemptIdOf('', place.mark.key);
  const findings = await findOut(walk, { checks, challenges, sessionId, sessionCell, write: EVERYWHERE, attemptId, shared, peek });
  if (!findings.ok) return findings;
  if ('repeat' in findings.value) return answerAgain(walk, findings.value);

  const sessionToken = newSessionToken(sessionId);
  const { verdicts, handedBack, afterwards } = findings.value;
  const answer = { sessionToken, handedBack };
  const keyed = place && { ...(await keyedWith(walk.sealKeys, sessionId, [place.mark], answer)), otherIds: place.otherIds };
  const nextToken = await digest(sessionToken);
  const asked = withoutSecrets(command);
  const committed = await walk.cells.session(sessionCell).create({ sessionId, callerId, nextToken, command: asked, verdicts, keyed });
  if (!committed.ok) return committed;
  await afterwards();
  if ('repeat' in committed.value) return answerAgain(walk, committed.value);
  return ok({ ...committed.value, ...answer, sessionId });
}

async function recall(walk: Walk, places: readonly KeyedPlace[]): Promise<Result<Partial<Live> | Recalled>> {
  const recalled = await Promise.all(
    places.map(({ cell, sessionId, otherIds, mark }) => walk.cells.session(cell).recall({ sessionIds: [sessionId, ...otherIds], marks: [mark] })),
  );
  for (const found of recalled) {
    if (!found.ok) return found;
    if (found.value) return ok(found.value);
  }
  return ok({});
}

async function answerAgain(walk: Walk, { sessionId, repeat }: Recalled): Promise<Result<Created>> {
  const answer = await openAnswer(walk.sealKeys, sessionId, repeat);
  if (!answer.ok) return answer;
  return ok({ ...answer.value, sessionId, sequence: repeat.sequence, changeDate: repeat.at, changed: true });
}
