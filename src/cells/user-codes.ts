import { GUESSES_MOST } from '../core/user/attempts.ts';
import { type CodePurpose, type Guess, opensSignIn } from '../core/user/codes.ts';
import { sameDigest } from '../crypto/digest.ts';
import type { AlarmClock } from './alarm-clock.ts';
import { Dispatch, type PostBindings } from './dispatch.ts';
import type { Waiting } from './outbox.ts';
import type { SpendStore } from './spend-store.ts';
import type { GuessCode, IssueCode } from './user-protocol.ts';

const TABLE = `
  CREATE TABLE IF NOT EXISTS code (
    user_id TEXT NOT NULL, purpose TEXT NOT NULL, id TEXT NOT NULL, tag TEXT NOT NULL, basis TEXT NOT NULL, due INTEGER NOT NULL,
    PRIMARY KEY (user_id, purpose)) WITHOUT ROWID`;

/** An expired code is told apart from none for so long. */
const REMEMBERED_MS = 3_600_000;

interface CodeRow extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly tag: string;
  readonly basis: string;
  readonly due: number;
}

/**
 * The codes that belong to users and to no session: that verify an address, or let a password be set anew or a passkey be registered. One of a purpose is open at a time,
 * and five wrong guesses void it. Every method is synchronous.
 */
export class UserCodes {
  readonly #sql: SqlStorage;
  readonly #spends: SpendStore;
  readonly #alarm: AlarmClock;
  readonly #dispatch: Dispatch;

  constructor(storage: DurableObjectStorage, alarm: AlarmClock, spends: SpendStore, env: () => PostBindings, isStopped: (userId: string) => boolean) {
    this.#sql = storage.sql;
    this.#sql.exec(TABLE);
    this.#spends = spends;
    this.#alarm = alarm;
    const isOpen = ({ id, owner, kind, expiresAt }: Waiting, now: number) =>
      now < expiresAt &&
      !(opensSignIn(kind as CodePurpose) && isStopped(owner)) &&
      this.#find(owner, kind as CodePurpose)?.id === id &&
      !this.#isVoid(id);
    this.#dispatch = new Dispatch(storage, alarm, env, { isOpen, note: () => undefined });
  }

  isPending(userId: string, purpose: CodePurpose, now: number): boolean {
    const code = this.#find(userId, purpose);
    return code !== undefined && now < expiryOf(code);
  }

  /** Opens a code in the place of the one before, and sends it where it is to be sent; to be called outside a transaction. */
  issue(storage: DurableObjectStorage, { userId, purpose, id, tag, basis, lifetimeMs, message }: IssueCode, now: number): void {
    const expiresAt = now + lifetimeMs;
    const attempts = storage.transactionSync(() => {
      this.#sql.exec(
        'INSERT OR REPLACE INTO code (user_id, purpose, id, tag, basis, due) VALUES (?, ?, ?, ?, ?, ?)',
        ...[userId, purpose, id, tag, basis, expiresAt + REMEMBERED_MS],
      );
      return message ? [this.#dispatch.put({ ...message, id, owner: userId, kind: purpose, expiresAt }, now)] : [];
    });
    this.#alarm.ringBy(expiresAt + REMEMBERED_MS);
    this.#dispatch.start(attempts);
  }

  guess({ userId, purpose, id, tags }: GuessCode, now: number): Guess {
    const code = this.#find(userId, purpose);
    if (code === undefined || (id !== undefined && id !== code.id) || this.#isVoid(code.id)) return { kind: 'none' };
    if (expiryOf(code) <= now) return { kind: 'expired' };
    if (tags.some((tag) => sameDigest(tag, code.tag))) return { kind: 'right', id: code.id, basis: code.basis };
    this.#alarm.ringBy(this.#spends.countGuess(code.id, userId, now));
    return { kind: 'wrong' };
  }

  /** A code that was used is gone; a newer one stays. @returns false when it was gone before */
  end(userId: string, purpose: CodePurpose, id: string): boolean {
    return this.#sql.exec('DELETE FROM code WHERE user_id = ? AND purpose = ? AND id = ?', userId, purpose, id).rowsWritten > 0;
  }

  /** Forgets the codes of a user who is deleted, and sends none of them any more. */
  forgetUser(userId: string): void {
    this.#sql.exec('DELETE FROM code WHERE user_id = ?', userId);
    this.#dispatch.drop(userId);
  }

  /** Sends and removes what is due. @returns when something is due again */
  resume(now: number): number | undefined {
    this.#sql.exec('DELETE FROM code WHERE due <= ?', now);
    this.#dispatch.resume(now);
    return this.next();
  }

  /** When something is due again. */
  next(): number | undefined {
    const { due } = this.#sql.exec<{ due: number | null }>('SELECT min(due) AS due FROM code').one();
    const sending = this.#dispatch.next();
    return due === null ? sending : Math.min(due, sending ?? due);
  }

  #find(userId: string, purpose: CodePurpose): CodeRow | undefined {
    const [row] = this.#sql.exec<CodeRow>('SELECT id, tag, basis, due FROM code WHERE user_id = ? AND purpose = ?', userId, purpose);
    return row;
  }

  #isVoid(id: string): boolean {
    return this.#spends.wrongGuesses(id) >= GUESSES_MOST;
  }
}

const expiryOf = ({ due }: CodeRow): number => due - REMEMBERED_MS;
