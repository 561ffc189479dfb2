import { TELLING_DETAILS, type UserDetails } from './users.ts';

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
const CHANGED = `UPDATE user SET sequence = sequence + 1, change_date = ?2 WHERE id = ?1 AND changes() > 0 ${TELLING_DETAILS}`;

/** Accounts that one user may have linked. */
export const LINKS_MOST = 20;

const ADD = `
  INSERT INTO idp_link (idp_id, idp_user_id, user_id, idp_user_name, creation_date)
  SELECT ?2, ?3, id, ?4, ?5 FROM user WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'
    AND (SELECT count(*) FROM idp_link WHERE user_id = ?1) < ${LINKS_MOST}
  ON CONFLICT DO NOTHING`;

/** Who has an account. */
export interface LinkHolder extends UserDetails {
  readonly userId: string;
}

const HOLDER = `
  SELECT l.user_id AS userId, u.sequence, u.change_date AS changeDate, u.organization_id AS organizationId
  FROM idp_link l JOIN user u ON u.id = l.user_id WHERE l.idp_id = ?1 AND l.idp_user_id = ?2`;

/** Links an account to a user, unless it is somebody's already. @returns whose it is then; undefined when the user is gone, or has as many as may be */
export async function addLink(db: D1Database, userId: string, { idpId, idpUserId, idpUserName }: Link, now: number): Promise<LinkHolder | undefined> {
  const [, , holder] = await db.batch<LinkHolder>([
    db.prepare(ADD).bind(userId, idpId, idpUserId, idpUserName, now),
    db.prepare(CHANGED).bind(userId, now),
    db.prepare(HOLDER).bind(idpId, idpUserId),
  ]);
  return holder?.results[0];
}

/** Removes a link of a user; undefined when there is none. */
export async function removeLink(
  db: D1Database,
  userId: string,
  { idpId, idpUserId }: Omit<Link, 'idpUserName'>,
  now: number,
): Promise<UserDetails | undefined> {
  const [, changed] = await db.batch<UserDetails>([
    db.prepare('DELETE FROM idp_link WHERE idp_id = ?2 AND idp_user_id = ?3 AND user_id = ?1').bind(userId, idpId, idpUserId),
    db.prepare(CHANGED).bind(userId, now),
  ]);
  return changed?.results[0];
}
