import { sameDigest } from './digest.ts';
import type { KeyRing } from './key-ring.ts';
import { idleRecipe, isCurrentRecipe, isOwnRecipe, newRecipe } from './new-recipe.ts';
import type { PasswordHashing } from './password-hashing.ts';
import { schemeOf } from './password-schemes/schemes.ts';
import { readStoredHash, tagOf, writeStoredHash } from './stored-hash.ts';

/** Hashes a password under a fresh salt and the newest pepper. 40 to 150 ms of CPU: never inside a cell. */
export async function hashPassword(password: string, { scheme, peppers }: PasswordHashing): Promise<string> {
  const recipe = newRecipe(scheme);
  const tag = await tagFor(password, recipe, peppers, peppers.newest);
  if (tag === undefined) throw new Error('the newest pepper is missing');
  return writeStoredHash({ key: peppers.newest, tag, recipe });
}

/**
 * Whether `password` is the one that was hashed, here or elsewhere; undefined when nobody can tell: the encoding is unknown, or its pepper is no
 * longer listed.
 */
export async function verifyPassword(password: string, encoded: string, peppers: KeyRing): Promise<boolean | undefined> {
  const stored = readStoredHash(encoded);
  if (stored === undefined || !peppers.keys.has(stored.key)) return undefined;
  const tag = await tagFor(password, stored.recipe, peppers, stored.key);
  return tag === undefined ? undefined : sameDigest(tag, stored.tag);
}

/** Whether a stored hash is as good as what `hashPassword` would make today. When not (scheme, cost or pepper), the next success may replace it. */
export function isCurrentHash(encoded: string, { scheme, peppers }: PasswordHashing): boolean {
  const stored = readStoredHash(encoded);
  return stored !== undefined && stored.key === peppers.newest && isCurrentRecipe(stored.recipe, scheme);
}

/** Spends the time of one verification, so that an unknown user cannot be told from a wrong password by the clock. */
export async function spendHashTime(password: string, { scheme, peppers }: PasswordHashing): Promise<void> {
  await tagFor(password, idleRecipe(scheme), peppers, peppers.newest);
}

/** Ours are hashed in the normal form NFKC, so that a password is the same however it was typed; others were hashed as they came. */
async function tagFor(password: string, recipe: string, peppers: KeyRing, key: number): Promise<string | undefined> {
  const normal = isOwnRecipe(recipe) ? password.normalize('NFKC') : password;
  const digest = await schemeOf(recipe)?.derive(normal, recipe);
  return digest && tagOf(digest, peppers, key);
}
