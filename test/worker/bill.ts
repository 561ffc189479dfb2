import { evictAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** What a piece of work cost, in what Cloudflare bills and in what a caller waits for. */
export interface Bill {
  /** Calls to objects, the Worker's and those of other objects, by class and verb, in their order. */
  readonly hops: readonly string[];
  /** Rows written in session cells and in users' cells: of tables, of indices, and keys of the key-value store. */
  readonly sessionRows: number;
  readonly userRows: number;
  /** Rows that SQLite looked at there. */
  readonly rowsRead: number;
  /** Alarms that were set there: a row each, too. */
  readonly alarms: number;
  /** Calls that left something written, all of it or nothing: each is waited for once. */
  readonly commits: number;
  /** What was asked of D1, by the Worker or by cells, how many rows D1 looked at for it, and how many it wrote, those of its indices included. */
  readonly queries: number;
  readonly queriedRows: number;
  readonly directoryRows: number;
  /** Requests to elsewhere. */
  readonly fetches: number;
}

export const FREE: Bill = {
  hops: [],
  sessionRows: 0,
  userRows: 0,
  rowsRead: 0,
  alarms: 0,
  commits: 0,
  queries: 0,
  queriedRows: 0,
  directoryRows: 0,
  fetches: 0,
};

type Tally = { -readonly [Key in keyof Bill]: Bill[Key] extends number ? number : string[] };
type Store = 'sessionRows' | 'userRows';
type Method = (...args: never[]) => unknown;

let tally: Tally = { ...FREE, hops: [] };
let cursors: SqlStorageCursor<never>[] = [];
/** The storages, and the connections to D1, that are on the bill: others of the same isolate may be at work. */
let stores = new WeakMap<object, Store>();
const connections = new WeakSet<object>();

/**
 * Puts cells on the bill, once they have nothing left to do. Test, Worker and objects share an isolate, and so the runtime's prototypes: there it is
 * counted.
 */
export async function bill(...stubs: readonly DurableObjectStub[]): Promise<void> {
  for (const stub of stubs) {
    while (await hasWork(stub)) await runDurableObjectAlarm(stub);
    await runInDurableObject(stub, (instance, { storage }) => {
      const isUsers = 'settle' in instance;
      for (const part of [storage, storage.sql, storage.kv]) stores.set(part, isUsers ? 'userRows' : 'sessionRows');
      replace(
        storage.sql,
        'exec',
        counting((store, cursor) => countStatement(store, cursor as SqlStorageCursor<never>)),
      );
      for (const write of ['put', 'delete']) replace(storage.kv, write, counting(countRow));
      replace(storage, 'setAlarm', countingAlarms);
      const verbs = Object.getOwnPropertyNames(Object.getPrototypeOf(instance));
      for (const verb of verbs.filter((name) => !NOT_VERBS.includes(name))) replace(instance, verb, countingCommits);
      Object.assign(instance, { env: billed });
    });
  }
}

const SOON_MS = 5_000;

/** Whether an alarm is about to ring; one that rings much later only sweeps. */
const hasWork = (stub: DurableObjectStub): Promise<boolean> =>
  runInDurableObject(stub, async (_, { storage }) => ((await storage.getAlarm()) ?? Number.POSITIVE_INFINITY) < Date.now() + SOON_MS);

/** Takes all cells off the bill, and out of memory: what they believe of their alarms is not so. */
export async function closeBill(): Promise<void> {
  stores = new WeakMap();
  await evictAllDurableObjects();
}

/** What a piece of work cost. */
export async function billOf(work: () => Promise<unknown>): Promise<Bill> {
  [tally, cursors] = [{ ...FREE, hops: [] }, []];
  const { fetch } = globalThis;
  globalThis.fetch = (...request: Parameters<typeof fetch>) => {
    tally.fetches += 1;
    return fetch(...request);
  };
  try {
    await work();
  } finally {
    globalThis.fetch = fetch;
  }
  for (const { rowsRead } of cursors) tally.rowsRead += rowsRead;
  return { ...tally, hops: [...tally.hops] };
}

const NOT_VERBS = ['constructor', 'alarm', 'fetch', 'webSocketClose'];
const replaced = new WeakSet<object>();

/** The bindings of whoever's calls and queries are on the bill, whichever cell they reach: the Worker's, and those of cells that are on it. */
export const billed: typeof env = { ...env, DB: connection(), SESSIONS: reached(env.SESSIONS, 'session'), USERS: reached(env.USERS, 'user') };

/** A namespace whose objects count what they are called. */
function reached<Namespace extends DurableObjectNamespace>(namespace: Namespace, name: string): Namespace {
  const counted = (stub: DurableObjectStub) =>
    new Proxy(stub, {
      get:
        (target, verb) =>
        (...args: unknown[]) => {
          tally.hops.push(`${name}.${String(verb)}`);
          return (target as unknown as Record<string | symbol, (...args: unknown[]) => unknown>)[verb]?.(...args);
        },
    });
  const getByName: DurableObjectNamespace['getByName'] = (...args) => counted(namespace.getByName(...args));
  return { getByName } as Namespace;
}

function replace(object: object, name: string, wrap: (original: Method) => Method): void {
  let owner = Object.getPrototypeOf(object);
  while (!Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
  const original = owner[name] as Method;
  if (replaced.has(original)) return;
  const wrapped = wrap(original);
  replaced.add(wrapped);
  Object.defineProperty(owner, name, { value: wrapped, configurable: true, writable: true });
}

const counting = (count: (store: Store, outcome: unknown) => void) => (original: Method) =>
  function (this: object, ...args: never[]) {
    const outcome = original.apply(this, args);
    const store = stores.get(this);
    if (store) count(store, outcome);
    return outcome;
  };

function countStatement(store: Store, cursor: SqlStorageCursor<never>): void {
  tally[store] += cursor.rowsWritten;
  cursors.push(cursor);
}

const written = (): number => tally.sessionRows + tally.userRows + tally.alarms;

/** A verb is one turn, whose writes the platform commits together; one that calls another is one turn still. */
function countingCommits(original: Method): Method {
  return function (this: { ctx: DurableObjectState }, ...args: never[]) {
    const before = written();
    const committed = tally.commits;
    const outcome = original.apply(this, args);
    if (stores.has(this.ctx.storage) && written() > before) tally.commits = committed + 1;
    return outcome;
  };
}

function countRow(store: Store): void {
  tally[store] += 1;
}

/** They do not ring, so that nothing is on a bill but what was asked for. */
function countingAlarms(original: Method): Method {
  return function (this: object, ...args: never[]) {
    if (!stores.has(this)) return original.apply(this, args);
    tally.alarms += 1;
    return Promise.resolve();
  };
}

/** A connection of one's own to D1: all that is asked through it is on the bill. */
function connection(): D1Database {
  const { constructor: Connection, fetcher } = env.DB as unknown as { constructor: new (fetcher: object) => D1Database; fetcher: Fetcher };
  const own = { fetch: (...request: Parameters<Fetcher['fetch']>) => fetcher.fetch(...request) };
  connections.add(own);
  const db = new Connection(own);
  replace(db.withSession(), '_send', countingQueries);
  return db;
}

function countingQueries(original: Method): Method {
  return async function (this: { fetcher: object }, ...args: never[]) {
    const answer = await original.apply(this as never, args);
    if (connections.has(this.fetcher)) for (const result of [answer].flat() as D1Result[]) countQuery(result);
    return answer;
  };
}

function countQuery({ meta }: D1Result): void {
  tally.queries += 1;
  tally.queriedRows += meta.rows_read;
  tally.directoryRows += meta.rows_written;
}
