import type { Membership } from '../core/permission.ts';
import { membershipOf } from './members.ts';

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
