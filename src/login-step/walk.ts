import type { Cells } from '../cells/stubs.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import type { PasswordHashing } from '../crypto/password-hashing.ts';

/** What a walk reaches for: the stores, the keys, and how long it may go on. */
export interface Walk {
  readonly cells: Cells;
  readonly db: D1Database;
  readonly passwords: PasswordHashing;
  readonly sealKeys: KeyRing;
  readonly idempotencyKeys: KeyRing;
  readonly codes: CodePolicy;
  /** The directory's generation. */
  readonly generation: string;
  /** Live sessions that a user may have; 0 is off. */
  readonly sessionsPerUser: number;
  /** Origins from which WebAuthn is expected, beside those of the RP IDs themselves. */
  readonly webAuthNOrigins: readonly string[];
  /** Goes on with work that nobody waits for, after the answer if need be. */
  readonly later: (work: Promise<void>) => void;
  /** The moment, in milliseconds since 1970, after which the walk waits for nobody. */
  readonly deadline: number;
}

/** How codes are made that are sent to users. */
export interface CodePolicy {
  readonly digits: number;
  readonly lifetimeMs: number;
  /** The link in an e-mail whose caller gives none of its own. */
  readonly urlTemplate: string;
}
