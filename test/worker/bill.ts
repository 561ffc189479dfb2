import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** What a piece of work cost, in what Cloudflare bills and in what a caller waits for. */
export interface Bill {
  /** Calls to objects, by verb, in their order. */
  readonly hops: readonly string[];
  /** Rows written in session cells and in users' cells: table rows, index entries, and keys of the objects' key-value store. */
  readonly sessionRows: number;
  readonly userRows: number;
  /** Rows that SQLite looked at in them. */
  readonly rowsRead: number;
  /** Alarms that were set: a row each, too. */
  readonly alarms: number;
  readonly queries: number;
  readonly d1RowsRead: number;
  readonly d1RowsWritten: number;
}

type Tally = { -readonly [Key in keyof Bill]: Bill[Key] extends number ? number : string[] };
const nothing = (): Tally => ({ hops: [], sessionRows: 0, userRows: 0, rowsRead: 0, alarms: 0, queries: 0, d1RowsRead: 0, d1RowsWritten: 0 });

let tally = nothing();
let cursors: SqlStorageCursor<never>[] = [];
const owners = new WeakMap<object, 'sessionRows' | 'userRows'>();

/** Has everything counted that goes to these cells, and to D1, from now on. Test and Worker share an isolate, and so its prototypes. */
export async function countCells(...stubs: readonly DurableObjectStub[]): Promise<void> {
  for (const stub of stubs) {
    await runInDurableObject(stub, (instance, { storage }) => {
      const owner = Object.getPrototypeOf(instance).constructor.name === 'UserCell' ? 'userRows' : 'sessionRows';
      owners.set(storage.sql, owner).set(storage.kv, owner);
      countOnce(storage.sql, 'exec', countStatement);
      countOnce(storage.kv, 'put', countKey);
      countOnce(storage, 'setAlarm', countAlarm);
      for (const verb of verbsOf(instance)) countOnce(instance, verb, countHop(verb));
    });
  }
  const statement = env.DB.prepare('SELECT 1') as unknown as { dbSession: object };
  countOnce(statement.dbSession, '_send', countQuery);
}

/** What a piece of work cost. */
export async function billOf(work: () => Promise<unknown>): Promise<Bill> {
  [tally, cursors] = [nothing(), []];
  await work();
  for (const cursor of cursors) tally.rowsRead += cursor.rowsRead;
  return tally;
}

type Method = (...args: never[]) => unknown;
const counted = new WeakSet<object>();

function countOnce(object: object, name: string, counting: (original: Method) => Method): void {
  let prototype = Object.getPrototypeOf(object);
  while (prototype && !Object.hasOwn(prototype, name)) prototype = Object.getPrototypeOf(prototype);
  const original = prototype[name] as Method;
  if (counted.has(original)) return;
  const replacement = counting(original);
  counted.add(replacement);
  Object.defineProperty(prototype, name, { value: replacement, configurable: true, writable: true });
}

const verbsOf = (instance: object): string[] =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(instance)).filter((name) => !['constructor', 'alarm', 'fetch', 'webSocketClose'].includes(name));

const countHop = (verb: string) => (original: Method) =>
  function (this: object, ...args: never[]) {
    tally.hops.push(verb);
    return original.apply(this, args);
  };

const countStatement = (original: Method) =>
  function (this: object, ...args: never[]) {
    const cursor = original.apply(this, args) as SqlStorageCursor<never>;
    tally[owners.get(this) ?? 'sessionRows'] += cursor.rowsWritten;
    cursors.push(cursor);
    return cursor;
  };

const countKey = (original: Method) =>
  function (this: object, ...args: never[]) {
    tally[owners.get(this) ?? 'sessionRows'] += 1;
    return original.apply(this, args);
  };

const countAlarm = (original: Method) =>
  function (this: object, ...args: never[]) {
    tally.alarms += 1;
    return original.apply(this, args);
  };

const countQuery = (original: Method) =>
  async function (this: object, ...args: never[]) {
    const answer = await original.apply(this, args);
    for (const result of [answer].flat() as (D1Result | undefined)[]) {
      tally.queries += 1;
      tally.d1RowsRead += result?.meta?.rows_read ?? 0;
      tally.d1RowsWritten += result?.meta?.rows_written ?? 0;
    }
    return answer;
  };
