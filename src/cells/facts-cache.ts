import type { Facts } from './user-protocol.ts';

/** A fact is read again after this long, whatever happened: the backstop for a change whose second `forget` was lost. */
const KEPT_MS = 60_000;
const USERS_KEPT = 2000;
/** A load is shared by those who ask while it is this young; one that hangs holds up nobody else. */
const LOAD_SHARED_MS = 1000;

/**
 * Users' credentials, read through from D1 so that a warm check needs no query. A change of credentials calls `forget` before and after it
 * writes; a load that was under way at either moment comes too late and is not kept.
 */
export class FactsCache {
  readonly #known = new Map<string, { readonly facts: Facts | undefined; readonly until: number }>();
  readonly #loads = new Map<string, { readonly facts: Promise<Facts | undefined>; readonly since: number }>();

  /** What is known: facts, undefined for a user who is not there, or `cold`. */
  get(userId: string, now: number): Facts | undefined | 'cold' {
    const entry = this.#known.get(userId);
    return entry && entry.until > now ? entry.facts : 'cold';
  }

  async load(userId: string, read: () => Promise<Facts | undefined>): Promise<void> {
    const shared = this.#loads.get(userId);
    const load = shared && shared.since > Date.now() - LOAD_SHARED_MS ? shared : { facts: read(), since: Date.now() };
    this.#loads.set(userId, load);
    try {
      const facts = await load.facts;
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
