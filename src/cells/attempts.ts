import type { FactorName } from '../core/session/session.ts';
import {
  type AttemptPolicy,
  failedAgain,
  isGuessed,
  type Method,
  NO_FAILURES,
  type Permit,
  permit,
  permitGuess,
  type Try,
} from '../core/user/attempts.ts';
import type { AlarmClock } from './alarm-clock.ts';
import { type InFlight, Reservations } from './reservations.ts';
import type { SpendStore } from './spend-store.ts';
import type { Facts, PastFailures, Reservation, Reserve, Settle, Settled, Spender, Verdict } from './user-protocol.ts';
import type { UserStore } from './user-store.ts';
import type { UserTrail } from './user-trail.ts';

/** What is known of a user who is not there. */
export const NOBODY: Facts = {
  kind: 'machine',
  passwordHash: undefined,
  passwordVersion: 0,
  totp: undefined,
  otpSms: undefined,
  otpEmail: undefined,
  recoveryCodes: [],
  credentials: [],
};

/** The attempts of a cell's users: each is reserved, then settled; what failed is counted, and what serves once is spent. Every method is synchronous. */
export class Attempts {
  readonly #storage: DurableObjectStorage;
  readonly #store: UserStore;
  readonly #spends: SpendStore;
  readonly #trail: UserTrail;
  readonly #alarm: AlarmClock;
  readonly #policy: () => AttemptPolicy;
  readonly #reservations = new Reservations();

  constructor(
    storage: DurableObjectStorage,
    { store, spends, trail }: { readonly store: UserStore; readonly spends: SpendStore; readonly trail: UserTrail },
    alarm: AlarmClock,
    policy: () => AttemptPolicy,
  ) {
    this.#storage = storage;
    this.#store = store;
    this.#spends = spends;
    this.#trail = trail;
    this.#alarm = alarm;
    this.#policy = policy;
  }

  reserve({ userId, tries, shared }: Reserve, facts: Facts | undefined, now: number): Reservation {
    const joined = this.#reservations.join(userId, shared, now);
    if (joined) return reserved(joined, facts);
    for (const each of tries) {
      const answer = this.#permit(userId, each, now);
      if (answer.kind !== 'go') return answer;
    }
    return reserved(this.#reservations.add(userId, tries, shared, now), facts);
  }

  /** `facts` are those that the next attempt is to be made with, as far as they are known. */
  settle({ reservationId, userId, verdicts, ...spender }: Settle, facts: Facts | undefined, now: number): Settled {
    const attempt = this.#reservations.take(reservationId, now);
    if (attempt?.stale) return { kind: 'stale' };
    if (attempt?.settled) return attempt.settled;
    const counted = this.#storage.transactionSync(() => {
      const outcome = this.#count(userId, verdicts, now);
      const usedBefore = attempt && verdicts.every(({ passed }) => passed) ? this.#spend(userId, spender, verdicts, facts, now) : undefined;
      return { ...outcome, usedBefore };
    });
    if (counted.due !== undefined) this.#alarm.ringBy(counted.due);
    if (attempt === undefined) return { kind: 'lost' };
    const { failures, resettable, usedBefore } = counted;
    const settled: Settled = { kind: 'settled', failures, resettable: usedBefore ? [] : resettable, usedBefore };
    this.#reservations.settle(reservationId, settled);
    return settled;
  }

  /** Has what is in flight be tried again: the user's credentials are being changed. */
  makeStale(userId: string): void {
    this.#reservations.makeStale(userId);
  }

  #permit(userId: string, { method, challenge }: Try, now: number): Permit {
    if (!isGuessed(method)) return { kind: 'go' };
    if (challenge !== undefined) {
      const guess = permitGuess(this.#spends.wrongGuesses(challenge), this.#reservations.countGuesses(challenge, now));
      if (guess.kind !== 'go') return guess;
    }
    const failures = this.#store.failuresOf(userId, method) ?? NO_FAILURES;
    return permit(method, failures, this.#reservations.count(userId, method, now), this.#policy(), now);
  }

  /** Counts what failed. */
  #count(userId: string, verdicts: readonly Verdict[], now: number) {
    const failures: Partial<Record<Method, number>> = {};
    const resettable: PastFailures[] = [];
    let due: number | undefined;
    for (const { method, passed, challenge } of verdicts) {
      if (!isGuessed(method)) continue;
      const before = this.#store.failuresOf(userId, method);
      if (passed && before && before.count > 0) resettable.push({ method, upTo: before.total });
      if (passed) continue;
      const after = failedAgain(before ?? NO_FAILURES, this.#policy(), now);
      this.#store.countFailure(userId, method, after);
      failures[method] = after.count;
      if (challenge !== undefined) due = this.#spends.countGuess(challenge, userId, now);
    }
    return { failures, resettable, due };
  }

  /** Spends everything that the verdicts spend, or nothing. @returns the method of what another attempt has used before */
  #spend(userId: string, spender: Spender, verdicts: readonly Verdict[], facts: Facts | undefined, now: number): FactorName | undefined {
    const standing = verdicts.find(({ signCount }) => signCount && !this.#spends.advances(userId, signCount, spender, now));
    if (standing?.signCount) this.#trail.note(userId, standing.signCount, now);
    const used =
      standing ?? verdicts.find(({ method, spends }) => spends !== undefined && this.#spends.isSpent(userId, method, spends, spender, now));
    if (used) return used.method;
    for (const { method, spends, signCount } of verdicts) {
      const thing = spends ?? (signCount && signCount.count > 0 ? signCount.tokenId : undefined);
      if (thing === undefined) continue;
      const stillThere = this.#stillThere(userId, method, facts, now);
      this.#spends.spend(userId, method, { thing, count: signCount?.count }, spender, now, stillThere);
    }
    return undefined;
  }

  /**
   * What a later attempt can still be made with: only that need be remembered as spent. Facts only ever grow newer, so a recovery code or a
   * credential that is gone from them comes back in no later attempt; one in flight may hold older facts, so beside one nothing is dropped.
   */
  #stillThere(userId: string, method: FactorName, facts: Facts | undefined, now: number): readonly string[] | undefined {
    if (facts === undefined || this.#reservations.count(userId, method, now) > 0) return undefined;
    if (method === 'recoveryCode') return facts.recoveryCodes;
    return method === 'webAuthN' ? facts.credentials.map(({ id }) => id) : undefined;
  }
}

const reserved = ({ id, reservedAt }: InFlight, facts: Facts | undefined): Reservation => ({
  kind: 'reserved',
  id,
  reservedAt,
  facts: facts ?? NOBODY,
});
