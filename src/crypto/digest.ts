import { toBase64, utf8 } from './base64.ts';

/** SHA-256 of a secret that is random enough to need no salt (a token), in base64: the only form in which it is stored. */
export async function digest(secret: string): Promise<string> {
  return toBase64(await crypto.subtle.digest('SHA-256', utf8(secret)));
}

/** Compares two digests, MACs or hashes in a time that does not tell where they differ. */
export function sameDigest(left: string, right: string): boolean {
  const [a, b] = [utf8(left), utf8(right)];
  return a.byteLength === b.byteLength && crypto.subtle.timingSafeEqual(a, b);
}
