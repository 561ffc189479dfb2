import type { Standing } from '../core/user/lifecycle.ts';

/**
 * Writes a user's standing, which the user's cell decides, to the directory; an older standing never overwrites a newer one. Deleting takes
 * everything personal with it and leaves a tombstone, so that the id is never used again.
 */
export async function mirrorStanding(db: D1Database, userId: string, { state, epoch }: Standing, now: number): Promise<void> {
  if (state !== 'deleted') {
    await db
      .prepare('UPDATE user SET state = ?2, epoch = ?3, sequence = sequence + 1, change_date = ?4 WHERE id = ?1 AND epoch < ?3')
      .bind(userId, state, epoch, now)
      .run();
    return;
  }
  await db.batch([
    db.prepare('DELETE FROM user_metadata WHERE user_id = ?1').bind(userId),
    db.prepare('DELETE FROM personal_access_token WHERE user_id = ?1').bind(userId),
    db.prepare('DELETE FROM member WHERE user_id = ?1').bind(userId),
    db.prepare('DELETE FROM totp WHERE user_id = ?1').bind(userId),
    db.prepare('DELETE FROM recovery_code WHERE user_id = ?1').bind(userId),
    db
      .prepare(
        `DELETE FROM idp_intent WHERE user_id = ?1
           OR EXISTS (SELECT 1 FROM idp_link l WHERE l.user_id = ?1 AND l.idp_id = idp_intent.idp_id AND l.idp_user_id = idp_intent.idp_user_id)`,
      )
      .bind(userId),
    db.prepare('DELETE FROM idp_link WHERE user_id = ?1').bind(userId),
    db.prepare('DELETE FROM credential WHERE user_id = ?1').bind(userId),
    db.prepare('DELETE FROM credential_registration WHERE user_id = ?1').bind(userId),
    db.prepare(TOMBSTONE).bind(userId, epoch, now),
  ]);
}

const TOMBSTONE = `
  UPDATE user SET state = 'deleted', epoch = ?2, sequence = sequence + 1, change_date = ?3,
    username = NULL, login_name_key = NULL, display_name = '', given_name = '', family_name = '', nick_name = '',
    preferred_language = '', gender = '', email = '', email_verified = 0, phone = '', phone_verified = 0,
    password_hash = NULL, password_changed_at = NULL, otp_sms = 0, otp_email = 0, description = ''
  WHERE id = ?1 AND epoch < ?2`;
