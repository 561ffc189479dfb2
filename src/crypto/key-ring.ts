import { utf8 } from './base64.ts';

/** What a ring's keys are for: an HMAC with this hash, or sealing (AES-256 in Galois/Counter Mode). */
export type KeyPurpose = 'SHA-256' | 'SHA-512' | 'AES-GCM';

/**
 * The keys of one purpose, by number. The newest (the highest number) signs or seals; every one verifies or opens, and what was made with a
 * key names it.
 */
export interface KeyRing {
  readonly newest: number;
  readonly keys: ReadonlyMap<number, Promise<CryptoKey>>;
}

const KEY_BYTES = 32;

/**
 * Reads a key list: `number:key` pairs, separated by commas, each key 32 bytes or more (to seal: just 32) in base64 (either alphabet).
 * @throws RangeError naming the fault, without the key
 */
export function keyRing(list: string, purpose: KeyPurpose): KeyRing {
  const keys = new Map<number, Promise<CryptoKey>>();
  for (const entry of list.split(',')) {
    const [, digits = '', base64 = ''] = /^\s*(\d{1,6}):(\S+)\s*$/.exec(entry) ?? [];
    const bytes = decode(base64);
    if (digits === '' || bytes === undefined || bytes.byteLength < KEY_BYTES) {
      throw new RangeError(`each entry must be number:key, the key at least ${KEY_BYTES} bytes in base64`);
    }
    if (purpose === 'AES-GCM' && bytes.byteLength !== KEY_BYTES) throw new RangeError(`a key to seal with must be ${KEY_BYTES} bytes`);
    if (keys.has(Number(digits))) throw new RangeError(`key ${Number(digits)} is listed twice`);
    keys.set(Number(digits), importKey(bytes, purpose));
  }
  return { newest: Math.max(...keys.keys()), keys };
}

const importKey = (bytes: Uint8Array<ArrayBuffer>, purpose: KeyPurpose): Promise<CryptoKey> =>
  purpose === 'AES-GCM'
    ? crypto.subtle.importKey('raw', bytes, purpose, false, ['encrypt', 'decrypt'])
    : crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: purpose }, false, ['sign']);

function decode(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(base64.replaceAll('-', '+').replaceAll('_', '/')) as Uint8Array<ArrayBuffer>;
  } catch {
    return undefined;
  }
}

/** HMAC of a message under key `number`; undefined when the ring has no such key (any more). */
export async function mac(ring: KeyRing, number: number, message: string | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const key = await ring.keys.get(number);
  return key && new Uint8Array(await crypto.subtle.sign('HMAC', key, typeof message === 'string' ? utf8(message) : message));
}
