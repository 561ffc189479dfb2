import { TELLING_DETAILS, type UserDetails } from './users.ts';

/** A password that is to replace the one whose version was read before. */
export interface NewPassword {
  readonly userId: string;
  readonly passwordHash: string;
  readonly changeRequired: boolean;
  readonly expectedVersion: number;
}

const REPLACE = `
  UPDATE user SET password_hash = ?3, password_version = password_version + 1, password_changed_at = ?5, password_change_required = ?4,
    sequence = sequence + 1, change_date = ?5
  WHERE id = ?1 AND password_version = ?2 AND state <> 'deleted' ${TELLING_DETAILS}`;

/** Replaces a user's password; undefined when it was changed by somebody else meanwhile, or the user is gone. */
export async function replacePassword(db: D1Database, password: NewPassword, now: number): Promise<UserDetails | undefined> {
  const { userId, expectedVersion, passwordHash, changeRequired } = password;
  const replaced = db.prepare(REPLACE).bind(userId, expectedVersion, passwordHash, Number(changeRequired), now);
  return (await replaced.first<UserDetails>()) ?? undefined;
}

/**
 * Puts another hash of the same password in place of the one that was read; false when that is no longer there. Neither the password's version nor
 * the user's sequence moves: nothing changed that anybody could see.
 */
export async function rehashPassword(db: D1Database, userId: string, { before, after }: { before: string; after: string }): Promise<boolean> {
  const { meta } = await db
    .prepare("UPDATE user SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2 AND state <> 'deleted'")
    .bind(userId, before, after)
    .run();
  return meta.changes > 0;
}

/** The version of a user's password, which grows with each change; undefined for a user who is not there. */
export async function findPasswordVersion(db: D1Database, userId: string): Promise<number | undefined> {
  const row = await db
    .prepare("SELECT password_version FROM user WHERE id = ?1 AND state <> 'deleted'")
    .bind(userId)
    .first<{ password_version: number }>();
  return row?.password_version;
}
