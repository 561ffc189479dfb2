import type { Keyed } from '../cells/session-protocol.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { answerForgotten } from '../core/session/problems.ts';
import type { KeptAnswer, Mark } from '../core/session/repeat.ts';
import { toBase64 } from '../crypto/base64.ts';
import { type KeyRing, mac } from '../crypto/key-ring.ts';
import { seal, unseal } from '../crypto/sealed-box.ts';
import type { HandedBack } from './open-challenges.ts';

/** A request that came with an Idempotency-Key: what its repeats have in common. */
export interface Repeatable {
  readonly key: string;
  /** The decoded body, without the session token, in one canonical text. */
  readonly body: string;
}

/** The secret part of an answer. */
export interface SealedAnswer {
  readonly sessionToken: string;
  readonly handedBack: HandedBack;
}

/** The marks of a request on the session `target` (for a Create, on none yet), one under each key in force and the newest first. */
export async function marksOf(ring: KeyRing, callerId: string, target: string, { key, body }: Repeatable): Promise<Mark[]> {
  const numbers = [...ring.keys.keys()].sort((left, right) => right - left);
  return Promise.all(
    numbers.map(async (number) => ({
      key: await tagOf(ring, number, ['key', callerId, target, key]),
      body: await tagOf(ring, number, ['body', body]),
    })),
  );
}

/** MAC of a list of texts, which names its key. */
export async function tagOf(ring: KeyRing, number: number, parts: readonly string[]): Promise<string> {
  const tag = await mac(ring, number, JSON.stringify(parts));
  if (tag === undefined) throw new Error('a key of the ring is missing');
  return `${number}.${toBase64(tag)}`;
}

/** Seals an answer for the repeats of its request, which only the session it belongs to can give out again. */
export async function keyedWith(ring: KeyRing, sessionId: string, marks: readonly Mark[], answer: SealedAnswer): Promise<Keyed> {
  return { marks, sealed: await seal(ring, labelOf(sessionId), JSON.stringify(answer)) };
}

/** Opens a kept answer; it is forgotten where its key is no longer listed. */
export async function openAnswer(ring: KeyRing, sessionId: string, { sealed }: KeptAnswer): Promise<Result<SealedAnswer>> {
  const answer = await unseal(ring, labelOf(sessionId), sealed);
  return answer === undefined ? fail(answerForgotten) : ok(JSON.parse(answer) as SealedAnswer);
}

const labelOf = (sessionId: string) => ({ purpose: 'answer', owner: sessionId });
