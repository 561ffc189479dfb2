import type { Link } from './links.ts';
import { foldLoginName, type User } from './users.ts';

/** Everything that a new user's row starts with. `passwordHash` is there where a password is given. */
export interface NewUser
  extends Pick<
    User,
    | 'id'
    | 'organizationId'
    | 'kind'
    | 'cell'
    | 'username'
    | 'displayName'
    | 'givenName'
    | 'familyName'
    | 'nickName'
    | 'preferredLanguage'
    | 'gender'
    | 'email'
    | 'emailVerified'
    | 'phone'
    | 'phoneVerified'
    | 'passwordHash'
    | 'passwordChangeRequired'
    | 'description'
  > {
  /** Values in standard base64; of two with the same key the later counts. */
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  readonly idpLinks?: readonly Link[] | undefined;
  /** The sealed seed of a TOTP that is in use from the beginning. */
  readonly totpSeed?: string | undefined;
}

const USER = `
  INSERT INTO user (id, organization_id, kind, cell, creation_date, change_date, username, login_name_key, display_name, given_name, family_name,
    nick_name, preferred_language, gender, email, email_verified, phone, phone_verified, password_hash, password_changed_at,
    password_change_required, description)
  SELECT ?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21
  WHERE NOT EXISTS (
    SELECT 1 FROM json_each(?22) link JOIN idp_link l
    ON l.idp_id = json_extract(link.value, '$.idpId') AND l.idp_user_id = json_extract(link.value, '$.idpUserId'))
  ON CONFLICT DO NOTHING RETURNING id`;

/** Follows USER in its transaction; where that one met a clash it wrote no row, and this one must not write to somebody else's. */
const TOTP = 'INSERT INTO totp (user_id, seed, verified, creation_date) SELECT ?1, ?2, 1, ?3 WHERE changes() > 0';

/** Follows USER or TOTP, alike. */
const LINKS = `
  INSERT INTO idp_link (idp_id, idp_user_id, user_id, idp_user_name, creation_date)
  SELECT json_extract(value, '$.idpId'), json_extract(value, '$.idpUserId'), ?1, json_extract(value, '$.idpUserName'), ?3
  FROM json_each(?2) WHERE changes() > 0
  ON CONFLICT DO NOTHING`;

/** Follows whichever of the others came last, alike. */
const METADATA = `
  INSERT INTO user_metadata (user_id, key, value)
  SELECT ?1, json_extract(value, '$.key'), json_extract(value, '$.value') FROM json_each(?2) WHERE changes() > 0
  ON CONFLICT DO UPDATE SET value = excluded.value`;

/**
 * Enters a user, whole or not at all. An id is taken for ever, also by a user who was deleted since; a login name is taken in every letter
 * case and Unicode form.
 */
export async function insertUser(
  db: D1Database,
  { idpLinks = [], ...user }: NewUser,
  now: number,
): Promise<'created' | 'id-taken' | 'login-name-taken' | 'link-taken'> {
  const [inserted] = await db.batch([
    db
      .prepare(USER)
      .bind(
        user.id,
        user.organizationId,
        user.kind,
        user.cell,
        now,
        user.username,
        foldLoginName(user.username),
        user.displayName,
        user.givenName,
        user.familyName,
        user.nickName,
        user.preferredLanguage,
        user.gender,
        user.email,
        Number(user.emailVerified),
        user.phone,
        Number(user.phoneVerified),
        user.passwordHash ?? null,
        user.passwordHash === undefined ? null : now,
        Number(user.passwordChangeRequired),
        user.description,
        JSON.stringify(idpLinks),
      ),
    ...(user.totpSeed === undefined ? [] : [db.prepare(TOTP).bind(user.id, user.totpSeed, now)]),
    ...(idpLinks.length > 0 ? [db.prepare(LINKS).bind(user.id, JSON.stringify(idpLinks), now)] : []),
    ...(user.metadata.length > 0 ? [db.prepare(METADATA).bind(user.id, JSON.stringify(user.metadata))] : []),
  ]);
  if (inserted?.results.length === 1) return 'created';
  const [idTaken, nameTaken] = await db.batch([
    db.prepare('SELECT 1 FROM user WHERE id = ?1').bind(user.id),
    db.prepare('SELECT 1 FROM user WHERE login_name_key = ?1').bind(foldLoginName(user.username)),
  ]);
  if (idTaken?.results.length) return 'id-taken';
  return nameTaken?.results.length || idpLinks.length === 0 ? 'login-name-taken' : 'link-taken';
}
