import { toBase64, utf8 } from './base64.ts';
import { sameDigest } from './digest.ts';
import { type KeyRing, mac } from './key-ring.ts';

/**
 * Password hashing: PBKDF2-HMAC-SHA-512 (RFC 8018), then an HMAC under a Worker secret, the pepper, as NIST 800-63B section 5.1.1.2 asks:
 * without it a stolen database cannot be guessed against at all.
 *
 * Encoded as `$sallyport-pbkdf2-sha512$i=210000,k=1$salt$tag`; k names the pepper's key.
 */
const PREFIX = 'sallyport-pbkdf2-sha512';
const ITERATIONS = 210_000;
const SALT_BYTES = 16;

/** The production runtime refuses more iterations in one call; the local one does not, so it is held here. */
const MAX_ITERATIONS_PER_CALL = 100_000;

/** Hashes a password under a fresh salt. About 70 ms of CPU: never inside a cell. */
export async function hashPassword(password: string, peppers: KeyRing): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const tag = await tagOf(password, salt, ITERATIONS, peppers, peppers.newest);
  if (tag === undefined) throw new Error('the newest pepper is missing');
  return `$${PREFIX}$i=${ITERATIONS},k=${peppers.newest}$${toBase64(salt)}$${tag}`;
}

/** Whether `password` is the one that was hashed; undefined when nobody can tell: the encoding is unknown, or its pepper is no longer listed. */
export async function verifyPassword(password: string, encoded: string, peppers: KeyRing): Promise<boolean | undefined> {
  const match = /^\$sallyport-pbkdf2-sha512\$i=(\d{1,7}),k=(\d{1,6})\$([A-Za-z0-9+/]{22}==)\$([A-Za-z0-9+/]{86}==)$/.exec(encoded);
  const [, iterations, key, salt, expected] = match ?? [];
  if (salt === undefined || expected === undefined) return undefined;
  const tag = await tagOf(password, Uint8Array.fromBase64(salt) as Uint8Array<ArrayBuffer>, Number(iterations), peppers, Number(key));
  return tag === undefined ? undefined : sameDigest(tag, expected);
}

/** Spends the time of one verification, so that an unknown user cannot be told from a wrong password by the clock. */
export async function spendHashTime(password: string, peppers: KeyRing): Promise<void> {
  await tagOf(password, new Uint8Array(SALT_BYTES), ITERATIONS, peppers, peppers.newest);
}

async function tagOf(password: string, salt: Uint8Array<ArrayBuffer>, iterations: number, peppers: KeyRing, key: number) {
  let derived = utf8(password.normalize('NFKC'));
  for (let left = iterations; left > 0; left -= MAX_ITERATIONS_PER_CALL) {
    derived = await pbkdf2Sha512(derived, salt, Math.min(left, MAX_ITERATIONS_PER_CALL));
  }
  const tag = await mac(peppers, key, derived);
  return tag && toBase64(tag);
}

/** One call of PBKDF2-HMAC-SHA-512 with a 512-bit output. @throws RangeError for more iterations than production allows in one call */
export async function pbkdf2Sha512(secret: Uint8Array<ArrayBuffer>, salt: Uint8Array<ArrayBuffer>, iterations: number) {
  if (iterations > MAX_ITERATIONS_PER_CALL) throw new RangeError(`at most ${MAX_ITERATIONS_PER_CALL} PBKDF2 iterations in one call`);
  const key = await crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt, iterations }, key, 512));
}
