import type { UserState } from '../core/user/lifecycle.ts';

/** A user as the directory records it. Deleted users are not found. Times are milliseconds since 1970. */
export interface User {
  readonly id: string;
  readonly organizationId: string;
  readonly kind: 'human' | 'machine';
  readonly state: UserState;
  readonly epoch: number;
  readonly cell: string;
  readonly sequence: number;
  readonly creationDate: number;
  readonly changeDate: number;
  readonly username: string;
  readonly displayName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly nickName: string;
  readonly preferredLanguage: string;
  readonly gender: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly phone: string;
  readonly phoneVerified: boolean;
  readonly passwordHash: string | undefined;
  readonly passwordVersion: number;
  readonly passwordChangeRequired: boolean;
  readonly passwordChangedAt: number | undefined;
  readonly description: string;
}

/** How a user is addressed: by id, or by login name in any case. */
export type UserKey = { readonly userId: string } | { readonly loginName: string };

/** Text without its letter case and Unicode form. */
export const foldText = (text: string): string => text.normalize('NFKC').toLowerCase();

/** A login name as it is compared: two that differ in case or in Unicode form only are one. */
export const foldLoginName = (loginName: string): string => foldText(loginName.trim());

/** The user with this id or login name, whatever its state but deleted. */
export async function findUser(db: D1Database, key: UserKey): Promise<User | undefined> {
  const [column, value] = 'userId' in key ? ['id', key.userId] : ['login_name_key', foldLoginName(key.loginName)];
  const row = await db.prepare(`SELECT * FROM user WHERE ${column} = ?1 AND state <> 'deleted'`).bind(value).first<UserRow>();
  return row === null ? undefined : userFromRow(row);
}

/** What the details of an answer say about a user, also about one who was just deleted. */
export interface UserDetails {
  readonly sequence: number;
  readonly changeDate: number;
  readonly organizationId: string;
}

/** Ends a statement that changes a user's row: it tells the details as they are then, so that nobody who changed something has to ask once more. */
export const TELLING_DETAILS = 'RETURNING sequence, change_date AS changeDate, organization_id AS organizationId';

export async function findUserDetails(db: D1Database, userId: string): Promise<UserDetails | undefined> {
  const row = await db
    .prepare('SELECT sequence, change_date, organization_id FROM user WHERE id = ?1')
    .bind(userId)
    .first<Pick<UserRow, 'sequence' | 'change_date' | 'organization_id'>>();
  return row === null ? undefined : { sequence: row.sequence, changeDate: row.change_date, organizationId: row.organization_id };
}

/** A row of `user`. */
export interface UserRow {
  id: string;
  organization_id: string;
  kind: 'human' | 'machine';
  state: UserState;
  epoch: number;
  cell: string;
  sequence: number;
  creation_date: number;
  change_date: number;
  username: string | null;
  display_name: string;
  given_name: string;
  family_name: string;
  nick_name: string;
  preferred_language: string;
  gender: string;
  email: string;
  email_verified: number;
  phone: string;
  phone_verified: number;
  password_hash: string | null;
  password_version: number;
  password_change_required: number;
  password_changed_at: number | null;
  description: string;
}

export function userFromRow(row: UserRow): User {
  return {
    id: row.id,
    organizationId: row.organization_id,
    kind: row.kind,
    state: row.state,
    epoch: row.epoch,
    cell: row.cell,
    sequence: row.sequence,
    creationDate: row.creation_date,
    changeDate: row.change_date,
    username: row.username ?? '',
    displayName: row.display_name,
    givenName: row.given_name,
    familyName: row.family_name,
    nickName: row.nick_name,
    preferredLanguage: row.preferred_language,
    gender: row.gender,
    email: row.email,
    emailVerified: row.email_verified === 1,
    phone: row.phone,
    phoneVerified: row.phone_verified === 1,
    passwordHash: row.password_hash ?? undefined,
    passwordVersion: row.password_version,
    passwordChangeRequired: row.password_change_required === 1,
    passwordChangedAt: row.password_changed_at ?? undefined,
    description: row.description,
  };
}

/** A user's metadata, by key; values are standard base64. */
export async function findUserMetadata(db: D1Database, userId: string): Promise<{ readonly key: string; readonly value: string }[]> {
  const { results } = await db
    .prepare('SELECT key, value FROM user_metadata WHERE user_id = ?1 ORDER BY key')
    .bind(userId)
    .all<{ key: string; value: string }>();
  return results;
}
