import { DurableObject } from 'cloudflare:workers';
import { configOf } from '../config.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { userNotActive } from '../core/session/problems.ts';
import { type CodePurpose, codeEmpty, type Guess, opensSignIn } from '../core/user/codes.ts';
import { isDone, isStopped, type Standing, transit } from '../core/user/lifecycle.ts';
import { tooManySends } from '../core/user/send-limit.ts';
import { findFacts } from '../directory/facts.ts';
import { AlarmClock, carefully, carefullyAwaited, earliest } from './alarm-clock.ts';
import { Attempts, NOBODY } from './attempts.ts';
import type { PostBindings } from './dispatch.ts';
import { FactsCache } from './facts-cache.ts';
import { PassingOn } from './passing-on.ts';
import { Registration } from './registration.ts';
import type { PasswordChanged } from './session-protocol.ts';
import { isOwn, SpendStore } from './spend-store.ts';
import type { CellBindings } from './stubs.ts';
import { UserCodes } from './user-codes.ts';
import type {
  Admit,
  Admitted,
  ChallengePermit,
  EndSessions,
  GuessCode,
  IssueCode,
  PastFailures,
  PermitChallenge,
  Reservation,
  Reserve,
  Settle,
  Settled,
  Spender,
  Transit,
  UserCellVerbs,
  UserEvent,
} from './user-protocol.ts';
import { UserStore } from './user-store.ts';
import { UserTrail } from './user-trail.ts';

type Bindings = CellBindings & PostBindings;

const RETRY_MS = 5_000;
const FINISHED_AT_ONCE = 50;
/**
 * Keeps what its users can spend and is the only writer of it: failed attempts, and the state and epoch that decide which sessions may live.
 * Verbs that change something are synchronous; `load`, `finish` and the alarm await, and change something only afterwards, by version.
 */
export class UserCell extends DurableObject<Bindings> implements UserCellVerbs {
  readonly #store: UserStore;
  readonly #spends: SpendStore;
  readonly #trail: UserTrail;
  readonly #alarm: AlarmClock;
  readonly #registration: Registration;
  readonly #facts = new FactsCache();
  readonly #passingOn: PassingOn;
  readonly #codes: UserCodes;
  readonly #attempts: Attempts;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#store = new UserStore(state.storage.sql);
    this.#spends = new SpendStore(state.storage.sql);
    this.#trail = new UserTrail(state.storage.sql);
    this.#alarm = new AlarmClock(state);
    this.#registration = new Registration(state, env.DB, this.#alarm);
    this.#attempts = new Attempts(
      state.storage,
      { store: this.#store, spends: this.#spends, trail: this.#trail },
      this.#alarm,
      () => configOf(this.env).attempts,
    );
    this.#codes = new UserCodes(
      state.storage,
      this.#alarm,
      this.#spends,
      () => this.env,
      (userId) => this.#isStopped(userId),
    );
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

  reserve({ sends, ...attempt }: Reserve): Reservation {
    const { userId } = attempt;
    const now = Date.now();
    if (this.#isStopped(userId)) return { kind: 'refused', problem: userNotActive };
    const facts = this.#facts.get(userId, now);
    if (facts === 'cold') return { kind: 'cold' };
    const reservation = this.#attempts.reserve(attempt, facts, now);
    if (reservation.kind !== 'reserved' || sends === undefined) return reservation;
    const addresses = sends.by.flatMap((method) => facts?.[method] ?? []);
    const [sendProblem] = addresses.flatMap((address) => this.#sendProblem(userId, address, sends, now) ?? []);
    return { ...reservation, sendProblem };
  }

  async load(userId: string): Promise<void> {
    await this.#facts.load(userId, () => findFacts(this.env.DB, userId));
  }

  settle(settle: Settle): Settled {
    const now = Date.now();
    const facts = this.#facts.get(settle.userId, now);
    return this.#attempts.settle(settle, facts === 'cold' ? undefined : facts, now);
  }

  permitChallenge({ userId, sendBy, ...spender }: PermitChallenge): ChallengePermit {
    const now = Date.now();
    if (this.#isStopped(userId)) return { kind: 'refused', problem: userNotActive };
    const facts = this.#facts.get(userId, now);
    if (facts === 'cold') return { kind: 'cold' };
    const address = sendBy && facts?.[sendBy];
    const problem = address && this.#countSend(userId, address, spender, now);
    return problem ? { kind: 'refused', problem } : { kind: 'permitted', facts: facts ?? NOBODY };
  }

  issueCode(issue: IssueCode): Result<undefined> {
    const now = Date.now();
    const { userId, purpose, id, message } = issue;
    if (opensSignIn(purpose) && this.#isStopped(userId)) return fail(userNotActive);
    if (issue.again && !this.#codes.isPending(userId, purpose, now)) return fail(codeEmpty);
    const problem =
      message && (this.#countSend(userId, message.to, { attemptId: id }, now) ?? this.#countSend(userId, purpose, { attemptId: id }, now, 0));
    if (problem) return fail(problem);
    this.#codes.issue(this.ctx.storage, issue, now);
    this.#registration.begin();
    return ok(undefined);
  }

  guessCode(guess: GuessCode): Guess {
    return this.#codes.guess(guess, Date.now());
  }

  endCode(userId: string, purpose: CodePurpose, id: string): boolean {
    return this.#codes.end(userId, purpose, id);
  }

  /** Counts one more message to an address, or for a purpose whatever the address, unless it is one too many. The same attempt, or request, counts once. */
  #countSend(userId: string, counter: string, spender: Spender, now: number, pauseMs?: number): Problem | undefined {
    if (this.#spends.sends(userId, counter).some((send) => isOwn(send, spender))) return undefined;
    const problem = this.#sendProblem(userId, counter, spender, now, pauseMs);
    if (problem) return problem;
    this.#alarm.ringBy(this.#spends.countSend(userId, counter, { ...spender, at: now }));
    this.#registration.begin();
    return undefined;
  }

  /** Why one more message may not be sent now. */
  #sendProblem(userId: string, counter: string, spender: Spender, now: number, pauseMs?: number): Problem | undefined {
    const sends = this.#spends.sends(userId, counter);
    if (sends.some((send) => isOwn(send, spender))) return undefined;
    return tooManySends(
      sends.map(({ at }) => at),
      now,
      pauseMs,
    );
  }

  /** What a deleted user leaves are ids and numbers, nothing personal. */
  #forgetUser(userId: string): void {
    this.#codes.forgetUser(userId);
    this.#spends.forgetUser(userId);
    this.#trail.forgetUser(userId);
  }

  #isStopped(userId: string): boolean {
    const standing = this.#store.standingOf(userId);
    return standing !== undefined && isStopped(standing.state);
  }

  events(userId: string): readonly UserEvent[] {
    return this.#trail.of(userId);
  }

  resetFailures(userId: string, failures: readonly PastFailures[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { method, upTo } of failures) this.#store.forgive(userId, method, upTo);
    });
  }

  forget(userId: string): void {
    this.#facts.forget(userId);
    this.#attempts.makeStale(userId);
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
      if (standing.value.state === 'deleted') this.#forgetUser(userId);
      return standing;
    });
    if (!after.ok) return after;
    this.#registration.begin();
    this.#alarm.ringBy(Date.now() + RETRY_MS);
    return after;
  }

  endSessions({ userId, seen, ...ends }: EndSessions): boolean {
    const begun = this.ctx.storage.transactionSync(() => {
      const { state, epoch } = this.#store.standingOf(userId) ?? seen;
      if (state === 'deleted') return false;
      this.#store.setStanding(userId, { state, epoch: epoch + 1 });
      this.#store.oweStops(userId, epoch + 1, { ...ends, epoch: epoch + 1 });
      return true;
    });
    this.#registration.begin();
    this.#alarm.ringBy(Date.now() + RETRY_MS);
    return begun;
  }

  beginPasswordChange(change: PasswordChanged): void {
    this.forget(change.userId);
    const now = Date.now();
    this.#store.beginPasswordChange(change, now);
    this.#registration.begin();
    this.#alarm.ringBy(now + RETRY_MS);
  }

  finish(userId: string, passwordVersion?: number): Promise<boolean> {
    return this.#passingOn.finish(userId, passwordVersion);
  }

  /** Goes on telling whoever could not be told. It never throws: an alarm that does is given up by the platform after a while. */
  override async alarm(): Promise<void> {
    const sending = carefully('sending', (now) => this.#codes.resume(now));
    const passingOn = await carefullyAwaited('passing on', () => this.#passOn());
    const sweeping = carefully('sweeping', (now) => this.ctx.storage.transactionSync(() => this.#spends.sweep(now)));
    const now = Date.now();
    this.#alarm.rewind(earliest(sending, sweeping, this.#codes.next(), passingOn), now);
  }

  /** @returns when to go on, if something is left to be passed on */
  async #passOn(): Promise<number | undefined> {
    const unfinished = this.#store.unfinished(FINISHED_AT_ONCE);
    const done = await Promise.all([this.#registration.complete(), ...unfinished.map((userId) => this.finish(userId))]);
    const everything = done.every(Boolean) && this.#store.unfinished(1).length === 0;
    return everything ? undefined : Date.now() + RETRY_MS;
  }

  #isUnfinished(userId: string): boolean {
    return this.#store.unmirrored(userId) !== undefined || this.#store.owedStops(userId).length > 0;
  }
}
