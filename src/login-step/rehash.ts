import type { Facts } from '../cells/user-protocol.ts';
import type { Subject } from '../core/session/subject.ts';
import { hashPassword, isCurrentHash } from '../crypto/password-hash.ts';
import { rehashPassword } from '../directory/passwords.ts';
import type { Walk } from './walk.ts';

/**
 * Hashes a password anew that was just proved, when its hash is not what would be made today: one from elsewhere, of another scheme or cost, or
 * under an older pepper. It is no change of the password: its version stays, and so do the factors. Done beside the answer; when it fails, the
 * next success tries again.
 */
export function rehash(walk: Walk, subject: Subject, password: string, { passwordHash }: Facts): void {
  if (passwordHash === undefined || isCurrentHash(passwordHash, walk.passwords)) return;
  walk.later(replaceHash(walk, subject, password, passwordHash));
}

async function replaceHash({ cells, db, passwords }: Walk, { id: userId, cell }: Subject, password: string, before: string): Promise<void> {
  try {
    const after = await hashPassword(password, passwords);
    if (await rehashPassword(db, userId, { before, after })) await cells.user(cell).forget(userId);
  } catch (error) {
    console.error('a password could not be hashed anew', error);
  }
}
