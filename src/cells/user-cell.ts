import { DurableObject } from 'cloudflare:workers';
import { configOf } from '../config.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { userNotActive } from '../core/session/problems.ts';
import { failedAgain, type Method, NO_FAILURES, permit } from '../core/user/attempts.ts';
import { isDone, isStopped, type Standing, transit } from '../core/user/lifecycle.ts';
import { findFacts } from '../directory/facts.ts';
import { AlarmClock } from './alarm-clock.ts';
import { FactsCache } from './facts-cache.ts';
import { PassingOn } from './passing-on.ts';
import type {
  Admit,
  Admitted,
  Facts,
  PasswordChanged,
  PastFailures,
  Reservation,
  Reserve,
  Settle,
  Settled,
  Transit,
  UserCellVerbs,
} from './protocol.ts';
import { Registration } from './registration.ts';
import { type InFlight, Reservations } from './reservations.ts';
import type { CellBindings } from './stubs.ts';
import { UserStore } from './user-store.ts';

interface Bindings extends CellBindings {
  readonly DB: D1Database;
}

const RETRY_MS = 5_000;
const FINISHED_AT_ONCE = 50;
const NOBODY: Facts = { kind: 'machine', passwordHash: undefined, passwordVersion: 0 };

const reserved = ({ id, reservedAt }: InFlight, facts: Facts | undefined): Reservation => ({
  kind: 'reserved',
  id,
  reservedAt,
  facts: facts ?? NOBODY,
});

/**
 * Keeps what its users can spend and is the only writer of it: failed attempts, and the state and epoch that decide which sessions may live.
 * Verbs that change something are synchronous; `load`, `finish` and the alarm await, and change something only afterwards, by version.
 */
export class UserCell extends DurableObject<Bindings> implements UserCellVerbs {
  readonly #store: UserStore;
  readonly #alarm: AlarmClock;
  readonly #registration: Registration;
  readonly #reservations = new Reservations();
  readonly #facts = new FactsCache();
  readonly #passingOn: PassingOn;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#store = new UserStore(state.storage.sql);
    this.#alarm = new AlarmClock(state.storage);
    this.#registration = new Registration(state, env.DB, this.#alarm);
    this.#passingOn = new PassingOn(
      () => this.env,
      this.#store,
      (userId) => this.forget(userId),
    );
  }

  admit({ userId, seen, sessionCell }: Admit): Result<Admitted> {
    const { state, epoch } = this.#store.standingOf(userId) ?? seen;
    if (isStopped(state)) return fail(userNotActive);
    this.#store.admit(userId, sessionCell);
    this.#registration.begin();
    return ok({ epoch, admittedAt: Date.now() });
  }

  reserve({ userId, methods, shared }: Reserve): Reservation {
    const now = Date.now();
    const standing = this.#store.standingOf(userId);
    if (standing && isStopped(standing.state)) return { kind: 'refused', problem: userNotActive };
    const facts = this.#facts.get(userId, now);
    if (facts === 'cold') return { kind: 'cold' };
    const joined = this.#reservations.join(userId, shared, now);
    if (joined) return reserved(joined, facts);
    const { attempts } = configOf(this.env);
    for (const method of methods) {
      const failures = this.#store.failuresOf(userId, method) ?? NO_FAILURES;
      const answer = permit(method, failures, this.#reservations.count(userId, method, now), attempts, now);
      if (answer.kind !== 'go') return answer;
    }
    return reserved(this.#reservations.add(userId, methods, shared, now), facts);
  }

  async load(userId: string): Promise<void> {
    await this.#facts.load(userId, () => findFacts(this.env.DB, userId));
  }

  settle({ reservationId, userId, verdicts }: Settle): Settled {
    const now = Date.now();
    const attempt = this.#reservations.take(reservationId, now);
    if (attempt?.stale) return { kind: 'stale' };
    if (attempt?.settled) return attempt.settled;
    const { attempts } = configOf(this.env);
    const failures: Partial<Record<Method, number>> = {};
    const resettable: PastFailures[] = [];
    this.ctx.storage.transactionSync(() => {
      for (const { method, passed } of verdicts) {
        const before = this.#store.failuresOf(userId, method);
        if (passed && before && before.count > 0) resettable.push({ method, upTo: before.total });
        if (passed) continue;
        const after = failedAgain(before ?? NO_FAILURES, attempts, now);
        this.#store.countFailure(userId, method, after);
        failures[method] = after.count;
      }
    });
    if (attempt === undefined) return { kind: 'lost' };
    const settled: Settled = { kind: 'settled', failures, resettable };
    this.#reservations.settle(reservationId, settled);
    return settled;
  }

  resetFailures(userId: string, failures: readonly PastFailures[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { method, upTo } of failures) this.#store.forgive(userId, method, upTo);
    });
  }

  forget(userId: string): void {
    this.#facts.forget(userId);
    this.#reservations.makeStale(userId);
  }

  transit({ userId, seen, transition }: Transit): Result<Standing> {
    const after = this.ctx.storage.transactionSync(() => {
      const before = this.#store.standingOf(userId) ?? seen;
      // A change that was made but could not be passed on was answered 503: repeating it goes on with it.
      if (isDone(before, transition) && this.#isUnfinished(userId)) return ok(before);
      const standing = transit(before, transition);
      if (!standing.ok) return standing;
      this.#store.setStanding(userId, standing.value);
      if (isStopped(standing.value.state)) this.#store.oweStops(userId, standing.value.epoch);
      else this.#store.clearFailures(userId);
      return standing;
    });
    if (!after.ok) return after;
    this.#registration.begin();
    this.#alarm.ringBy(Date.now() + RETRY_MS);
    return after;
  }

  beginPasswordChange(change: PasswordChanged): void {
    this.forget(change.userId);
    const now = Date.now();
    this.#store.beginPasswordChange(change, now);
    this.#registration.begin();
    this.#alarm.ringBy(now + RETRY_MS);
  }

  finish(userId: string): Promise<boolean> {
    return this.#passingOn.finish(userId);
  }

  /** Goes on telling whoever could not be told. It never throws: an alarm that does is given up by the platform after a while. */
  override async alarm(): Promise<void> {
    const unfinished = this.#store.unfinished(FINISHED_AT_ONCE);
    const done = await Promise.all([this.#registration.complete(), ...unfinished.map((userId) => this.finish(userId))]);
    const now = Date.now();
    const everything = done.every(Boolean) && this.#store.unfinished(1).length === 0;
    this.#alarm.rewind(everything ? undefined : now + RETRY_MS, now);
  }

  #isUnfinished(userId: string): boolean {
    return this.#store.unmirrored(userId) !== undefined || this.#store.owedStops(userId).length > 0;
  }
}
