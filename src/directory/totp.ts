import { TELLING_DETAILS, type UserDetails } from './users.ts';

/** The TOTP of a user as the directory records it; a factor once it is verified. The seed is sealed. */
export interface RecordedTotp {
  readonly seed: string;
  readonly verified: boolean;
}

export async function findTotp(db: D1Database, userId: string): Promise<RecordedTotp | undefined> {
  const row = await db.prepare('SELECT seed, verified FROM totp WHERE user_id = ?1').bind(userId).first<{ seed: string; verified: number }>();
  return row === null ? undefined : { seed: row.seed, verified: row.verified === 1 };
}

const REGISTER = `
  INSERT INTO totp (user_id, seed, verified, creation_date)
  SELECT id, ?2, 0, ?3 FROM user WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'
  ON CONFLICT (user_id) DO UPDATE SET seed = excluded.seed, creation_date = excluded.creation_date WHERE verified = 0`;

const VERIFY = 'UPDATE totp SET verified = 1 WHERE user_id = ?1 AND seed = ?2 AND verified = 0';

const REMOVE = 'DELETE FROM totp WHERE user_id = ?1';

/** Follows the statement that it tells of, in its transaction: where that one wrote nothing, nothing has changed. */
const CHANGED = `UPDATE user SET sequence = sequence + 1, change_date = ?2 WHERE id = ?1 AND changes() > 0 ${TELLING_DETAILS}`;

/** Enters a seed that is yet to be verified, in place of one that is not verified either; undefined when one is, or the person is gone. */
export const registerTotp = (db: D1Database, userId: string, seed: string, now: number): Promise<UserDetails | undefined> =>
  change(db, userId, db.prepare(REGISTER).bind(userId, seed, now), now);

/** Makes the seed that was read a factor; undefined when it has been replaced, verified or removed meanwhile. */
export const verifyTotp = (db: D1Database, userId: string, seed: string, now: number): Promise<UserDetails | undefined> =>
  change(db, userId, db.prepare(VERIFY).bind(userId, seed), now);

/** Removes a TOTP, verified or not; undefined when there is none. */
export const removeTotp = (db: D1Database, userId: string, now: number): Promise<UserDetails | undefined> =>
  change(db, userId, db.prepare(REMOVE).bind(userId), now);

/** Puts another box with the same seed in place of the one that was read; false when that is no longer there. Nothing changed that anybody could see. */
export async function resealTotp(db: D1Database, userId: string, { before, after }: { before: string; after: string }): Promise<boolean> {
  const { meta } = await db.prepare('UPDATE totp SET seed = ?3 WHERE user_id = ?1 AND seed = ?2').bind(userId, before, after).run();
  return meta.changes > 0;
}

async function change(db: D1Database, userId: string, statement: D1PreparedStatement, now: number): Promise<UserDetails | undefined> {
  const [, changed] = await db.batch<UserDetails>([statement, db.prepare(CHANGED).bind(userId, now)]);
  return changed?.results[0];
}
