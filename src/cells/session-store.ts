import type { Stop } from '../core/session/admission.ts';
import { GRACE_MS } from '../core/session/policy.ts';
import { type KeptAnswer, REPEAT_WINDOW_MS } from '../core/session/repeat.ts';
import type { Session } from '../core/session/session.ts';
import { addColumn } from './add-column.ts';
import { stillKept } from './kept-answers.ts';
import { rowKeyOf } from './session-id.ts';
import type { TrailEntry } from './trail.ts';

export interface StoredSession {
  readonly session: Session;
  /** The latest events; older ones were spilled. */
  readonly trail: readonly TrailEntry[];
  /** What was answered to requests with an Idempotency-Key; not there where nothing is kept. */
  readonly answers?: readonly KeptAnswer[] | undefined;
  /** When something of it last changed that it can be searched by, milliseconds since 1970. */
  readonly touchedAt?: number | undefined;
}

/** The form of `content`; a later form must still read this one, as deploys are gradual. */
interface Content extends StoredSession {
  readonly v: 1;
}

/** A row keeps at most this many events; beyond it the older half moves to a row of its own, so that a PATCH writes little more than one row. */
const TRAIL_KEPT = 48;
const SWEEP_STEP_MS = 10 * 60_000;
const ANSWERS_STEP_MS = 60_000;
/** A stop, and a change of password, outlives every commit that could still be under way. */
const KEPT_AT_LEAST_MS = 60_000;

/**
 * The tables of a session cell, described in the README's storage section. Small columns come first, so that a sweep reads no further;
 * there is no second index, because every entry in one is a row on the bill.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS session (key INTEGER PRIMARY KEY, due INTEGER NOT NULL, answers_due INTEGER, touched INTEGER, user_id TEXT, id TEXT NOT NULL, content TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS trail (key INTEGER NOT NULL, sequence INTEGER NOT NULL, entries TEXT NOT NULL, PRIMARY KEY (key, sequence)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS stop (user_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, deleted INTEGER NOT NULL, due INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS password (user_id TEXT PRIMARY KEY, version INTEGER NOT NULL, due INTEGER NOT NULL) WITHOUT ROWID;
`;

const roundUp = (at: number, step: number): number => Math.ceil(at / step) * step;

const removalOf = ({ session }: StoredSession): number => roundUp((session.terminatedAt ?? session.expiresAt) + GRACE_MS, SWEEP_STEP_MS);

const answersDueOf = ({ answers }: StoredSession): number | undefined => answers?.[0] && roundUp(answers[0].at + REPEAT_WINDOW_MS, ANSWERS_STEP_MS);

/** What a session cell remembers. Every method is synchronous. */
export class SessionStore {
  readonly #storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync'>;
  readonly #sql: SqlStorage;
  /** Nothing is due before it, as far as is known; a cell that has just woken looks. To look costs a read of every session. */
  #nothingDueBefore = Number.NEGATIVE_INFINITY;

  constructor(storage: Pick<DurableObjectStorage, 'sql' | 'transactionSync'>) {
    const { sql } = storage;
    this.#storage = storage;
    this.#sql = sql;
    sql.exec(TABLES);
    addColumn(sql, 'session', 'answers_due INTEGER');
    addColumn(sql, 'session', 'touched INTEGER');
  }

  find(id: string): StoredSession | undefined {
    const [row] = this.#sql.exec<{ id: string; content: string }>('SELECT id, content FROM session WHERE key = ?', rowKeyOf(id));
    return row?.id === id ? (JSON.parse(row.content) as Content) : undefined;
  }

  /** All that has happened to a session, the oldest first: what was spilled, then what its row holds. */
  trailOf(id: string): readonly TrailEntry[] {
    const spilled = this.#sql.exec<{ entries: string }>('SELECT entries FROM trail WHERE key = ? ORDER BY sequence', rowKeyOf(id));
    const older = [...spilled].flatMap(({ entries }) => JSON.parse(entries) as TrailEntry[]);
    return [...older, ...(this.find(id)?.trail ?? [])];
  }

  /** Has all of a user's sessions go when the grace time is over, however long they would have lived. */
  hasten(userId: string, now: number): void {
    this.#noteDue(now + GRACE_MS);
    this.#sql.exec('UPDATE session SET due = min(due, ?) WHERE user_id = ?', now + GRACE_MS, userId);
  }

  /** @returns false when the row's key is taken by another session: 52 of 128 random bits have met */
  insert(stored: StoredSession): boolean {
    this.#noteDue(this.dueOf(stored));
    const { rowsWritten } = this.#sql.exec(
      'INSERT INTO session (key, due, answers_due, touched, user_id, id, content) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      ...this.#row(stored),
    );
    return rowsWritten > 0;
  }

  update(stored: StoredSession): void {
    const { session, trail } = stored;
    this.#noteDue(this.dueOf(stored));
    const kept = trail.length > TRAIL_KEPT ? this.#spill(session, trail) : trail;
    const [key, ...columns] = this.#row({ ...stored, trail: kept });
    this.#sql.exec('UPDATE session SET due = ?, answers_due = ?, touched = ?, user_id = ?, id = ?, content = ? WHERE key = ?', ...columns, key);
  }

  /** When a sweep next has to look at the row. Rounded up, so that many sessions share a sweep. */
  dueOf(stored: StoredSession): number {
    return Math.min(removalOf(stored), answersDueOf(stored) ?? Number.POSITIVE_INFINITY);
  }

  stopOf(userId: string): Stop | undefined {
    const [row] = this.#sql.exec<{ epoch: number; deleted: number }>('SELECT epoch, deleted FROM stop WHERE user_id = ?', userId);
    return row && { epoch: row.epoch, deleted: row.deleted === 1 };
  }

  /**
   * Records a stop for as long as any session that it stops is kept. Stopped sessions do not change, so their last due time is known now.
   * @returns when the record may be removed
   */
  stop(userId: string, epoch: number, deleted: boolean, now: number): number {
    const { last } = this.#sql.exec<{ last: number | null }>('SELECT max(due) AS last FROM session WHERE user_id = ?', userId).one();
    const due = Math.max(last ?? 0, now + KEPT_AT_LEAST_MS);
    this.#noteDue(due);
    this.#sql.exec(
      `INSERT INTO stop (user_id, epoch, deleted, due) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT (user_id) DO UPDATE SET epoch = ?2, deleted = ?3, due = max(due, ?4) WHERE epoch < ?2`,
      userId,
      epoch,
      deleted ? 1 : 0,
      due,
    );
    return due;
  }

  sessionsOf(userId: string): StoredSession[] {
    return this.#sessions('user_id = ?', userId);
  }

  passwordVersionOf(userId: string): number {
    const [row] = this.#sql.exec<{ version: number }>('SELECT version FROM password WHERE user_id = ?', userId);
    return row?.version ?? 0;
  }

  /** Remembers a change of password for as long as a verdict on an older one may be under way. @returns when the record may be removed */
  setPasswordVersion(userId: string, version: number, now: number): number {
    const due = now + KEPT_AT_LEAST_MS;
    this.#noteDue(due);
    this.#sql.exec(
      `INSERT INTO password (user_id, version, due) VALUES (?1, ?2, ?3)
       ON CONFLICT (user_id) DO UPDATE SET version = max(version, ?2), due = max(due, ?3)`,
      userId,
      version,
      due,
    );
    return due;
  }

  /** Sessions that were touched at a moment or later. */
  touchedSince(at: number): string[] {
    return [...this.#sql.exec<{ id: string }>('SELECT id FROM session WHERE ifnull(touched, 0) >= ?', at)].map(({ id }) => id);
  }

  /** Sessions whose time is over. */
  removable(now: number, most: number): string[] {
    if (now < this.#nothingDueBefore) return [];
    return [...this.#sql.exec<{ id: string }>('SELECT id FROM session WHERE due <= ? LIMIT ?', now, most)].map(({ id }) => id);
  }

  /** Removes those of these sessions whose time is over. */
  remove(ids: readonly string[], now: number): void {
    const gone = 'key IN (SELECT key FROM session WHERE due <= ?1 AND id IN (SELECT value FROM json_each(?2)))';
    for (const table of ['trail', 'session']) this.#sql.exec(`DELETE FROM ${table} WHERE ${gone}`, now, JSON.stringify(ids));
  }

  /** Removes what is due beside sessions. @returns when the next thing is, sessions included */
  sweep(now: number): number | undefined {
    // Raised only once the sweep is whole: it is no part of what a transaction takes back.
    if (now >= this.#nothingDueBefore) this.#nothingDueBefore = this.#storage.transactionSync(() => this.#sweepAll(now)) ?? Number.POSITIVE_INFINITY;
    return Number.isFinite(this.#nothingDueBefore) ? this.#nothingDueBefore : undefined;
  }

  #noteDue(due: number): void {
    this.#nothingDueBefore = Math.min(this.#nothingDueBefore, due);
  }

  #sweepAll(now: number): number | undefined {
    for (const stored of this.#sessions('answers_due <= ?', now)) this.#dropAnswers(stored, now);
    this.#sql.exec('DELETE FROM stop WHERE due <= ?', now);
    this.#sql.exec('DELETE FROM password WHERE due <= ?', now);
    const { next } = this.#sql
      .exec<{ next: number | null }>(
        `SELECT min(due) AS next FROM (
           SELECT min(due, ifnull(answers_due, due)) AS due FROM session UNION ALL SELECT due FROM stop UNION ALL SELECT due FROM password)`,
      )
      .one();
    return next ?? undefined;
  }

  #sessions(condition: string, value: string | number): StoredSession[] {
    const rows = this.#sql.exec<{ content: string }>(`SELECT content FROM session WHERE ${condition}`, value);
    return [...rows].map(({ content }) => JSON.parse(content) as Content);
  }

  /** `due` stays: it may have been hastened. */
  #dropAnswers(stored: StoredSession, now: number): void {
    const [key, , answersDue, , , , content] = this.#row({ ...stored, answers: stillKept(stored.answers, now) });
    this.#sql.exec('UPDATE session SET answers_due = ?, content = ? WHERE key = ?', answersDue, content, key);
  }

  #row(stored: StoredSession): [number, number, number | null, number | null, string | null, string, string] {
    const { session, touchedAt = null } = stored;
    const content: Content = { ...stored, v: 1 };
    const [due, answersDue] = [removalOf(stored), answersDueOf(stored) ?? null];
    return [rowKeyOf(session.id), due, answersDue, touchedAt, session.user?.id ?? null, session.id, JSON.stringify(content)];
  }

  #spill(session: Session, trail: readonly TrailEntry[]): readonly TrailEntry[] {
    const [older, kept] = [trail.slice(0, -TRAIL_KEPT / 2), trail.slice(-TRAIL_KEPT / 2)];
    this.#sql.exec('INSERT INTO trail (key, sequence, entries) VALUES (?, ?, ?)', rowKeyOf(session.id), older[0]?.[0] ?? 0, JSON.stringify(older));
    return kept;
  }
}
