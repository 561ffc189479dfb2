import { toHex } from '../crypto/base64.ts';
import { sameDigest } from '../crypto/digest.ts';
import { type KeyRing, mac } from '../crypto/key-ring.ts';

/**
 * A session's id: `<region><cell>.<key number>.<128 random bits>.<64-bit MAC>`. It names the session's cell for ever, and one that was never
 * issued is told apart without waking anything.
 */
const SHAPE = /^([a-z]{2,4})(\d{1,5})\.(\d{1,6})\.([0-9a-f]{32})\.([0-9a-f]{16})$/;
const RANDOM_BYTES = 16;
const MAC_BYTES = 8;

/** A session id in the cell `sessions:<region>:<n>`: a fresh one, unless its random part is given. */
export async function newSessionId(cell: string, ring: KeyRing, random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))): Promise<string> {
  const [, region, n] = cell.split(':');
  const body = `${region}${n}.${ring.newest}.${toHex(random.subarray(0, RANDOM_BYTES))}`;
  return `${body}.${await shortMac(body, ring, ring.newest)}`;
}

/** The name of the cell that keeps a session, or undefined for an id that we never issued. */
export async function cellOfSession(id: string, ring: KeyRing): Promise<string | undefined> {
  const [, region, n, key, , tag] = SHAPE.exec(id) ?? [];
  if (tag === undefined) return undefined;
  const expected = await shortMac(id.slice(0, id.lastIndexOf('.')), ring, Number(key));
  return expected !== undefined && sameDigest(expected, tag) ? `sessions:${region}:${n}` : undefined;
}

/** The cell's name in an id that is known to be ours. */
export function nameInSessionId(id: string): string {
  const [, region, n] = SHAPE.exec(id) ?? [];
  return `sessions:${region}:${n}`;
}

/** The key of a session's row: 52 random bits of its id. The row holds the whole id. */
export function rowKeyOf(id: string): number {
  const [, , random = ''] = id.split('.');
  return Number.parseInt(random.slice(0, 13), 16);
}

async function shortMac(body: string, ring: KeyRing, key: number): Promise<string | undefined> {
  const tag = await mac(ring, key, body);
  return tag && toHex(tag.slice(0, MAC_BYTES));
}
