import type { Failures, Method } from '../core/user/attempts.ts';
import type { Standing, UserState } from '../core/user/lifecycle.ts';

/**
 * The tables of a user's cell, described in the README's storage section. A user has a row in `standing` from its first change of state on;
 * until then D1's row says what it is. `unmirrored` marks what D1 has yet to be told, `owed` the epoch that a session cell has. Failures in a row are `total` less
 * `forgiven`: both only grow, so that resets which overlap forgive nothing twice.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS standing (user_id TEXT PRIMARY KEY, state TEXT NOT NULL, epoch INTEGER NOT NULL, unmirrored INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS admission (user_id TEXT NOT NULL, session_cell TEXT NOT NULL, owed INTEGER, PRIMARY KEY (user_id, session_cell)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS failure (user_id TEXT NOT NULL, method TEXT NOT NULL, total INTEGER NOT NULL, forgiven INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY (user_id, method)) WITHOUT ROWID;
`;

/** A session cell that has yet to be told of a stop. */
export interface OwedStop {
  readonly sessionCell: string;
  readonly epoch: number;
}

/** What a user's cell remembers. Every method is synchronous. */
export class UserStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLES);
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
    this.#sql.exec('INSERT INTO admission (user_id, session_cell) VALUES (?, ?) ON CONFLICT DO NOTHING', userId, sessionCell);
  }

  oweStops(userId: string, epoch: number): void {
    this.#sql.exec('UPDATE admission SET owed = ? WHERE user_id = ?', epoch, userId);
  }

  owedStops(userId: string): OwedStop[] {
    const rows = this.#sql.exec<{ session_cell: string; owed: number }>(
      'SELECT session_cell, owed FROM admission WHERE user_id = ? AND owed IS NOT NULL',
      userId,
    );
    return [...rows].map(({ session_cell, owed }) => ({ sessionCell: session_cell, epoch: owed }));
  }

  /** A session cell was told of the stop under this epoch; a newer one is still owed. */
  stopTold(userId: string, { sessionCell, epoch }: OwedStop): void {
    this.#sql.exec('UPDATE admission SET owed = NULL WHERE user_id = ? AND session_cell = ? AND owed = ?', userId, sessionCell, epoch);
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
      `SELECT user_id FROM (SELECT user_id FROM standing WHERE unmirrored = 1 UNION SELECT user_id FROM admission WHERE owed IS NOT NULL)
       ORDER BY random() LIMIT ?`,
      limit,
    );
    return [...rows].map(({ user_id }) => user_id);
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
