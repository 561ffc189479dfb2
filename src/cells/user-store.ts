import type { Failures, Method } from '../core/user/attempts.ts';
import type { Standing, UserState } from '../core/user/lifecycle.ts';
import { addColumn } from './add-column.ts';
import type { EndedBy, PasswordChanged } from './session-protocol.ts';

/**
 * The tables of a user's cell, described in the README's storage section. A user has a row in `standing` from its first change of state on;
 * until then D1's row says what it is. `unmirrored` marks what D1 has yet to be told, `owed` the epoch that a session cell has, `told_password` the version of the
 * password that it knows of; a `password_change` stays until every one knows. Failures in a row are `total` less `forgiven`: both only grow, so that resets which
 * overlap forgive nothing twice.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS standing (user_id TEXT PRIMARY KEY, state TEXT NOT NULL, epoch INTEGER NOT NULL, unmirrored INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS admission (user_id TEXT NOT NULL, session_cell TEXT NOT NULL, owed INTEGER, told_password INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (user_id, session_cell)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS password_change (user_id TEXT PRIMARY KEY, version INTEGER NOT NULL, begun_at INTEGER NOT NULL, change TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS failure (user_id TEXT NOT NULL, method TEXT NOT NULL, total INTEGER NOT NULL, forgiven INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (user_id, method)) WITHOUT ROWID;
`;

/** A session cell that has yet to be told of a stop. */
export interface OwedStop {
  readonly sessionCell: string;
  readonly epoch: number;
  readonly ends: EndedBy | undefined;
}

/** A change of password that not every session cell knows of, and when it was begun. */
export interface PendingPasswordChange extends PasswordChanged {
  readonly begunAt: number;
}

/** What a user's cell remembers. Every method is synchronous. */
export class UserStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLES);
    addColumn(sql, 'admission', 'told_password INTEGER NOT NULL DEFAULT 0');
    addColumn(sql, 'admission', 'owed_end TEXT');
  }

  standingOf(userId: string): Standing | undefined {
    const [row] = this.#sql.exec<{ state: UserState; epoch: number }>('SELECT state, epoch FROM standing WHERE user_id = ?', userId);
    return row && { state: row.state, epoch: row.epoch };
  }

  setStanding(userId: string, { state, epoch }: Standing): void {
    this.#sql.exec(
      `INSERT INTO standing (user_id, state, epoch, unmirrored) VALUES (?1, ?2, ?3, 1)
       ON CONFLICT (user_id) DO UPDATE SET state = ?2, epoch = ?3, unmirrored = 1`,
      userId,
      state,
      epoch,
    );
  }

  /** Remembers that sessions of the user may live in a cell. Written once for each of the two. */
  admit(userId: string, sessionCell: string): void {
    // Looked at first: an insert that does nothing is still waited for, as any write is.
    const [known] = this.#sql.exec('SELECT 1 FROM admission WHERE user_id = ? AND session_cell = ?', userId, sessionCell);
    if (known === undefined) this.#sql.exec('INSERT INTO admission (user_id, session_cell) VALUES (?, ?)', userId, sessionCell);
  }

  /** @param ends where the sessions are to end, and not only to stop */
  oweStops(userId: string, epoch: number, ends?: EndedBy): void {
    const end = ends === undefined ? null : JSON.stringify(ends);
    this.#sql.exec('UPDATE admission SET owed = ?, owed_end = coalesce(?, owed_end) WHERE user_id = ?', epoch, end, userId);
  }

  owedStops(userId: string): OwedStop[] {
    const rows = this.#sql.exec<{ session_cell: string; owed: number; owed_end: string | null }>(
      'SELECT session_cell, owed, owed_end FROM admission WHERE user_id = ? AND owed IS NOT NULL',
      userId,
    );
    return [...rows].map(({ session_cell, owed, owed_end }) => ({
      sessionCell: session_cell,
      epoch: owed,
      ends: owed_end === null ? undefined : (JSON.parse(owed_end) as EndedBy),
    }));
  }

  /** A session cell was told of the stop under this epoch; a newer one is still owed. */
  stopTold(userId: string, { sessionCell, epoch }: OwedStop): void {
    this.#sql.exec(
      'UPDATE admission SET owed = NULL, owed_end = NULL WHERE user_id = ? AND session_cell = ? AND owed = ?',
      userId,
      sessionCell,
      epoch,
    );
  }

  unmirrored(userId: string): Standing | undefined {
    const [row] = this.#sql.exec<{ state: UserState; epoch: number }>(
      'SELECT state, epoch FROM standing WHERE user_id = ? AND unmirrored = 1',
      userId,
    );
    return row && { state: row.state, epoch: row.epoch };
  }

  /** D1 was told of the standing of this epoch; a newer one is still to be told. */
  mirrored(userId: string, epoch: number): void {
    this.#sql.exec('UPDATE standing SET unmirrored = 0 WHERE user_id = ? AND epoch = ?', userId, epoch);
  }

  /** Users of whom somebody has yet to be told, at random: those who cannot be told must not stand in the way of the others. */
  unfinished(limit: number): string[] {
    const rows = this.#sql.exec<{ user_id: string }>(
      `SELECT user_id FROM (
         SELECT user_id FROM standing WHERE unmirrored = 1
         UNION SELECT user_id FROM admission WHERE owed IS NOT NULL
         UNION SELECT user_id FROM password_change)
       ORDER BY random() LIMIT ?`,
      limit,
    );
    return [...rows].map(({ user_id }) => user_id);
  }

  /** A change of password is about to be written. One that was not passed on yet goes on within it. */
  beginPasswordChange(change: PasswordChanged, now: number): void {
    const endSessions = change.endSessions || (this.passwordChange(change.userId)?.endSessions ?? false);
    this.#sql.exec(
      'INSERT OR REPLACE INTO password_change (user_id, version, begun_at, change) VALUES (?, ?, ?, ?)',
      change.userId,
      change.version,
      now,
      JSON.stringify({ ...change, endSessions }),
    );
  }

  passwordChange(userId: string): PendingPasswordChange | undefined {
    const [row] = this.#sql.exec<{ begun_at: number; change: string }>('SELECT begun_at, change FROM password_change WHERE user_id = ?', userId);
    return row && { ...(JSON.parse(row.change) as PasswordChanged), begunAt: row.begun_at };
  }

  /** Session cells that do not know of this version of a user's password yet. */
  cellsToTell({ userId, version }: PasswordChanged): string[] {
    const rows = this.#sql.exec<{ session_cell: string }>(
      'SELECT session_cell FROM admission WHERE user_id = ? AND told_password < ?',
      userId,
      version,
    );
    return [...rows].map(({ session_cell }) => session_cell);
  }

  passwordTold({ userId, version }: PasswordChanged, sessionCell: string): void {
    this.#sql.exec('UPDATE admission SET told_password = max(told_password, ?) WHERE user_id = ? AND session_cell = ?', version, userId, sessionCell);
  }

  /** Everybody knows of the change, or it was never written; a newer one goes on. */
  endPasswordChange({ userId, version, begunAt }: PendingPasswordChange): void {
    this.#sql.exec('DELETE FROM password_change WHERE user_id = ? AND version = ? AND begun_at = ?', userId, version, begunAt);
  }

  failuresOf(userId: string, method: Method): (Failures & { readonly total: number }) | undefined {
    const [row] = this.#sql.exec<{ total: number; forgiven: number; last_at: number }>(
      'SELECT total, forgiven, last_at FROM failure WHERE user_id = ? AND method = ?',
      userId,
      method,
    );
    return row && { count: row.total - row.forgiven, lastAt: row.last_at, total: row.total };
  }

  /** Counts one more failure, after which so many in a row stand. */
  countFailure(userId: string, method: Method, { count, lastAt }: Failures): void {
    this.#sql.exec(
      `INSERT INTO failure (user_id, method, total, forgiven, last_at) VALUES (?1, ?2, ?3, 0, ?4)
       ON CONFLICT (user_id, method) DO UPDATE SET total = total + 1, forgiven = total + 1 - ?3, last_at = ?4`,
      userId,
      method,
      count,
      lastAt,
    );
  }

  forgive(userId: string, method: Method, upTo: number): void {
    this.#sql.exec('UPDATE failure SET forgiven = max(forgiven, min(total, ?)) WHERE user_id = ? AND method = ?', upTo, userId, method);
  }

  clearFailures(userId: string): void {
    this.#sql.exec('UPDATE failure SET forgiven = total WHERE user_id = ?', userId);
  }
}
