import { DurableObject } from 'cloudflare:workers';
import { configOf } from '../config.ts';
import { unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { letIn, stopOn, type TokenStanding } from '../core/session/admission.ts';
import { type BearerUser, bearerUser } from '../core/session/bearer.ts';
import type { Moment, Step } from '../core/session/carry-forward.ts';
import { create, createAgain } from '../core/session/create.ts';
import { dropPassword } from '../core/session/drop-password.ts';
import { mergeMetadata } from '../core/session/metadata.ts';
import { read, type SessionView } from '../core/session/read.ts';
import { type KeptAnswer, type Mark, REPEAT_WINDOW_MS, type Repeat, type Repeated } from '../core/session/repeat.ts';
import type { SessionEvent } from '../core/session/session.ts';
import { end, terminate } from '../core/session/terminate.ts';
import { update } from '../core/session/update.ts';
import { sameDigest } from '../crypto/digest.ts';
import { AlarmClock, carefully, carefullyAwaited, earliest } from './alarm-clock.ts';
import type { PostBindings } from './dispatch.ts';
import { keep, repeatOf } from './kept-answers.ts';
import type { Attempt } from './outbox.ts';
import { Registration } from './registration.ts';
import { SessionIndex } from './session-index.ts';
import { SessionPost } from './session-post.ts';
import {
  type Authenticate,
  type Committed,
  type CreateCommit,
  type EndedBy,
  type Keyed,
  type PasswordChanged,
  type Peek,
  type Peeked,
  type Read,
  type ReadMany,
  type Recall,
  type Recalled,
  type SessionCellVerbs,
  type StopUser,
  type Terminate,
  type UpdateCommit,
  type UpdateOutcome,
  WATCH_QUERY,
} from './session-protocol.ts';
import { SessionStore, type StoredSession } from './session-store.ts';
import { type TrailEntry, trailAfter } from './trail.ts';
import { WATCH_PROTOCOL, Watch } from './watch.ts';

/**
 * Keeps the sessions of one cell and is their only writer. Every verb is a synchronous function inside one transaction: it reads the row,
 * compares the token's digest, has the core decide, and writes. That comparison is the only lock there is.
 */
export class SessionCell extends DurableObject<PostBindings> implements SessionCellVerbs {
  readonly #store: SessionStore;
  readonly #alarm: AlarmClock;
  readonly #registration: Registration;
  readonly #post: SessionPost;
  readonly #index: SessionIndex;
  readonly #watch: Watch;

  constructor(state: DurableObjectState, env: PostBindings) {
    super(state, env);
    this.#store = new SessionStore(state.storage);
    this.#alarm = new AlarmClock(state);
    this.#registration = new Registration(state, env.DB, this.#alarm);
    this.#index = new SessionIndex(state.storage, this.#store, () => this.env.DB, this.#alarm);
    this.#watch = new Watch(state, this.#store, this.#alarm, this.#stopOf);
    this.#post = new SessionPost(state.storage, this.#alarm, this.#store, () => this.env, this.#stopOf);
    if (this.#isOfOtherGeneration()) {
      this.#index.tellAll(Date.now());
      this.#registration.renew();
    }
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
      return ok({ ...stored, changed: true, events: typesOf(step.value), posts: this.#post.put(stored.session, verdicts, Date.now()) });
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

  read({ sessionId, callerId, fingerprintId, presented, read: scope }: Read): Result<SessionView> {
    const stored = this.#store.find(sessionId);
    return read(stored?.session, { token: standingOf(presented, stored), read: scope, callerId, fingerprintId }, this.#stopOf, Date.now());
  }

  readMany({ sessionIds, ...by }: ReadMany): SessionView[] {
    const views = sessionIds.map((sessionId) => this.read({ ...by, sessionId, presented: undefined }));
    return views.flatMap((view) => (view.ok ? [view.value] : []));
  }

  events(query: Read): Result<readonly TrailEntry[]> {
    const view = this.read(query);
    return view.ok ? ok(this.#store.trailOf(query.sessionId)) : view;
  }

  authenticate({ sessionId, presented }: Authenticate): Result<BearerUser> {
    const stored = this.#store.find(sessionId);
    return bearerUser(stored?.session, standingOf(presented, stored), this.#stopOf, Date.now());
  }

  stop({ userId, epoch, deleted, ends }: StopUser): void {
    const now = Date.now();
    const { saved, due } = this.ctx.storage.transactionSync(() => {
      if (deleted) this.#store.hasten(userId, now);
      // Of a deleted user nothing personal stays.
      const ending = ends ?? (deleted ? { callerId: '', epoch } : undefined);
      return { saved: ending ? this.#endSessions(userId, ending, now) : [], due: this.#store.stop(userId, epoch, deleted, now) };
    });
    this.#alarm.ringBy(due);
    for (const each of saved) this.#committed(each);
    this.#watch.sweep(now);
    const spared = ends?.exceptSessionId;
    if (spared && this.#store.find(spared)) this.#index.touch(spared, now);
    this.#registration.begin();
  }

  reindex(): void {
    this.#index.tellAll(Date.now());
  }

  kept(sessionIds: readonly string[]): string[] {
    return sessionIds.filter((id) => this.#store.find(id) !== undefined);
  }

  passwordChanged({ userId, version, callerId, endSessions, exceptSessionId }: PasswordChanged): void {
    const now = Date.now();
    const { saved, due } = this.ctx.storage.transactionSync(() => {
      const kept = this.#store.stopOf(userId)?.deleted ? [] : this.#store.sessionsOf(userId);
      const changed = kept.map((stored) => {
        const ends = endSessions && stored.session.id !== exceptSessionId;
        const step = ends ? end(stored.session, now) : dropPassword(stored.session, version, now);
        return this.#save(stored, step, callerId, undefined);
      });
      return { saved: changed, due: this.#store.setPasswordVersion(userId, version, now) };
    });
    this.#alarm.ringBy(due);
    for (const each of saved) this.#committed(each);
    this.#registration.begin();
  }

  /** Sends and removes what is due, and enters the cell in D1's register. It never throws: the platform gives up an alarm that keeps throwing. */
  override async alarm(): Promise<void> {
    const sending = carefully('sending', (now) => this.#post.resume(now));
    const registered = await this.#registration.complete();
    await carefullyAwaited('telling the index', (at) => this.#index.tell(at));
    const removing = await carefullyAwaited('removing', (at) => this.#index.remove(at));
    const sweeping = carefully('sweeping', (now) => this.#store.sweep(now));
    const watching = carefully('watching', (at) => this.#watch.sweep(at));
    const now = Date.now();
    this.#alarm.rewind(
      earliest(watching, sending, this.#index.next(now), removing, sweeping, this.#post.next(), registered ? undefined : now + RETRY_MS),
      now,
    );
  }

  /** Ends a user's sessions that were admitted before an epoch; one that is spared is admitted to it, unless it was stopped before. */
  #endSessions(userId: string, { epoch, callerId, exceptSessionId }: EndedBy, now: number): Saved[] {
    const earlier = this.#store.sessionsOf(userId).filter(({ session }) => session.user !== undefined && session.user.epoch < epoch);
    return earlier.flatMap((stored) => {
      const { session } = stored;
      const spared = session.id === exceptSessionId && !stopOn(session, this.#stopOf);
      if (!spared || session.user === undefined) return [this.#save(stored, end(session, now), callerId, undefined)];
      this.#store.update({ ...stored, touchedAt: now, session: { ...session, user: { ...session.user, epoch } } });
      return [];
    });
  }

  /** Whether the directory was restored since: then its index knows nothing of what this cell has told it in between. */
  #isOfOtherGeneration(): boolean {
    const { kv } = this.ctx.storage;
    const { directoryGeneration } = configOf(this.env);
    const known = kv.get<string>(GENERATION) ?? '';
    if (known === directoryGeneration) return false;
    kv.put(GENERATION, directoryGeneration);
    return true;
  }

  readonly #stopOf = (userId: string) => this.#store.stopOf(userId);

  /** Begins a watch: the one thing that does not go by RPC, which carries no socket. */
  override async fetch(request: Request): Promise<Response> {
    const view = this.read(JSON.parse(decodeURIComponent(request.headers.get(WATCH_QUERY) ?? '{}')) as Read);
    const watch = view.ok ? this.#watch.begin(view.value) : view;
    if (!watch.ok) return Response.json(watch.problem, { status: 400 });
    return new Response(null, { status: 101, webSocket: watch.value, headers: { 'sec-websocket-protocol': WATCH_PROTOCOL } });
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // Codes that stand for "none" may not be sent.
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  #momentOf(nextToken: string): Moment {
    const passwordVersionOf = (userId: string) => this.#store.passwordVersionOf(userId);
    return { now: Date.now(), nextToken, stopOf: this.#stopOf, passwordVersionOf, policy: configOf(this.env).lifetime };
  }

  #save(before: StoredSession | undefined, step: Step, callerId: string, answer: KeptAnswer | undefined): Saved {
    const stored = storedAfter(before, step, callerId, answer);
    const changed = step.events.length > 0;
    if (changed) this.#store.update(stored);
    return { ...stored, changed, events: typesOf(step) };
  }

  #committed({ changed, events = [], posts = [], ...stored }: Saved): Committed {
    this.#post.start(posts);
    const { id, sequence, changeDate } = stored.session;
    // The sooner first: it is the one that the alarm is set to.
    if (events.some(isSearchable)) this.#index.touch(id, changeDate);
    if (changed) this.#alarm.ringBy(this.#store.dueOf(stored));
    if (changed) this.#watch.tell(id, events, changeDate);
    return { sequence, changeDate, changed };
  }
}

/** A session as it is kept after a request, whether that request changed it, and what is to be sent because of it. */
type Saved = StoredSession & {
  readonly changed: boolean;
  readonly events?: readonly SessionEvent['type'][];
  readonly posts?: readonly Attempt[];
};

const RETRY_MS = 10_000;

/** Where the generation of the directory is kept that the cell has last told. */
const GENERATION = 'generation';

/** What changes something that a session can be searched by. */
const SEARCHABLE: readonly SessionEvent['type'][] = ['session.added', 'session.user.checked', 'session.lifetime.set', 'session.terminated'];
const typesOf = ({ events }: Step): SessionEvent['type'][] => events.map(({ type }) => type);
const isSearchable = (type: SessionEvent['type']): boolean => SEARCHABLE.includes(type);

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
  const touchedAt = typesOf(step).some(isSearchable) ? session.changeDate : before?.touchedAt;
  return { session, trail: trailAfter(before?.trail ?? [], step, callerId), answers, touchedAt };
}
