import type { Credential } from '../core/web-authn/credential.ts';
import { CREDENTIALS_OF_USER } from './credentials.ts';

const FACTS = `
  SELECT u.kind, u.password_hash, u.password_version, t.seed,
    iif(u.otp_sms AND u.phone_verified, u.phone, NULL) AS otp_sms, iif(u.otp_email AND u.email_verified, u.email, NULL) AS otp_email,
    (SELECT json_group_array(tag) FROM recovery_code WHERE user_id = u.id) AS recovery_codes,
    (${CREDENTIALS_OF_USER}) AS credentials
  FROM user u LEFT JOIN totp t ON t.user_id = u.id AND t.verified = 1
  WHERE u.id = ?1 AND u.state <> 'deleted'`;

interface FactsRow {
  kind: 'human' | 'machine';
  password_hash: string | null;
  password_version: number;
  seed: string | null;
  otp_sms: string | null;
  otp_email: string | null;
  recovery_codes: string;
  credentials: string;
}

/** A user's credentials, as far as a check or a challenge needs them; undefined for a user who is not there. One query. */
export async function findFacts(db: D1Database, userId: string) {
  const row = await db.prepare(FACTS).bind(userId).first<FactsRow>();
  if (row === null) return undefined;
  return {
    kind: row.kind,
    passwordHash: row.password_hash ?? undefined,
    passwordVersion: row.password_version,
    totp: row.seed ?? undefined,
    otpSms: row.otp_sms ?? undefined,
    otpEmail: row.otp_email ?? undefined,
    recoveryCodes: JSON.parse(row.recovery_codes) as string[],
    credentials: JSON.parse(row.credentials) as Credential[],
  };
}
