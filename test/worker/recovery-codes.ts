import { env } from 'cloudflare:workers';
import { newRecoveryCode, recoveryTag } from '../../src/crypto/one-time-code.ts';
import { replaceRecoveryCodes } from '../../src/directory/recovery-codes.ts';
import type { User } from '../../src/directory/users.ts';
import { cells, config } from './world.ts';

/** Gives a user new recovery codes, as the API does. */
export async function newRecoveryCodes(user: User, count: number): Promise<string[]> {
  const codes = Array.from({ length: count }, newRecoveryCode);
  await cells.user(user.cell).forget(user.id);
  await writeRecoveryCodes(user, codes);
  await cells.user(user.cell).forget(user.id);
  return codes;
}

/** Writes them, of which the user's cell is not told. */
export async function writeRecoveryCodes(user: User, codes: readonly string[]): Promise<void> {
  const tags = await Promise.all(codes.map((code) => recoveryTag(config.passwords.peppers, user.id, code)));
  await replaceRecoveryCodes(env.DB, user.id, tags as string[], Date.now());
}
