import type { Membership, Scope } from '../core/permission.ts';
import { membershipOf } from './members.ts';
import { type Found, findPage, type Page } from './page.ts';

/** The machine user behind a personal access token, with its roles as they stand. */
export interface TokenOwner {
  readonly userId: string;
  readonly organizationId: string;
  readonly membership: Membership;
  readonly expiresAt: number;
}

const OWNER = `
  SELECT t.user_id, t.expiration_date, u.organization_id, m.scope, m.roles
  FROM personal_access_token t
  JOIN user u ON u.id = t.user_id AND u.state = 'active'
  LEFT JOIN member m ON m.user_id = t.user_id
  WHERE t.digest = ?1 AND t.expiration_date > ?2`;

/** The owner of the unexpired token with this digest, if the owner is active. One query. */
export async function findTokenOwner(db: D1Database, digest: string, now: number): Promise<TokenOwner | undefined> {
  const { results } = await db
    .prepare(OWNER)
    .bind(digest, now)
    .all<{ user_id: string; expiration_date: number; organization_id: string; scope: string | null; roles: string | null }>();
  const [first] = results;
  if (first === undefined) return undefined;
  return {
    userId: first.user_id,
    organizationId: first.organization_id,
    membership: membershipOf(results),
    expiresAt: first.expiration_date,
  };
}

/** A token as it is shown: never the token itself. Times are milliseconds since 1970. */
export interface PersonalAccessToken {
  readonly id: string;
  readonly userId: string;
  readonly organizationId: string;
  readonly creationDate: number;
  readonly expirationDate: number;
}

const INSERT = `
  INSERT INTO personal_access_token (id, user_id, digest, creation_date, expiration_date)
  SELECT ?1, id, ?3, ?4, ?5 FROM user WHERE id = ?2 AND state <> 'deleted'
  ON CONFLICT DO NOTHING`;

/** Enters a token by its digest; false when the id is taken (or the user is gone). */
export async function insertToken(
  db: D1Database,
  token: { readonly id: string; readonly userId: string; readonly digest: string; readonly expirationDate: number },
  now: number,
): Promise<boolean> {
  const { meta } = await db.prepare(INSERT).bind(token.id, token.userId, token.digest, now, token.expirationDate).run();
  return meta.changes > 0;
}

/** Removes a user's token; false when the user has no such token. */
export async function deleteToken(db: D1Database, userId: string, tokenId: string): Promise<boolean> {
  const { meta } = await db.prepare('DELETE FROM personal_access_token WHERE id = ?1 AND user_id = ?2').bind(tokenId, userId).run();
  return meta.changes > 0;
}

/** Which tokens a search is about: those of users in `scope` and those of `self`, of them the ones that the filters leave over. */
export interface TokenSearch {
  readonly scope: Scope;
  readonly self: string | undefined;
  readonly userIds: readonly string[];
  readonly organizationIds: readonly string[];
}

/** The tokens that a caller may see, expired ones included; oldest first. Several filters must all be met. */
export async function searchTokens(
  db: D1Database,
  { scope, self, userIds, organizationIds }: TokenSearch,
  page: Page,
): Promise<Found<PersonalAccessToken>> {
  const seen = scope.everywhere ? 'TRUE' : '(u.organization_id IN (SELECT value FROM json_each(?)) OR u.id = ?)';
  const conditions = [seen, ...userIds.map(() => 'u.id = ?'), ...organizationIds.map(() => 'u.organization_id = ?')];
  const values = [...(scope.everywhere ? [] : [JSON.stringify(scope.organizations), self ?? null]), ...userIds, ...organizationIds];
  const search = {
    columns: 't.id, t.user_id, u.organization_id, t.creation_date, t.expiration_date',
    matching: `FROM personal_access_token t JOIN user u ON u.id = t.user_id WHERE ${conditions.join(' AND ')}`,
    values,
    order: 't.creation_date, t.id',
  };
  const { total, rows } = await findPage<TokenRow>(db, search, page);
  return { total, rows: rows.map(fromRow) };
}

interface TokenRow {
  id: string;
  user_id: string;
  organization_id: string;
  creation_date: number;
  expiration_date: number;
}

const fromRow = ({ id, user_id, organization_id, creation_date, expiration_date }: TokenRow): PersonalAccessToken => ({
  id,
  userId: user_id,
  organizationId: organization_id,
  creationDate: creation_date,
  expirationDate: expiration_date,
});
