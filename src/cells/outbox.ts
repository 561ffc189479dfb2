import type { Message } from '../notify/message.ts';

/** A message that waits to be sent. Its code stays sealed until then. */
export interface Waiting extends Omit<Message, 'code' | 'url'> {
  /** The session or the user whose code it is. */
  readonly owner: string;
  /** The code, sealed for its owner. */
  readonly box: string;
  /** The page that it leads to; an SMS is bound to its host. */
  readonly urlTemplate: string;
}

/** One more try of a message; the first is number 1. */
export interface Attempt {
  readonly waiting: Waiting;
  readonly tries: number;
}

/** A try that has not ended so long after its deadline went down with its cell. */
const LEASE_MARGIN_MS = 2000;

const TABLE =
  'CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, owner TEXT NOT NULL, due INTEGER NOT NULL, tries INTEGER NOT NULL, message TEXT NOT NULL) WITHOUT ROWID';

/**
 * Messages that a cell has yet to send. Each try is written down before it is made, together with the time from which another may be: so
 * that one which goes down with its cell is made again, and no two run side by side. Every method is synchronous.
 */
export class Outbox {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLE);
  }

  /** Writes down a message with its first try, which its caller makes as soon as this is committed. */
  put(waiting: Waiting, now: number, deadlineMs: number): Attempt {
    this.#sql.exec(
      'INSERT OR REPLACE INTO outbox (id, owner, due, tries, message) VALUES (?, ?, ?, 1, ?)',
      waiting.id,
      waiting.owner,
      now + deadlineMs + LEASE_MARGIN_MS,
      JSON.stringify(waiting),
    );
    return { waiting, tries: 1 };
  }

  /** Writes down one more try of everything that is due. */
  claim(now: number, deadlineMs: number): Attempt[] {
    const rows = this.#sql.exec<{ message: string; tries: number }>(
      'UPDATE outbox SET due = ?, tries = tries + 1 WHERE due <= ? RETURNING message, tries',
      now + deadlineMs + LEASE_MARGIN_MS,
      now,
    );
    return [...rows].map(({ message, tries }) => ({ waiting: JSON.parse(message) as Waiting, tries }));
  }

  defer({ id }: Waiting, due: number): void {
    this.#sql.exec('UPDATE outbox SET due = ? WHERE id = ?', due, id);
  }

  remove({ id }: Waiting): void {
    this.#sql.exec('DELETE FROM outbox WHERE id = ?', id);
  }

  /** Whose messages are not to be sent any more. */
  removeOf(owner: string): void {
    this.#sql.exec('DELETE FROM outbox WHERE owner = ?', owner);
  }

  /** When something is next due. */
  next(): number | undefined {
    return this.#sql.exec<{ due: number | null }>('SELECT min(due) AS due FROM outbox').one().due ?? undefined;
  }
}
