import { newSessionId } from '../cells/session-id.ts';
import { type Mark, REPEAT_WINDOW_MS } from '../core/session/repeat.ts';
import { type KeyRing, mac } from '../crypto/key-ring.ts';
import { marksOf, type Repeatable } from './repeatable.ts';

/** Where a Create with an Idempotency-Key puts its session, so that every try of it meets the others. */
export interface KeyedPlace {
  readonly cell: string;
  readonly sessionId: string;
  /** Ids under which another try may have come first: those of the five minutes before and after these. */
  readonly otherIds: readonly string[];
  readonly mark: Mark;
}

/** What a place is made of, beside the key. `cellOf` names a cell by a number of 32 bits. */
export interface Ground {
  readonly callerId: string;
  readonly cellOf: (random: number) => string;
  readonly sessionIdKeys: KeyRing;
  readonly now: number;
}

/**
 * The places of one Create, one under each key in force and the newest first. Cell and id are MACs over caller and key; an id is used for
 * five minutes only, so that no two sessions ever have the same.
 */
export async function placesOf(ring: KeyRing, ground: Ground, repeatable: Repeatable): Promise<KeyedPlace[]> {
  const { callerId, cellOf, sessionIdKeys, now } = ground;
  const marks = await marksOf(ring, callerId, '', repeatable);
  return Promise.all(
    marks.map(async (mark) => {
      const random = (purpose: string) => randomOf(ring, [purpose, callerId, repeatable.key, String(sessionIdKeys.newest)], mark);
      const cell = cellOf(new DataView((await random('cell')).buffer).getUint32(0));
      const window = Math.floor(now / REPEAT_WINDOW_MS);
      const idIn = async (nth: number) => newSessionId(cell, sessionIdKeys, await random(`session ${nth}`));
      const [sessionId, ...otherIds] = await Promise.all([idIn(window), idIn(window - 1), idIn(window + 1)]);
      return { cell, sessionId, otherIds, mark };
    }),
  );
}

/** 32 bytes that nobody else can foretell, the same each time. */
async function randomOf(ring: KeyRing, parts: readonly string[], { key }: Mark): Promise<Uint8Array<ArrayBuffer>> {
  const [number] = key.split('.');
  const bytes = await mac(ring, Number(number), JSON.stringify(parts));
  if (bytes === undefined) throw new Error('a key of the ring is missing');
  return bytes;
}
