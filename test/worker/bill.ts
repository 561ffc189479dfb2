import { evictAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** What a piece of work cost, in what Cloudflare bills and in what a caller waits for. */
export interface Bill {
  /** Calls to objects, by verb, in their order. */
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
  /** What the Worker asked of D1, and how many rows D1 looked at for it. */
  readonly queries: number;
  readonly queriedRows: number;
  /** Rows that cells wrote in D1. */
  readonly indexRows: number;
}

export const FREE: Bill = { hops: [], sessionRows: 0, userRows: 0, rowsRead: 0, alarms: 0, commits: 0, queries: 0, queriedRows: 0, indexRows: 0 };

type Tally = { -readonly [Key in keyof Bill]: Bill[Key] extends number ? number : string[] };
type Store = 'sessionRows' | 'userRows';
type Method = (...args: never[]) => unknown;

let tally: Tally = { ...FREE, hops: [] };
let cursors: SqlStorageCursor<never>[] = [];
/** The storages, and the connections to D1, that are on the bill: others of the same isolate may be at work. */
let stores = new WeakMap<object, Store>();
const connections = new WeakMap<object, 'worker' | 'cell'>();

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
      replace(storage.kv, 'put', counting(countRow));
      replace(storage, 'setAlarm', countingAlarms);
      const verbs = Object.getOwnPropertyNames(Object.getPrototypeOf(instance));
      for (const verb of verbs.filter((name) => !NOT_VERBS.includes(name))) replace(instance, verb, countingHops(verb));
      Object.assign(instance, { env: { ...env, DB: connection('cell') } });
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
  await work();
  for (const { rowsRead } of cursors) tally.rowsRead += rowsRead;
  return { ...tally, hops: [...tally.hops] };
}

const NOT_VERBS = ['constructor', 'alarm', 'fetch', 'webSocketClose'];
const replaced = new WeakSet<object>();

/** The bindings of a Worker whose queries are on the bill. */
export const billed: typeof env = { ...env, DB: connection('worker') };

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

const countingHops = (verb: string) => (original: Method) =>
  function (this: { ctx: DurableObjectState }, ...args: never[]) {
    if (!stores.has(this.ctx.storage)) return original.apply(this, args);
    tally.hops.push(verb);
    const before = written();
    const outcome = original.apply(this, args);
    if (written() > before) tally.commits += 1;
    return outcome;
  };

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
function connection(whose: 'worker' | 'cell'): D1Database {
  const { constructor: Connection, fetcher } = env.DB as unknown as { constructor: new (fetcher: object) => D1Database; fetcher: Fetcher };
  const own = { fetch: (...request: Parameters<Fetcher['fetch']>) => fetcher.fetch(...request) };
  connections.set(own, whose);
  const db = new Connection(own);
  replace(db.withSession(), '_send', countingQueries);
  return db;
}

function countingQueries(original: Method): Method {
  return async function (this: { fetcher: object }, ...args: never[]) {
    const answer = await original.apply(this as never, args);
    for (const result of [answer].flat() as D1Result[]) countQuery(connections.get(this.fetcher), result);
    return answer;
  };
}

function countQuery(whose: 'worker' | 'cell' | undefined, { meta }: D1Result): void {
  if (whose === 'cell') tally.indexRows += meta.rows_written;
  if (whose !== 'worker') return;
  tally.queries += 1;
  tally.queriedRows += meta.rows_read;
}
