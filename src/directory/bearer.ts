import type { Membership } from '../core/permission.ts';
import { membershipOf, ROLES_OF } from './members.ts';

/** What decides on a session's token as a bearer, beside the session itself. */
export interface BearerStanding {
  readonly membership: Membership;
  /** Whether the user could prove a second factor: a verified TOTP, a security key, or codes to a verified address. */
  readonly secondFactor: boolean;
}

const SECOND_FACTOR = `
  SELECT 1 FROM user u WHERE u.id = ?1 AND ((u.otp_sms AND u.phone_verified) OR (u.otp_email AND u.email_verified)
    OR EXISTS (SELECT 1 FROM totp WHERE user_id = u.id AND verified = 1)
    OR EXISTS (SELECT 1 FROM credential WHERE user_id = u.id AND kind = 'u2f'))`;

/** One round trip. */
export async function findBearerStanding(db: D1Database, userId: string): Promise<BearerStanding> {
  const [roles, ready] = await db.batch([db.prepare(ROLES_OF).bind(userId), db.prepare(SECOND_FACTOR).bind(userId)]);
  return {
    membership: membershipOf((roles?.results ?? []) as { scope: string; roles: string }[]),
    secondFactor: (ready?.results.length ?? 0) > 0,
  };
}
