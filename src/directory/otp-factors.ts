import type { OtpMethod } from '../core/session/session.ts';
import { TELLING_DETAILS, type UserDetails } from './users.ts';

const COLUMNS: Record<OtpMethod, { readonly factor: string; readonly verified: string }> = {
  otpSms: { factor: 'otp_sms', verified: 'phone_verified' },
  otpEmail: { factor: 'otp_email', verified: 'email_verified' },
};

/** Whether codes sent to a user are a factor, and whether the address that they would go to is verified. */
export interface OtpFactor {
  readonly added: boolean;
  readonly verified: boolean;
}

/** Undefined for who is no person, or is not there. */
export async function findOtpFactor(db: D1Database, userId: string, method: OtpMethod): Promise<OtpFactor | undefined> {
  const { factor, verified } = COLUMNS[method];
  const row = await db
    .prepare(`SELECT ${factor} AS added, ${verified} AS verified FROM user WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'`)
    .bind(userId)
    .first<{ added: number; verified: number }>();
  return row === null ? undefined : { added: row.added === 1, verified: row.verified === 1 };
}

/** Makes codes a factor; undefined when they are one already, the address is not verified (any more), or the person is gone. */
export async function addOtpFactor(db: D1Database, userId: string, method: OtpMethod, now: number): Promise<UserDetails | undefined> {
  const { factor, verified } = COLUMNS[method];
  const added = db.prepare(`${set(factor, 1)} AND ${factor} = 0 AND ${verified} = 1 ${TELLING_DETAILS}`).bind(userId, now);
  return (await added.first<UserDetails>()) ?? undefined;
}

/** Makes codes a factor no more; undefined when they were none, or the person is gone. */
export async function removeOtpFactor(db: D1Database, userId: string, method: OtpMethod, now: number): Promise<UserDetails | undefined> {
  const { factor } = COLUMNS[method];
  const removed = db.prepare(`${set(factor, 0)} AND ${factor} = 1 ${TELLING_DETAILS}`).bind(userId, now);
  return (await removed.first<UserDetails>()) ?? undefined;
}

const set = (factor: string, on: 0 | 1): string => `
  UPDATE user SET ${factor} = ${on}, sequence = sequence + 1, change_date = ?2
  WHERE id = ?1 AND kind = 'human' AND state <> 'deleted'`;
