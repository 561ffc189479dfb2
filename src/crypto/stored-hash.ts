import { toBase64 } from './base64.ts';
import { type KeyRing, mac } from './key-ring.ts';

/**
 * A password hash as it is stored: the recipe, and in place of the digest that it leads to, that digest's HMAC under a Worker secret, the pepper,
 * as NIST 800-63B section 5.1.1.2 asks. Without it a stolen database cannot be guessed against at all, whatever the scheme.
 *
 * Encoded as `$sallyport$k=1$<tag>$<recipe>`; k names the pepper's key.
 */
export interface StoredHash {
  readonly key: number;
  /** HMAC-SHA-512 of the raw digest, in base64. */
  readonly tag: string;
  /** Begins with a dollar. */
  readonly recipe: string;
}

const STORED = /^\$sallyport\$k=(\d{1,6})\$([A-Za-z0-9+/]{86}==)(\$.{1,250})$/;

/** As passwords were stored before other schemes were known. */
const STORED_BEFORE = /^\$sallyport-pbkdf2-sha512\$i=(\d{1,7}),k=(\d{1,6})\$([A-Za-z0-9+/]{22}==)\$([A-Za-z0-9+/]{86}==)$/;

/** Reads a stored hash; undefined when it is in no form of ours. */
export function readStoredHash(encoded: string): StoredHash | undefined {
  const [, key, tag, recipe] = STORED.exec(encoded) ?? [];
  if (tag !== undefined && recipe !== undefined) return { key: Number(key), tag, recipe };
  const [, rounds, keyBefore, salt, tagBefore] = STORED_BEFORE.exec(encoded) ?? [];
  if (tagBefore === undefined) return undefined;
  return { key: Number(keyBefore), tag: tagBefore, recipe: `$sallyport-pbkdf2-sha512$i=${rounds}$${salt}` };
}

export const writeStoredHash = ({ key, tag, recipe }: StoredHash): string => `$sallyport$k=${key}$${tag}${recipe}`;

/** The tag of a raw digest under one pepper; undefined when that is not listed (any more). */
export async function tagOf(digest: Uint8Array<ArrayBuffer>, peppers: KeyRing, key: number): Promise<string | undefined> {
  const tag = await mac(peppers, key, digest);
  return tag && toBase64(tag);
}
