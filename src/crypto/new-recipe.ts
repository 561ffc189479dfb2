import { toBase64 } from './base64.ts';
import type { PasswordScheme } from './password-hashing.ts';

const SALT_BYTES = 16;
const DIGEST_BYTES = 32;

/** What our recipes begin with, up to the salt: OWASP's figures (Password Storage Cheat Sheet). */
const COST: Record<PasswordScheme, string> = {
  'pbkdf2-sha512': '$sallyport-pbkdf2-sha512$i=210000$',
  argon2id: '$sallyport-argon2id$v=19$m=19456,t=2,p=1$',
  scrypt: '$sallyport-scrypt$ln=15,r=8,p=3$',
};

/** The recipe of a new password, with the salt given or a fresh one. */
export function newRecipe(scheme: PasswordScheme, salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))): string {
  const recipe = `${COST[scheme]}${toBase64(salt)}`;
  return scheme === 'pbkdf2-sha512' ? recipe : `${recipe}$${DIGEST_BYTES}`;
}

/** A recipe by which the time of a hash can be spent on nobody. */
export const idleRecipe = (scheme: PasswordScheme): string => newRecipe(scheme, new Uint8Array(SALT_BYTES));

/** Whether a recipe is one that this scheme makes today, cost and all. */
export const isCurrentRecipe = (recipe: string, scheme: PasswordScheme): boolean => recipe.startsWith(COST[scheme]);

/** Our own recipes are of passwords in their normal form. */
export const isOwnRecipe = (recipe: string): boolean => recipe.startsWith('$sallyport-');
