import { DurableObject } from 'cloudflare:workers';
import { configOf } from '../config.ts';
import { unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { letIn, type TokenStanding } from '../core/session/admission.ts';
import { type BearerUser, bearerUser } from '../core/session/bearer.ts';
import type { Moment, Step } from '../core/session/carry-forward.ts';
import { create, createAgain } from '../core/session/create.ts';
import { dropPassword } from '../core/session/drop-password.ts';
import { mergeMetadata } from '../core/session/metadata.ts';
import { read, type SessionView } from '../core/session/read.ts';
import { type KeptAnswer, type Mark, REPEAT_WINDOW_MS, type Repeat, type Repeated } from '../core/session/repeat.ts';
import { end, terminate } from '../core/session/terminate.ts';
import { update } from '../core/session/update.ts';
import { sameDigest } from '../crypto/digest.ts';
import { AlarmClock, carefully, earliest } from './alarm-clock.ts';
import type { PostBindings } from './dispatch.ts';
import { keep, repeatOf } from './kept-answers.ts';
import type { Attempt } from './outbox.ts';
import { Registration } from './registration.ts';
import { SessionPost } from './session-post.ts';
import type {
  Authenticate,
  Committed,
  CreateCommit,
  Keyed,
  PasswordChanged,
  Peek,
  Peeked,
  Read,
  Recall,
  Recalled,
  SessionCellVerbs,
  StopUser,
  Terminate,
  UpdateCommit,
  UpdateOutcome,
} from './session-protocol.ts';
import { SessionStore, type StoredSession } from './session-store.ts';
import { trailAfter } from './trail.ts';

/**
 * Keeps the sessions of one cell and is their only writer. Every verb is a synchronous function inside one transaction: it reads the row,
 * compares the token's digest, has the core decide, and writes. That comparison is the only lock there is.
 */
export class SessionCell extends DurableObject<PostBindings> implements SessionCellVerbs {
  readonly #store: SessionStore;
  readonly #alarm: AlarmClock;
  readonly #registration: Registration;
  readonly #post: SessionPost;

  constructor(state: DurableObjectState, env: PostBindings) {
    super(state, env);
    this.#store = new SessionStore(state.storage.sql);
    this.#alarm = new AlarmClock(state.storage);
    this.#registration = new Registration(state, env.DB, this.#alarm);
    this.#post = new SessionPost(state.storage, this.#alarm, this.#store, () => this.env, this.#stopOf);
  }

  peek({ sessionId, presented, write, needsWrite, metadata, marks }: Peek): Result<Peeked> {
    const stored = this.#store.find(sessionId);
    const repeat = repeatIn(stored, marks, presented);
    const admitted = letIn(stored?.session, { token: standingOf(presented, stored), write, needsWrite, repeat }, this.#stopOf, Date.now());
    if (!admitted.ok) return admitted;
    if (repeat) return ok({ repeat: repeat.answer });
    const merged = mergeMetadata(admitted.value.metadata, metadata);
    if (!merged.ok) return merged;
    const { token, user, challenges } = admitted.value;
    return ok({ token, user: user && { id: user.id, cell: user.cell }, challenges });
  }

  recall({ sessionIds, marks }: Recall): Result<Recalled | undefined> {
    const now = Date.now();
    for (const sessionId of sessionIds) {
      const stored = this.#store.find(sessionId);
      if (stored === undefined || stored.session.creationDate + REPEAT_WINDOW_MS <= now) continue;
      const answer = createAgain(stored.session, repeatIn(stored, marks, undefined), this.#stopOf, now);
      return answer.ok ? ok({ sessionId, repeat: answer.value }) : answer;
    }
    return ok(undefined);
  }

  create({ sessionId, callerId, nextToken, command, verdicts, keyed }: CreateCommit): Result<Committed | Recalled> {
    const created = this.ctx.storage.transactionSync((): Result<Saved | Recalled> => {
      const earlier = keyed ? this.recall({ sessionIds: [sessionId, ...keyed.otherIds], marks: keyed.marks }) : ok(undefined);
      if (!earlier.ok) return earlier;
      if (earlier.value) return ok(earlier.value);
      const step = create(sessionId, callerId, command, verdicts, this.#momentOf(nextToken));
      if (!step.ok) return step;
      const stored = storedAfter(undefined, step.value, callerId, keyed && answerOf(keyed, undefined, step.value));
      if (!this.#store.insert(stored)) return fail(unavailable('The session id was taken'));
      return ok({ ...stored, changed: true, posts: this.#post.put(stored.session, verdicts, Date.now()) });
    });
    if (!created.ok) return created;
    if ('repeat' in created.value) return ok(created.value);
    this.#registration.begin();
    return ok(this.#committed(created.value));
  }

  commit({ sessionId, callerId, presented, basis, nextToken, write, command, verdicts, keyed }: UpdateCommit): Result<UpdateOutcome> {
    const updated = this.ctx.storage.transactionSync((): Result<Saved | Repeated | 'raced'> => {
      const stored = this.#store.find(sessionId);
      const repeat = repeatIn(stored, keyed?.marks, presented);
      const standing = { token: standingOf(presented, stored), write, basis, repeat };
      const step = update(stored?.session, command, standing, verdicts, this.#momentOf(nextToken));
      if (!step.ok) return step;
      if (step.value === 'raced' || 'repeat' in step.value) return ok(step.value);
      const saved = this.#save(stored, step.value, callerId, keyed && answerOf(keyed, presented, step.value));
      return ok({ ...saved, posts: this.#post.put(saved.session, verdicts, Date.now()) });
    });
    if (!updated.ok) return updated;
    const { value } = updated;
    return ok(value === 'raced' || 'repeat' in value ? value : this.#committed(value));
  }

  terminate({ sessionId, callerId, presented, delete: scope }: Terminate): Result<Committed> {
    const terminated = this.ctx.storage.transactionSync((): Result<Saved> => {
      const stored = this.#store.find(sessionId);
      const by = { token: standingOf(presented, stored), delete: scope, selfId: callerId };
      const step = terminate(stored?.session, by, Date.now());
      return step.ok ? ok(this.#save(stored, step.value, callerId, undefined)) : step;
    });
    return terminated.ok ? ok(this.#committed(terminated.value)) : terminated;
  }

  read({ sessionId, callerId, presented, read: scope }: Read): Result<SessionView> {
    const stored = this.#store.find(sessionId);
    return read(stored?.session, { token: standingOf(presented, stored), read: scope, callerId }, this.#stopOf, Date.now());
  }

  authenticate({ sessionId, presented }: Authenticate): Result<BearerUser> {
    const stored = this.#store.find(sessionId);
    return bearerUser(stored?.session, standingOf(presented, stored), this.#stopOf, Date.now());
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

  passwordChanged({ userId, version, callerId, endSessions, exceptSessionId }: PasswordChanged): void {
    const now = Date.now();
    const due = this.ctx.storage.transactionSync(() => {
      const kept = this.#store.stopOf(userId)?.deleted ? [] : this.#store.sessionsOf(userId);
      for (const stored of kept) {
        const ends = endSessions && stored.session.id !== exceptSessionId;
        const step = ends ? end(stored.session, now) : dropPassword(stored.session, version, now);
        this.#save(stored, step, callerId, undefined);
      }
      return this.#store.setPasswordVersion(userId, version, now);
    });
    this.#alarm.ringBy(due);
    this.#registration.begin();
  }

  /** Sends and removes what is due, and enters the cell in D1's register. It never throws: the platform gives up an alarm that keeps throwing. */
  override async alarm(): Promise<void> {
    const sending = carefully('sending', (now) => this.#post.resume(now));
    const registered = await this.#registration.complete();
    const sweeping = carefully('sweeping', (now) => this.ctx.storage.transactionSync(() => this.#store.sweep(now)));
    const now = Date.now();
    this.#alarm.rewind(earliest(sending, sweeping, this.#post.next(), registered ? undefined : now + RETRY_MS), now);
  }

  readonly #stopOf = (userId: string) => this.#store.stopOf(userId);

  #momentOf(nextToken: string): Moment {
    const passwordVersionOf = (userId: string) => this.#store.passwordVersionOf(userId);
    return { now: Date.now(), nextToken, stopOf: this.#stopOf, passwordVersionOf, policy: configOf(this.env).lifetime };
  }

  #save(before: StoredSession | undefined, step: Step, callerId: string, answer: KeptAnswer | undefined): Saved {
    const stored = storedAfter(before, step, callerId, answer);
    const changed = step.events.length > 0;
    if (changed) this.#store.update(stored);
    return { ...stored, changed };
  }

  #committed({ changed, posts = [], ...stored }: Saved): Committed {
    this.#post.start(posts);
    if (changed) this.#alarm.ringBy(this.#store.dueOf(stored));
    const { sequence, changeDate } = stored.session;
    return { sequence, changeDate, changed };
  }
}

/** A session as it is kept after a request, whether that request changed it, and what is to be sent because of it. */
type Saved = StoredSession & { readonly changed: boolean; readonly posts?: readonly Attempt[] };

const RETRY_MS = 10_000;

function standingOf(presented: string | undefined, stored: StoredSession | undefined): TokenStanding {
  if (presented === undefined) return 'absent';
  return stored !== undefined && sameDigest(presented, stored.session.token) ? 'current' : 'superseded';
}

const repeatIn = (stored: StoredSession | undefined, marks: readonly Mark[] | undefined, presented: string | undefined): Repeat | undefined =>
  marks && repeatOf(stored?.answers, marks, presented, Date.now());

/** The answer to keep for the repeats of a keyed request, under the newest key's mark. */
function answerOf({ marks: [mark], sealed }: Keyed, presented: string | undefined, { session, events }: Step): KeptAnswer | undefined {
  const { sequence, changeDate } = session;
  return mark && events.length > 0 ? { ...mark, previous: presented ?? '', sequence, at: changeDate, sealed } : undefined;
}

/** What is kept of a session after a step. An ended one answers no repeats. */
function storedAfter(before: StoredSession | undefined, step: Step, callerId: string, answer: KeptAnswer | undefined): StoredSession {
  const { session } = step;
  const answers = session.terminatedAt === undefined ? keep(before?.answers, answer, session.changeDate) : undefined;
  return { session, trail: trailAfter(before?.trail ?? [], step, callerId), answers };
}
