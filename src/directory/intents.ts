import type { CheckedIntent, IntentState } from '../core/intent/intent.ts';
import type { Link } from './links.ts';

/** A log-in at a provider, until its callback comes. Times are milliseconds since 1970. */
export interface WaitingIntent {
  readonly id: string;
  readonly idpId: string;
  readonly successUrl: string;
  readonly failureUrl: string;
  readonly redirectUri: string;
  /** Sealed. */
  readonly proof: string;
  readonly expiresAt: number;
}

/** How a log-in ended well. */
export interface IntentSuccess {
  readonly idpUserId: string;
  readonly idpUserName: string;
  readonly userId: string | undefined;
  /** Sealed. */
  readonly information: string;
  readonly expiresAt: number;
}

export async function insertIntent(db: D1Database, intent: WaitingIntent, generation: string, now: number): Promise<void> {
  const { id, idpId, successUrl, failureUrl, redirectUri, proof, expiresAt } = intent;
  await db
    .prepare(
      `INSERT INTO idp_intent (id, idp_id, success_url, failure_url, redirect_uri, proof, creation_date, change_date, expiration_date, generation)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9)`,
    )
    .bind(id, idpId, successUrl, failureUrl, redirectUri, proof, now, expiresAt, generation)
    .run();
}

/** Takes the one callback of an intent for its own; undefined when it is not waiting for one (any more). */
export async function claimIntent(db: D1Database, id: string, generation: string, now: number): Promise<WaitingIntent | undefined> {
  const row = await db
    .prepare(
      `UPDATE idp_intent SET state = 'claimed', change_date = ?2 WHERE id = ?1 AND state = 'started' AND expiration_date > ?2 AND generation = ?3
       RETURNING id, idp_id AS idpId, success_url AS successUrl, failure_url AS failureUrl, redirect_uri AS redirectUri, proof,
         expiration_date AS expiresAt`,
    )
    .bind(id, now, generation)
    .first<WaitingIntent>();
  return row ?? undefined;
}

/** Where the browser of an intent goes that cannot go on. */
export async function failureUrlOf(db: D1Database, id: string): Promise<string | undefined> {
  const row = await db.prepare('SELECT failure_url FROM idp_intent WHERE id = ?1').bind(id).first<{ failure_url: string }>();
  return row?.failure_url;
}

export async function failIntent(db: D1Database, id: string, now: number): Promise<void> {
  await db.prepare("UPDATE idp_intent SET state = 'failed', proof = NULL, change_date = ?2 WHERE id = ?1 AND state = 'claimed'").bind(id, now).run();
}

/** Ends a claimed intent well. False when somebody ended it meanwhile. */
export async function succeedIntent(db: D1Database, id: string, success: IntentSuccess, now: number): Promise<boolean> {
  const { idpUserId, idpUserName, userId, information, expiresAt } = success;
  const { meta } = await db
    .prepare(
      `UPDATE idp_intent SET state = 'succeeded', proof = NULL, idp_user_id = ?2, idp_user_name = ?3, user_id = ?4, information = ?5,
         expiration_date = ?6, change_date = ?7
       WHERE id = ?1 AND state = 'claimed'`,
    )
    .bind(id, idpUserId, idpUserName, userId ?? null, information, expiresAt, now)
    .run();
  return meta.changes > 0;
}

/** An intent as it is retrieved. */
export interface RetrievedIntent {
  readonly idpId: string;
  readonly state: IntentState;
  readonly expiresAt: number;
  readonly changeDate: number;
  readonly idpUserId: string | null;
  readonly idpUserName: string | null;
  readonly userId: string | null;
  readonly information: string | null;
}

export async function findIntent(db: D1Database, id: string, generation: string): Promise<RetrievedIntent | undefined> {
  const row = await db
    .prepare(
      `SELECT idp_id AS idpId, state, expiration_date AS expiresAt, change_date AS changeDate, idp_user_id AS idpUserId,
         idp_user_name AS idpUserName, user_id AS userId, information
       FROM idp_intent WHERE id = ?1 AND generation = ?2`,
    )
    .bind(id, generation)
    .first<RetrievedIntent>();
  return row ?? undefined;
}

/** Who consumes an intent: what an attempt has consumed, the same attempt may go on with. */
export interface Consumer {
  readonly attemptId: string;
  readonly requestId?: string | undefined;
  /** The directory's. */
  readonly generation: string;
}

const CHECKED = `
  SELECT i.state, i.expiration_date AS expiresAt, i.user_id AS userId,
    EXISTS (SELECT 1 FROM idp_link l WHERE l.idp_id = i.idp_id AND l.idp_user_id = i.idp_user_id AND l.user_id = ?2) AS linked,
    (i.consumed_by = ?3 OR i.consumed_request = ?4) AS consumedByThis
  FROM idp_intent i JOIN identity_provider p ON p.id = i.idp_id AND p.state = 'active' WHERE i.id = ?1 AND i.generation = ?5`;

/** An intent as a check of this user's needs it; one of a provider that was deactivated is not found. One query. */
export async function findCheckedIntent(db: D1Database, id: string, userId: string, consumer: Consumer): Promise<CheckedIntent | undefined> {
  const row = await db
    .prepare(CHECKED)
    .bind(id, userId, consumer.attemptId, consumer.requestId ?? null, consumer.generation)
    .first<{ state: IntentState; expiresAt: number; userId: string | null; linked: number; consumedByThis: number | null }>();
  if (row === null) return undefined;
  return { ...row, userId: row.userId ?? undefined, linked: row.linked === 1, consumedByThis: row.consumedByThis === 1 };
}

/** A request goes by its id only as long as no other has consumed the intent as the same attempt: theirs may be the one that is committed. */
const CONSUME = `
  UPDATE idp_intent SET state = 'consumed', consumed_by = ?2, information = NULL, change_date = ?4,
    consumed_request = CASE WHEN state = 'succeeded' OR consumed_request IS ?3 THEN ?3 END
  WHERE id = ?1 AND generation = ?6 AND (state = 'succeeded' OR (state = 'consumed' AND (consumed_by = ?2 OR consumed_request = ?3)))
    AND EXISTS (SELECT 1 FROM identity_provider p WHERE p.id = idp_id AND p.state = 'active')
    AND EXISTS (SELECT 1 FROM idp_link l WHERE l.idp_id = idp_intent.idp_id AND l.idp_user_id = idp_intent.idp_user_id AND l.user_id = ?5)`;

/** Consumes an intent for a user; false when it was another's, or its account is the user's no more. */
export async function consumeIntent(
  db: D1Database,
  id: string,
  userId: string,
  { attemptId, requestId, generation }: Consumer,
  now: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(CONSUME)
    .bind(id, attemptId, requestId ?? null, now, userId, generation)
    .run();
  return meta.changes > 0;
}

/** Whether somebody has just proved at a provider that an account there is theirs. */
export async function isFreshlyProved(
  db: D1Database,
  { idpId, idpUserId }: Omit<Link, 'idpUserName'>,
  generation: string,
  now: number,
): Promise<boolean> {
  const row = await db
    .prepare(
      `SELECT 1 FROM idp_intent WHERE idp_id = ?1 AND idp_user_id = ?2 AND generation = ?3 AND state = 'succeeded' AND expiration_date > ?4 LIMIT 1`,
    )
    .bind(idpId, idpUserId, generation, now)
    .first();
  return row !== null;
}

/** An intent is told apart from one that never was for so long after it has expired. */
const REMEMBERED_MS = 60 * 60_000;

/** Removes intents that expired some time ago. */
export async function sweepIntents(db: D1Database, now: number): Promise<void> {
  await db
    .prepare('DELETE FROM idp_intent WHERE expiration_date <= ?1')
    .bind(now - REMEMBERED_MS)
    .run();
}
