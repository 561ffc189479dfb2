import { type Credential, type CredentialKind, MOST_CREDENTIALS } from '../core/web-authn/credential.ts';
import { TELLING_DETAILS, type UserDetails } from './users.ts';

/** A registration that was begun: what its answer is checked against. */
export interface Registration {
  readonly id: string;
  readonly userId: string;
  readonly kind: CredentialKind;
  /** base64url. */
  readonly challenge: string;
  readonly rpId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A credential as it is recorded. */
export interface RecordedCredential extends Credential {
  readonly aaguid: string;
  readonly attestationFormat: string;
}

/** A user's credentials as JSON, the oldest first, in the terms of `Credential`; for a query that knows the user as `u`. */
export const CREDENTIALS_OF_USER = `
  SELECT json_group_array(json_object('id', id, 'kind', kind, 'credentialId', credential_id, 'publicKey', public_key, 'signCount', sign_count,
    'rpId', rp_id, 'backupEligible', json(iif(backup_eligible, 'true', 'false')), 'name', name) ORDER BY creation_date, id)
  FROM credential WHERE user_id = u.id`;

/** The credentials of a user, the oldest first. */
export async function findCredentials(db: D1Database, userId: string): Promise<readonly Credential[]> {
  const row = await db
    .prepare(`SELECT (${CREDENTIALS_OF_USER}) AS credentials FROM user u WHERE u.id = ?1`)
    .bind(userId)
    .first<{ credentials: string }>();
  return row === null ? [] : JSON.parse(row.credentials);
}

/** More than these are not under way at a time for a user; the oldest gives way. */
const REGISTRATIONS_MOST = 10;

const FORGET_EXPIRED = 'DELETE FROM credential_registration WHERE expiration_date <= ?1';
/** Removes registrations that were not finished in time. */
export async function sweepRegistrations(db: D1Database, now: number): Promise<void> {
  await db.prepare(FORGET_EXPIRED).bind(now).run();
}

const MAKE_ROOM = `
  DELETE FROM credential_registration WHERE id IN (
    SELECT id FROM credential_registration WHERE user_id = ?1 ORDER BY expiration_date DESC, id DESC LIMIT -1 OFFSET ${REGISTRATIONS_MOST - 1})`;
const BEGIN = `
  INSERT INTO credential_registration (id, user_id, kind, challenge, rp_id, expiration_date)
  SELECT ?2, id, ?3, ?4, ?5, ?6 FROM user WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'
  RETURNING id`;

/** Begins a registration; false when the person is gone. */
export async function beginRegistration(db: D1Database, registration: Registration, now: number): Promise<boolean> {
  const { id, userId, kind, challenge, rpId, expiresAt } = registration;
  const [, , begun] = await db.batch([
    db.prepare(FORGET_EXPIRED).bind(now),
    db.prepare(MAKE_ROOM).bind(userId),
    db.prepare(BEGIN).bind(userId, id, kind, challenge, rpId, expiresAt),
  ]);
  return begun?.results.length === 1;
}

const PENDING = `
  SELECT id, user_id AS userId, kind, challenge, rp_id AS rpId, expiration_date AS expiresAt
  FROM credential_registration WHERE id = ?1 AND user_id = ?2 AND kind = ?3 AND expiration_date > ?4`;

/** A registration of a user that can still be finished. */
export async function findRegistration(
  db: D1Database,
  { id, userId, kind }: Pick<Registration, 'id' | 'userId' | 'kind'>,
  now: number,
): Promise<Registration | undefined> {
  return (await db.prepare(PENDING).bind(id, userId, kind, now).first<Registration>()) ?? undefined;
}

const ADD = `
  INSERT INTO credential (id, user_id, kind, name, credential_id, public_key, sign_count, rp_id, backup_eligible, aaguid, attestation_format, creation_date)
  SELECT r.id, r.user_id, r.kind, ?2, ?3, ?4, ?5, r.rp_id, ?6, ?7, ?8, ?9
  FROM credential_registration r JOIN user u ON u.id = r.user_id AND u.state <> 'deleted'
  WHERE r.id = ?1 AND (SELECT count(*) FROM credential WHERE user_id = r.user_id) < ${MOST_CREDENTIALS}
  ON CONFLICT DO NOTHING`;

/** Follows the statement that it tells of, in its transaction: where that one wrote nothing, nothing has changed. */
const CHANGED = `UPDATE user SET sequence = sequence + 1, change_date = ?2 WHERE id = ?1 AND changes() > 0 ${TELLING_DETAILS}`;

const END = 'DELETE FROM credential_registration WHERE id = ?1 AND EXISTS (SELECT 1 FROM credential WHERE id = ?1)';

/** Finishes a registration: its credential is ready, under the registration's id. Undefined when it was finished before, or the credential is somebody's already. */
export async function addCredential(db: D1Database, userId: string, credential: RecordedCredential, now: number): Promise<UserDetails | undefined> {
  const { id, name, credentialId, publicKey, signCount, backupEligible, aaguid, attestationFormat } = credential;
  const [, changed] = await db.batch<UserDetails>([
    db.prepare(ADD).bind(id, name, credentialId, publicKey, signCount, Number(backupEligible), aaguid, attestationFormat, now),
    db.prepare(CHANGED).bind(userId, now),
    db.prepare(END).bind(id),
  ]);
  return changed?.results[0];
}

const REMOVE = 'DELETE FROM credential WHERE id = ?1 AND user_id = ?2 AND kind = ?3';

/** Removes a credential of a user; undefined when there is none of that kind and id. */
export async function removeCredential(
  db: D1Database,
  { id, userId, kind }: Pick<Registration, 'id' | 'userId' | 'kind'>,
  now: number,
): Promise<UserDetails | undefined> {
  const [, changed] = await db.batch<UserDetails>([db.prepare(REMOVE).bind(id, userId, kind), db.prepare(CHANGED).bind(userId, now)]);
  return changed?.results[0];
}
