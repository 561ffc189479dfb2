const KEPT = 1000;

/** How long a verdict on a token, or on roles, is taken from memory: who loses them is served so much longer at most (contract section 4). */
export const VERDICT_MS = 30_000;

/** What this isolate found out a moment ago, the latest thousand of it. */
export class ShortMemory<T> {
  readonly #known = new Map<string, { readonly value: T; readonly until: number }>();

  get(key: string, now: number): T | undefined {
    const entry = this.#known.get(key);
    return entry && entry.until > now ? entry.value : undefined;
  }

  keep(key: string, value: T, until: number): T {
    this.#known.delete(key);
    this.#known.set(key, { value, until });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT && oldest !== undefined) this.#known.delete(oldest);
    return value;
  }
}
