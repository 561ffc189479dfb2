import type { Facts } from './protocol.ts';

/** A fact is read again after this long, whatever happened: the backstop for a change whose second `forget` was lost. */
const KEPT_MS = 60_000;
const USERS_KEPT = 2000;

/**
 * Users' credentials, read through from D1 so that a warm check needs no query. A change of credentials calls `forget` before and after it
 * writes; a load that was under way at either moment comes too late and is not kept.
 */
export class FactsCache {
  readonly #known = new Map<string, { readonly facts: Facts | undefined; readonly until: number }>();
  readonly #loads = new Map<string, Promise<Facts | undefined>>();

  /** What is known: facts, undefined for a user who is not there, or `cold`. */
  get(userId: string, now: number): Facts | undefined | 'cold' {
    const entry = this.#known.get(userId);
    return entry && entry.until > now ? entry.facts : 'cold';
  }

  async load(userId: string, read: () => Promise<Facts | undefined>): Promise<void> {
    const load = this.#loads.get(userId) ?? read();
    this.#loads.set(userId, load);
    try {
      const facts = await load;
      if (this.#loads.get(userId) === load) this.#keep(userId, facts);
    } finally {
      if (this.#loads.get(userId) === load) this.#loads.delete(userId);
    }
  }

  forget(userId: string): void {
    this.#known.delete(userId);
    this.#loads.delete(userId);
  }

  #keep(userId: string, facts: Facts | undefined): void {
    this.#known.delete(userId);
    this.#known.set(userId, { facts, until: Date.now() + KEPT_MS });
    const [oldest] = this.#known.keys();
    if (this.#known.size > USERS_KEPT && oldest !== undefined) this.#known.delete(oldest);
  }
}
