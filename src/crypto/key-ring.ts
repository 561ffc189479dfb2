import { utf8 } from './base64.ts';

/** The HMAC keys of one purpose, by number. The newest (the highest number) signs; every one verifies, and what is signed names its key. */
export interface KeyRing {
  readonly newest: number;
  readonly keys: ReadonlyMap<number, Promise<CryptoKey>>;
}

const KEY_BYTES = 32;

/**
 * Reads a key list: `number:key` pairs, separated by commas, each key 32 bytes or more in base64 (either alphabet).
 * @throws RangeError naming the fault, without the key
 */
export function keyRing(list: string, hash: 'SHA-256' | 'SHA-512'): KeyRing {
  const keys = new Map<number, Promise<CryptoKey>>();
  for (const entry of list.split(',')) {
    const [, digits = '', base64 = ''] = /^\s*(\d{1,6}):(\S+)\s*$/.exec(entry) ?? [];
    const bytes = decode(base64);
    if (digits === '' || bytes === undefined || bytes.byteLength < KEY_BYTES) {
      throw new RangeError(`each entry must be number:key, the key at least ${KEY_BYTES} bytes in base64`);
    }
    if (keys.has(Number(digits))) throw new RangeError(`key ${Number(digits)} is listed twice`);
    keys.set(Number(digits), crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash }, false, ['sign']));
  }
  return { newest: Math.max(...keys.keys()), keys };
}

function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(base64.replaceAll('-', '+').replaceAll('_', '/')) as Uint8Array<ArrayBuffer>;
  } catch {
    return undefined;
  }
}

/** HMAC of a message under key `number`; undefined when the ring has no such key (any more). */
export async function mac(ring: KeyRing, number: number, message: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  const key = await ring.keys.get(number);
  return key && new Uint8Array(await crypto.subtle.sign('HMAC', key, typeof message === 'string' ? utf8(message) : message));
}
