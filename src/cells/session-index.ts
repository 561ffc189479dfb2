import type { Session } from '../core/session/session.ts';
import { indexSessions, unindexSessions } from '../directory/session-index.ts';
import type { AlarmClock } from './alarm-clock.ts';
import { inTime } from './in-time.ts';
import type { SessionStore } from './session-store.ts';

/** Until when everything that was touched is in D1's index. */
const KEY = 'indexed';
/** What follows so soon is written with it: a login is some steps, one after the other. */
const COALESCE_MS = 1000;
const RETRY_MS = 5000;
const BATCH = 200;

/**
 * D1's index of a cell's sessions: it follows the commits, in batches. Which sessions have yet to be told is known to memory; after that was
 * lost it is read from the rows, of which each holds when it was last touched. Telling twice does no harm.
 */
export class SessionIndex {
  readonly #storage: DurableObjectStorage;
  readonly #store: SessionStore;
  readonly #db: () => D1Database;
  readonly #alarm: AlarmClock;
  readonly #untold = new Set<string>();
  #recovered = false;
  #anew = false;
  #retryAt: number | undefined;

  constructor(storage: DurableObjectStorage, store: SessionStore, db: () => D1Database, alarm: AlarmClock) {
    this.#storage = storage;
    this.#store = store;
    this.#db = db;
    this.#alarm = alarm;
  }

  /** To be called once a change of something that can be searched is committed. */
  touch(sessionId: string, now: number): void {
    this.#untold.add(sessionId);
    this.#alarm.ringBy(now + COALESCE_MS);
  }

  /** Tells D1 of everything anew, whatever it says. */
  tellAll(now: number): void {
    this.#storage.kv.delete(KEY);
    this.#recovered = false;
    this.#anew = true;
    this.#alarm.ringBy(now);
  }

  /** Tells D1 of what was touched; to be called by the alarm, and `next` after it. @returns when to try again, where D1 could not be told */
  async tell(now: number): Promise<number | undefined> {
    if (!this.#recovered) this.#recover();
    const ids = [...this.#untold].slice(0, BATCH);
    const told = ids.flatMap((id) => this.#store.find(id)?.session ?? []);
    this.#retryAt = undefined;
    if (told.length > 0 && !(await inTime(indexSessions(this.#db(), told, this.#anew)))) {
      this.#retryAt = now + RETRY_MS;
      return this.#retryAt;
    }
    const versions = new Map(told.map((session) => [session.id, versionOf(session)]));
    for (const id of ids) {
      // What was touched again meanwhile is told again.
      const session = this.#store.find(id)?.session;
      if (session === undefined || versionOf(session) === versions.get(id)) this.#untold.delete(id);
    }
    // Unless everything is to be told anew since.
    if (this.#untold.size > 0 || !this.#recovered) return undefined;
    this.#anew = false;
    if (ids.length > 0) this.#storage.kv.put(KEY, now);
    return undefined;
  }

  /** When there is more to tell. */
  next(now: number): number | undefined {
    if (this.#retryAt !== undefined) return this.#retryAt;
    return this.#untold.size > 0 || !this.#recovered ? now + COALESCE_MS : undefined;
  }

  /** Removes sessions whose time is over: from the index first, so that none is found that is not there. @returns when there is more to remove */
  async remove(now: number): Promise<number | undefined> {
    const ids = this.#store.removable(now, BATCH);
    if (ids.length === 0) return undefined;
    if (!(await inTime(unindexSessions(this.#db(), ids)))) return now + RETRY_MS;
    this.#storage.transactionSync(() => this.#store.remove(ids, now));
    return ids.length === BATCH ? now : undefined;
  }

  #recover(): void {
    for (const id of this.#store.touchedSince(this.#storage.kv.get<number>(KEY) ?? 0)) this.#untold.add(id);
    this.#recovered = true;
  }
}

/** What of a session's state the index goes by: a spared session is admitted anew without an event. */
const versionOf = ({ sequence, user }: Session): string => `${sequence} ${user?.epoch ?? ''}`;
