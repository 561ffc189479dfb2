import { TELLING_DETAILS, type UserDetails } from './users.ts';

const FORGET = 'DELETE FROM recovery_code WHERE user_id = ?1';
const KEEP = `
  INSERT INTO recovery_code (user_id, tag)
  SELECT ?1, value FROM json_each(?2) WHERE EXISTS (SELECT 1 FROM user WHERE id = ?1 AND kind = 'human' AND state <> 'deleted')`;
const CHANGED = `
  UPDATE user SET sequence = sequence + 1, change_date = ?2
  WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'`;

/** Gives a person these recovery codes, each as its MAC, in place of all that there were; undefined when the person is gone. */
export async function replaceRecoveryCodes(db: D1Database, userId: string, tags: readonly string[], now: number): Promise<UserDetails | undefined> {
  const [, , changed] = await db.batch<UserDetails>([
    db.prepare(FORGET).bind(userId),
    db.prepare(KEEP).bind(userId, JSON.stringify(tags)),
    db.prepare(`${CHANGED} ${TELLING_DETAILS}`).bind(userId, now),
  ]);
  return changed?.results[0];
}

/** Removes a person's recovery codes; undefined when there were none. */
export async function removeRecoveryCodes(db: D1Database, userId: string, now: number): Promise<UserDetails | undefined> {
  const [changed] = await db.batch<UserDetails>([
    db.prepare(`${CHANGED} AND EXISTS (SELECT 1 FROM recovery_code WHERE user_id = ?1) ${TELLING_DETAILS}`).bind(userId, now),
    db.prepare(FORGET).bind(userId),
  ]);
  return changed?.results[0];
}
