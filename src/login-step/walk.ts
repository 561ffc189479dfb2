import type { Cells } from '../cells/stubs.ts';
import type { KeyRing } from '../crypto/key-ring.ts';

/** What a walk reaches for: the stores, the peppers, and how long it may go on. */
export interface Walk {
  readonly cells: Cells;
  readonly db: D1Database;
  readonly peppers: KeyRing;
  /** The moment, in milliseconds since 1970, after which the walk waits for nobody. */
  readonly deadline: number;
}
