import type { KeyRing } from './key-ring.ts';
import { schemeOf } from './password-schemes/schemes.ts';
import { tagOf, writeStoredHash } from './stored-hash.ts';

/**
 * Takes over a password hash that was made elsewhere: the stored form, in which nothing is left of its digest but the HMAC under the newest
 * pepper. 'unsupported' when the scheme is unknown or the hash is not well formed; 'too-costly' when to verify it would take more memory or
 * time than there is (`mostOf` has the figures).
 */
export async function importHash(encoded: string, peppers: KeyRing): Promise<string | 'unsupported' | 'too-costly'> {
  const apart = isOurs(encoded) ? undefined : schemeOf(encoded)?.read(encoded);
  if (apart === undefined) return 'unsupported';
  if (apart === 'too-costly') return apart;
  const tag = await tagOf(apart.digest, peppers, peppers.newest);
  if (tag === undefined) throw new Error('the newest pepper is missing');
  return writeStoredHash({ key: peppers.newest, tag, recipe: apart.recipe });
}

/** The most that a hash of this scheme may cost, in words. */
export const mostOf = (encoded: string): string => schemeOf(encoded)?.most ?? 'nothing';

/** Our names are for passwords in their normal form: nobody else's. */
const isOurs = (encoded: string): boolean => encoded.startsWith('$sallyport');
