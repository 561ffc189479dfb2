/** How long sessions live; milliseconds. */
export interface LifetimePolicy {
  /** For a session whose creator asks for no lifetime. */
  readonly defaultLifetimeMs: number;
  /** Longer requests are clamped to this. */
  readonly maxLifetimeMs: number;
  /** Time without a successful PATCH after which a session expires; 0 is off. */
  readonly idleTimeoutMs: number;
}

/** An expired or ended session stays readable (or repeatable, for DELETE) this long, then it is removed from live storage. */
export const GRACE_MS = 24 * 60 * 60 * 1000;

/** A verdict older than this is not committed: a reservation lapses, and a stop that the verdict overtook must still be known. */
export const VERDICT_MAX_AGE_MS = 15_000;

/** Metadata of one session after a merge. */
export const METADATA_MAX_KEYS = 64;
export const METADATA_MAX_BYTES = 16 * 1024;
