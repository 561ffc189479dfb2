/** The production runtime refuses more rounds in one call; the local one does not, so it is held here. */
export const MOST_ROUNDS_PER_CALL = 100_000;

/** One call of PBKDF2 (RFC 8018) in Web Crypto. @throws RangeError for more rounds than production allows in one call */
export async function webPbkdf2(
  hash: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512',
  secret: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  rounds: number,
  digestBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (rounds > MOST_ROUNDS_PER_CALL) throw new RangeError(`at most ${MOST_ROUNDS_PER_CALL} PBKDF2 rounds in one call`);
  const key = await crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveBits']);
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'PBKDF2', hash, salt, iterations: rounds }, key, digestBytes * 8));
}
