import type { SignCount } from '../core/web-authn/credential.ts';
import type { UserEvent } from './user-protocol.ts';

const TABLE = `
  CREATE TABLE IF NOT EXISTS trail (
    number INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL, at INTEGER NOT NULL, type TEXT NOT NULL, token_id TEXT NOT NULL)`;

/** Of each user the latest are kept. */
const KEPT = 100;

const TYPES = { passkey: 'user.human.passwordless.token.check.failed', u2f: 'user.human.mfa.u2f.token.check.failed' } as const;

/** What happened to users beside any session, for those who look after them. Every method is synchronous. */
export class UserTrail {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLE);
  }

  /** Notes that a credential's counter stood still. */
  note(userId: string, { tokenId, kind }: SignCount, now: number): void {
    this.#sql.exec('INSERT INTO trail (user_id, at, type, token_id) VALUES (?, ?, ?, ?)', userId, now, TYPES[kind], tokenId);
    this.#sql.exec(
      'DELETE FROM trail WHERE user_id = ?1 AND number NOT IN (SELECT number FROM trail WHERE user_id = ?1 ORDER BY number DESC LIMIT ?2)',
      userId,
      KEPT,
    );
  }

  /** The oldest first. */
  of(userId: string): UserEvent[] {
    const rows = this.#sql.exec<{ type: UserEvent['type']; at: number; token_id: string }>(
      'SELECT type, at, token_id FROM trail WHERE user_id = ? ORDER BY number',
      userId,
    );
    return [...rows].map(({ type, at, token_id }) => ({ type, at, tokenId: token_id }));
  }

  forgetUser(userId: string): void {
    this.#sql.exec('DELETE FROM trail WHERE user_id = ?', userId);
  }
}
