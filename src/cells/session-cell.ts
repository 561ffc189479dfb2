import { DurableObject } from 'cloudflare:workers';
import { configOf } from '../config.ts';
import { unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { letIn, type TokenStanding } from '../core/session/admission.ts';
import type { Moment, Step } from '../core/session/carry-forward.ts';
import { create } from '../core/session/create.ts';
import { read, type SessionView } from '../core/session/read.ts';
import type { Session } from '../core/session/session.ts';
import { terminate } from '../core/session/terminate.ts';
import { update } from '../core/session/update.ts';
import { sameDigest } from '../crypto/digest.ts';
import { AlarmClock } from './alarm-clock.ts';
import type { Committed, CreateCommit, Peek, Peeked, Read, SessionCellVerbs, StopUser, Terminate, UpdateCommit, UpdateOutcome } from './protocol.ts';
import { Registration } from './registration.ts';
import { SessionStore, type StoredSession, type TrailEntry } from './session-store.ts';

interface Bindings {
  readonly DB: D1Database;
}

/**
 * Keeps the sessions of one cell and is their only writer. Every verb is a synchronous function inside one transaction: it reads the row,
 * compares the token's digest, has the core decide, and writes. That comparison is the only lock there is.
 */
export class SessionCell extends DurableObject<Bindings> implements SessionCellVerbs {
  readonly #store: SessionStore;
  readonly #alarm: AlarmClock;
  readonly #registration: Registration;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    this.#store = new SessionStore(state.storage.sql);
    this.#alarm = new AlarmClock(state.storage);
    this.#registration = new Registration(state, env.DB, this.#alarm);
  }

  peek({ sessionId, presented, write, needsWrite }: Peek): Result<Peeked> {
    const session = this.#store.find(sessionId)?.session;
    const admitted = letIn(session, { token: standingOf(presented, session), write, needsWrite }, this.#stopOf, Date.now());
    if (!admitted.ok) return admitted;
    const { token, user } = admitted.value;
    return ok({ token, user: user && { id: user.id, cell: user.cell } });
  }

  create({ sessionId, callerId, nextToken, command, verdicts }: CreateCommit): Result<Committed> {
    const created = this.ctx.storage.transactionSync(() => {
      const step = create(sessionId, callerId, command, verdicts, this.#momentOf(nextToken));
      if (!step.ok) return step;
      const inserted = this.#store.insert(step.value.session, trailAfter([], step.value, callerId));
      return inserted ? step : fail(unavailable('The session id was taken'));
    });
    if (!created.ok) return created;
    this.#registration.begin();
    return ok(this.#committed(created.value));
  }

  commit({ sessionId, callerId, presented, basis, nextToken, write, command, verdicts }: UpdateCommit): Result<UpdateOutcome> {
    const updated = this.ctx.storage.transactionSync(() => {
      const stored = this.#store.find(sessionId);
      const standing = { token: standingOf(presented, stored?.session), write, basis };
      const step = update(stored?.session, command, standing, verdicts, this.#momentOf(nextToken));
      if (step.ok && step.value !== 'raced') this.#save(stored, step.value, callerId);
      return step;
    });
    if (!updated.ok) return updated;
    return ok(updated.value === 'raced' ? 'raced' : this.#committed(updated.value));
  }

  terminate({ sessionId, callerId, presented, delete: scope }: Terminate): Result<Committed> {
    const terminated = this.ctx.storage.transactionSync(() => {
      const stored = this.#store.find(sessionId);
      const by = { token: standingOf(presented, stored?.session), delete: scope, selfId: callerId };
      const step = terminate(stored?.session, by, Date.now());
      if (step.ok) this.#save(stored, step.value, callerId);
      return step;
    });
    return terminated.ok ? ok(this.#committed(terminated.value)) : terminated;
  }

  read({ sessionId, callerId, presented, read: scope }: Read): Result<SessionView> {
    const session = this.#store.find(sessionId)?.session;
    return read(session, { token: standingOf(presented, session), read: scope, callerId }, this.#stopOf, Date.now());
  }

  stop({ userId, epoch, deleted }: StopUser): void {
    const now = Date.now();
    const due = this.ctx.storage.transactionSync(() => {
      if (deleted) this.#store.hasten(userId, now);
      return this.#store.stop(userId, epoch, deleted, now);
    });
    this.#alarm.ringBy(due);
    this.#registration.begin();
  }

  /** Enters the cell in D1's register and removes what is due. It never throws: the platform gives up an alarm that keeps throwing. */
  override async alarm(): Promise<void> {
    const registered = await this.#registration.complete();
    const now = Date.now();
    const next = this.#sweep(now);
    this.#alarm.rewind(registered ? next : now + RETRY_MS, now);
  }

  #sweep(now: number): number | undefined {
    try {
      return this.ctx.storage.transactionSync(() => this.#store.sweep(now));
    } catch (error) {
      console.error('a sweep failed', error);
      return now + RETRY_MS;
    }
  }

  readonly #stopOf = (userId: string) => this.#store.stopOf(userId);

  #momentOf(nextToken: string): Moment {
    return { now: Date.now(), nextToken, stopOf: this.#stopOf, policy: configOf(this.env).lifetime };
  }

  #save(stored: StoredSession | undefined, step: Step, callerId: string): void {
    if (step.events.length > 0) this.#store.update(step.session, trailAfter(stored?.trail ?? [], step, callerId));
  }

  #committed({ session, events }: Step): Committed {
    const changed = events.length > 0;
    if (changed) this.#alarm.ringBy(this.#store.dueOf(session));
    return { sequence: session.sequence, changeDate: session.changeDate, changed };
  }
}

const RETRY_MS = 10_000;

function standingOf(presented: string | undefined, session: Session | undefined): TokenStanding {
  if (presented === undefined) return 'absent';
  return session !== undefined && sameDigest(presented, session.token) ? 'current' : 'superseded';
}

function trailAfter(trail: readonly TrailEntry[], { session, events }: Step, callerId: string): TrailEntry[] {
  const first = session.sequence - events.length + 1;
  return [...trail, ...events.map(({ type }, index): TrailEntry => [first + index, type, session.changeDate, callerId])];
}
