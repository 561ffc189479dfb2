/** An account at an identity provider that is a user's. */
export interface Link {
  readonly idpId: string;
  /** The provider's own id and name of the user. */
  readonly idpUserId: string;
  readonly idpUserName: string;
}

/** The user whose account at a provider this is. */
export async function findLinkedUser(db: D1Database, idpId: string, idpUserId: string): Promise<string | undefined> {
  const row = await db
    .prepare('SELECT user_id FROM idp_link WHERE idp_id = ?1 AND idp_user_id = ?2')
    .bind(idpId, idpUserId)
    .first<{ user_id: string }>();
  return row?.user_id;
}

export async function findLinks(db: D1Database, userId: string): Promise<Link[]> {
  const { results } = await db
    .prepare(
      `SELECT idp_id AS idpId, idp_user_id AS idpUserId, idp_user_name AS idpUserName FROM idp_link WHERE user_id = ?1
       ORDER BY creation_date, idp_id, idp_user_id`,
    )
    .bind(userId)
    .all<Link>();
  return results;
}

/** Whether a user can sign in by a provider. */
export async function hasUsableLink(db: D1Database, userId: string): Promise<boolean> {
  const row = await db
    .prepare("SELECT 1 FROM idp_link l JOIN identity_provider p ON p.id = l.idp_id AND p.state = 'active' WHERE l.user_id = ?1 LIMIT 1")
    .bind(userId)
    .first();
  return row !== null;
}

/** Follows the statement that it tells of, in its transaction: where that one wrote nothing, nothing has changed. */
const CHANGED = 'UPDATE user SET sequence = sequence + 1, change_date = ?2 WHERE id = ?1 AND changes() > 0';

/** Accounts that one user may have linked. */
export const LINKS_MOST = 20;

const ADD = `
  INSERT INTO idp_link (idp_id, idp_user_id, user_id, idp_user_name, creation_date)
  SELECT ?2, ?3, id, ?4, ?5 FROM user WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'
    AND (SELECT count(*) FROM idp_link WHERE user_id = ?1) < ${LINKS_MOST}
  ON CONFLICT DO NOTHING`;

/** Links an account to a user, unless it is somebody's already. @returns whose it is then; undefined when the user is gone, or has as many as may be */
export async function addLink(db: D1Database, userId: string, { idpId, idpUserId, idpUserName }: Link, now: number): Promise<string | undefined> {
  const [, , holder] = await db.batch<{ user_id: string }>([
    db.prepare(ADD).bind(userId, idpId, idpUserId, idpUserName, now),
    db.prepare(CHANGED).bind(userId, now),
    db.prepare('SELECT user_id FROM idp_link WHERE idp_id = ?1 AND idp_user_id = ?2').bind(idpId, idpUserId),
  ]);
  return holder?.results[0]?.user_id;
}

/** Removes a link of a user; false when there is none. */
export async function removeLink(db: D1Database, userId: string, { idpId, idpUserId }: Omit<Link, 'idpUserName'>, now: number): Promise<boolean> {
  const [removed] = await db.batch([
    db.prepare('DELETE FROM idp_link WHERE idp_id = ?2 AND idp_user_id = ?3 AND user_id = ?1 RETURNING user_id').bind(userId, idpId, idpUserId),
    db.prepare(CHANGED).bind(userId, now),
  ]);
  return removed?.results.length === 1;
}
