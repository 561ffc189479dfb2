import { VERDICT_MAX_AGE_MS } from '../core/session/policy.ts';
import type { Method } from '../core/user/attempts.ts';

/** An attempt that was let in and is not settled. */
export interface InFlight {
  readonly userId: string;
  readonly methods: readonly Method[];
  readonly lapsesAt: number;
  /** The user's credentials were changed since, so what the attempt finds out says nothing. */
  readonly stale: boolean;
}

/**
 * Attempts in flight, in memory only: a row for each would be on the bill of every login. When the cell is reset they are lost, and what
 * they find out is then thrown away, right or wrong alike. They lapse, as the Worker that holds one may die.
 */
export class Reservations {
  readonly #byId = new Map<string, InFlight>();

  add(userId: string, methods: readonly Method[], now: number): string {
    const id = crypto.randomUUID();
    this.#byId.set(id, { userId, methods, lapsesAt: now + VERDICT_MAX_AGE_MS, stale: false });
    return id;
  }

  /** How many attempts of this user with this method are in flight. */
  count(userId: string, method: Method, now: number): number {
    this.#dropLapsed(now);
    return [...this.#byId.values()].filter((attempt) => attempt.userId === userId && attempt.methods.includes(method)).length;
  }

  /** Ends an attempt. @returns it, unless it lapsed or was never reserved here */
  take(id: string, now: number): InFlight | undefined {
    this.#dropLapsed(now);
    const attempt = this.#byId.get(id);
    this.#byId.delete(id);
    return attempt;
  }

  makeStale(userId: string): void {
    for (const [id, attempt] of this.#byId) {
      if (attempt.userId === userId) this.#byId.set(id, { ...attempt, stale: true });
    }
  }

  /** They lapse in the order in which they were added. */
  #dropLapsed(now: number): void {
    for (const [id, { lapsesAt }] of this.#byId) {
      if (lapsesAt > now) return;
      this.#byId.delete(id);
    }
  }
}
