import { fail, ok, type Result } from '../core/result.ts';
import { importHash, mostOf } from '../crypto/import-hash.ts';
import { hashPassword } from '../crypto/password-hash.ts';
import type { PasswordHashing } from '../crypto/password-hashing.ts';
import type { NewUser } from '../directory/create-user.ts';

interface Mark {
  readonly changeRequired?: boolean | undefined;
}

/** The password of a new user, in one of the two ways in which it may be given; or none. */
export interface GivenPassword {
  readonly password?: (Mark & { readonly password: string }) | undefined;
  /** A hash that was made elsewhere. */
  readonly hashedPassword?: (Mark & { readonly hash: string }) | undefined;
  /** The id with which an operation refuses a hash that cannot be verified here. */
  readonly hashRefusalId?: 'USER-JDk4t' | 'USER-oz74onzvqr';
}

/** What is stored of a password: a given one is hashed, a hash from elsewhere taken over. */
export async function passwordToStore(
  { password, hashedPassword, hashRefusalId = 'USER-JDk4t' }: GivenPassword,
  hashing: PasswordHashing,
): Promise<Result<Pick<NewUser, 'passwordHash' | 'passwordChangeRequired'>>> {
  const passwordChangeRequired = (password ?? hashedPassword)?.changeRequired === true;
  if (hashedPassword === undefined) return ok({ passwordHash: password && (await hashPassword(password.password, hashing)), passwordChangeRequired });

  const { hash } = hashedPassword;
  const passwordHash = await importHash(hash, hashing.peppers);
  const refused = (message: string) => fail({ kind: 'invalid-argument', id: hashRefusalId, message });
  if (passwordHash === 'unsupported') return refused('Password hash encoding not supported');
  if (passwordHash === 'too-costly') return refused(`Password hash is too costly to verify; at most: ${mostOf(hash)}`);
  return ok({ passwordHash, passwordChangeRequired });
}
