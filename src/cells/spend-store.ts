import { SUCCEEDED_FOR_MS } from '../core/intent/intent.ts';
import { REPEAT_WINDOW_MS } from '../core/session/repeat.ts';
import type { FactorName } from '../core/session/session.ts';
import { SENDS_COUNT_MS } from '../core/user/send-limit.ts';
import type { SignCount } from '../core/web-authn/credential.ts';
import type { Spender } from './user-protocol.ts';

/**
 * What users have used up, described in the README's storage section: wrong guesses at codes, single-use things and counters with the attempt
 * that spent them, and the codes that were sent. A user's things of one kind are one row, so that spending writes one.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS guess (challenge TEXT PRIMARY KEY, user_id TEXT NOT NULL, wrong INTEGER NOT NULL, due INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS spent (user_id TEXT NOT NULL, kind TEXT NOT NULL, things TEXT NOT NULL, PRIMARY KEY (user_id, kind)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS sent (user_id TEXT NOT NULL, address TEXT NOT NULL, sends TEXT NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (user_id, address)) WITHOUT ROWID;
`;

/** A thing that serves once, or a credential with the number of its latest signature. */
interface Thing {
  readonly thing: string;
  readonly count?: number | undefined;
}

interface Spent extends Thing {
  readonly attemptId: string;
  /** The request that has spent it, as long as no other has. */
  readonly requestId?: string | undefined;
  readonly at: number;
}

interface Send extends Spender {
  readonly at: number;
}

const HOUR_MS = 3_600_000;
/** No code lives longer than this. */
const GUESSES_KEPT_MS = 24 * HOUR_MS;
/** How long a thing stays spent: a step of TOTP and an intent are not accepted any more so long after it, a recovery code never. */
const SPENT_FOR_MS: Partial<Record<FactorName, number>> = { totp: HOUR_MS, idpIntent: SUCCEEDED_FOR_MS };

/** Every method is synchronous. */
export class SpendStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(TABLES);
  }

  wrongGuesses(challenge: string): number {
    const [row] = this.#sql.exec<{ wrong: number }>('SELECT wrong FROM guess WHERE challenge = ?', challenge);
    return row?.wrong ?? 0;
  }

  /** @returns when the count may be removed */
  countGuess(challenge: string, userId: string, now: number): number {
    const due = roundUp(now + GUESSES_KEPT_MS);
    this.#sql.exec(
      `INSERT INTO guess (challenge, user_id, wrong, due) VALUES (?, ?, 1, ?) ON CONFLICT (challenge) DO UPDATE SET wrong = wrong + 1`,
      challenge,
      userId,
      due,
    );
    return due;
  }

  /** Whether another attempt has spent a thing. The same attempt may spend it again for a while: its walk may have ended before its commit. */
  isSpent(userId: string, method: FactorName, thing: string, spender: Spender, now: number): boolean {
    return this.#spent(userId, method).some((spent) => spent.thing === thing && !(isOwn(spent, spender) && now < spent.at + REPEAT_WINDOW_MS));
  }

  /**
   * Whether a counter goes on from where it stands (WebAuthn L3 section 7.2 step 22), or is told again by the attempt that told it. Authenticators
   * that do not count say 0 each time.
   */
  advances(userId: string, { tokenId, count, registered }: SignCount, spender: Spender, now: number): boolean {
    const latest = this.#spent(userId, 'webAuthN').find(({ thing }) => thing === tokenId);
    const standing = latest?.count ?? registered;
    if (count > standing || (count === 0 && standing === 0)) return true;
    return latest?.count === count && isOwn(latest, spender) && now < latest.at + REPEAT_WINDOW_MS;
  }

  /** @param stillThere which of the things spent before could be offered again; without it, as many as time allows are remembered */
  spend(
    userId: string,
    method: FactorName,
    { thing, count }: Thing,
    { attemptId, requestId }: Spender,
    now: number,
    stillThere?: readonly string[],
  ): void {
    const oldest = now - (SPENT_FOR_MS[method] ?? Number.POSITIVE_INFINITY);
    const all = this.#spent(userId, method);
    const before = all.filter(
      (spent) => spent.thing !== thing && spent.at > oldest && (stillThere === undefined || stillThere.includes(spent.thing)),
    );
    const alone = all.every((spent) => spent.thing !== thing || spent.count !== count || spent.requestId === requestId);
    this.#sql.exec(
      'INSERT OR REPLACE INTO spent (user_id, kind, things) VALUES (?, ?, ?)',
      userId,
      method,
      JSON.stringify([...before, { thing, count, attemptId, ...(alone && { requestId }), at: now }]),
    );
  }

  sends(userId: string, address: string): readonly Send[] {
    const [row] = this.#sql.exec<{ sends: string }>('SELECT sends FROM sent WHERE user_id = ? AND address = ?', userId, address);
    return row ? (JSON.parse(row.sends) as Send[]) : [];
  }

  /** @returns when the record may be removed */
  countSend(userId: string, address: string, send: Send): number {
    const due = roundUp(send.at + SENDS_COUNT_MS);
    const recent = this.sends(userId, address).filter(({ at }) => at > send.at - SENDS_COUNT_MS);
    this.#sql.exec(
      'INSERT OR REPLACE INTO sent (user_id, address, sends, due) VALUES (?, ?, ?, ?)',
      userId,
      address,
      JSON.stringify([...recent, send]),
      due,
    );
    return due;
  }

  /** Forgets everything about a user: nobody will have this id again. */
  forgetUser(userId: string): void {
    for (const table of ['guess', 'spent', 'sent']) this.#sql.exec(`DELETE FROM ${table} WHERE user_id = ?`, userId);
  }

  /** Removes what is due. @returns when the next thing is */
  sweep(now: number): number | undefined {
    this.#sql.exec('DELETE FROM guess WHERE due <= ?', now);
    this.#sql.exec('DELETE FROM sent WHERE due <= ?', now);
    const { next } = this.#sql
      .exec<{ next: number | null }>('SELECT min(due) AS next FROM (SELECT due FROM guess UNION ALL SELECT due FROM sent)')
      .one();
    return next ?? undefined;
  }

  #spent(userId: string, kind: FactorName): Spent[] {
    const [row] = this.#sql.exec<{ things: string }>('SELECT things FROM spent WHERE user_id = ? AND kind = ?', userId, kind);
    return row ? (JSON.parse(row.things) as Spent[]) : [];
  }
}

/** Whether what is recorded was spent, or sent, by the same attempt or request. */
export const isOwn = (spent: Spender, { attemptId, requestId }: Spender): boolean =>
  spent.attemptId === attemptId || (requestId !== undefined && spent.requestId === requestId);

/** To the hour, so that many share a sweep. */
const roundUp = (at: number): number => Math.ceil(at / HOUR_MS) * HOUR_MS;
