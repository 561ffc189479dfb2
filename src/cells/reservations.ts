import { VERDICT_MAX_AGE_MS } from '../core/session/policy.ts';
import type { FactorName } from '../core/session/session.ts';
import type { Try } from '../core/user/attempts.ts';
import type { Settled } from './user-protocol.ts';

/** An attempt that was let in and is not settled by all who share it. */
export interface InFlight {
  readonly id: string;
  readonly userId: string;
  readonly tries: readonly Try[];
  readonly reservedAt: number;
  readonly shared: string | undefined;
  /** How many have yet to settle it. */
  readonly holders: number;
  /** What the first of them was told. */
  readonly settled?: Settled;
  /** The user's credentials were changed since, so what the attempt finds out says nothing. */
  readonly stale: boolean;
}

/**
 * Attempts in flight, in memory only: a row for each would be on the bill of every login. When the cell is reset they are lost, and what
 * they find out is then thrown away, right or wrong alike. They lapse, as the Worker that holds one may die.
 */
export class Reservations {
  readonly #byId = new Map<string, InFlight>();

  /** Enters an attempt that was let in. */
  add(userId: string, tries: readonly Try[], shared: string | undefined, now: number): InFlight {
    const attempt = { id: crypto.randomUUID(), userId, tries, reservedAt: now, shared, holders: 1, stale: false };
    this.#byId.set(attempt.id, attempt);
    return attempt;
  }

  /** Joins the attempt of a repeat of the same request that is under way, if there is one. */
  join(userId: string, shared: string | undefined, now: number): InFlight | undefined {
    if (shared === undefined) return undefined;
    this.#dropLapsed(now);
    const attempt = [...this.#byId.values()].find((other) => other.shared === shared && other.userId === userId && !other.stale);
    if (attempt) this.#byId.set(attempt.id, { ...attempt, holders: attempt.holders + 1 });
    return attempt;
  }

  /** How many attempts of this user with this factor are in flight. */
  count(userId: string, method: FactorName, now: number): number {
    return this.#inFlight(now).filter((attempt) => attempt.userId === userId && attempt.tries.some((each) => each.method === method)).length;
  }

  /** How many guesses at this code are in flight. */
  countGuesses(challenge: string, now: number): number {
    return this.#inFlight(now).filter(({ tries }) => tries.some((each) => each.challenge === challenge)).length;
  }

  /** Ends an attempt for one who holds it. @returns it, unless it lapsed or was never reserved here */
  take(id: string, now: number): InFlight | undefined {
    this.#dropLapsed(now);
    const attempt = this.#byId.get(id);
    if (attempt === undefined) return undefined;
    if (attempt.holders > 1) this.#byId.set(id, { ...attempt, holders: attempt.holders - 1 });
    else this.#byId.delete(id);
    return attempt;
  }

  /** Has those who still hold an attempt be told the same as the first who settled it. */
  settle(id: string, settled: Settled): void {
    const attempt = this.#byId.get(id);
    if (attempt) this.#byId.set(id, { ...attempt, settled });
  }

  makeStale(userId: string): void {
    for (const [id, attempt] of this.#byId) {
      if (attempt.userId === userId) this.#byId.set(id, { ...attempt, stale: true });
    }
  }

  #inFlight(now: number): InFlight[] {
    this.#dropLapsed(now);
    return [...this.#byId.values()].filter(({ settled }) => settled === undefined);
  }

  /** They lapse in the order in which they were added. */
  #dropLapsed(now: number): void {
    for (const [id, { reservedAt }] of this.#byId) {
      if (reservedAt + VERDICT_MAX_AGE_MS > now) return;
      this.#byId.delete(id);
    }
  }
}
