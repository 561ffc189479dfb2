import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';

/** What becomes of a query: it is not carried out, in the words of D1, of the network or of the platform; or it is, and the answer is lost; or it comes once nobody waits for it any more. */
export const FAULTS = {
  'is refused': async () => Response.json({ success: false, error: 'D1 DB is overloaded: SECRET' }, { status: 500 }),
  'meets no network': async () => {
    throw Object.assign(new Error('Network connection lost: SECRET'), { retryable: true });
  },
  'breaks inside the platform': async () => {
    throw new Error('internal error; reference = SECRET');
  },
  'is carried out and its answer lost': async (run) => {
    await run();
    throw Object.assign(new Error('Network connection lost: SECRET'), { retryable: true });
  },
  // It looks for the word itself: nobody else may wake what waits in a cell.
  'is late': async (run, isAwaited) => {
    while (isAwaited()) await scheduler.wait(20);
    return run();
  },
} satisfies Record<string, (run: () => Promise<Response>, isAwaited: () => boolean) => Promise<Response>>;
export type Fault = keyof typeof FAULTS;

/**
 * A connection of one's own to D1, at which a query can go wrong: of those that the Worker and the cells that it calls make, the nth from `plan` on. Alarms go
 * by the cell's own connection, or are not due.
 */
export class FaultyDirectory {
  /** The statements that were asked for since the plan was made. */
  asked: string[] = [];
  /** For the Worker. Each user's cell that it calls has the same connection from then on. */
  readonly bindings: object;
  #plan: { readonly nth: number; readonly fault: Fault } | undefined;
  #isAwaited = true;

  constructor() {
    const { constructor: Connection, fetcher } = env.DB as unknown as { constructor: new (fetcher: object) => D1Database; fetcher: Fetcher };
    const DB = new Connection({ fetch: (url: string, init: RequestInit) => this.#fetch(String(init.body), () => fetcher.fetch(url, init)) });
    this.bindings = { DB, USERS: { getByName: (name: string) => boundTo(DB, env.USERS.getByName(name)) } };
  }

  plan(nth = Number.POSITIVE_INFINITY, fault: Fault = 'is refused'): void {
    this.asked = [];
    this.#plan = { nth, fault };
    this.#isAwaited = true;
  }

  /** Lets what is late come. */
  release(): void {
    this.#isAwaited = false;
  }

  async #fetch(body: string, run: () => Promise<Response>): Promise<Response> {
    const statements = [JSON.parse(body)].flat() as { sql: string }[];
    this.asked.push(statements.map(({ sql }) => sql.replace(/\s+/g, ' ').trim()).join('; '));
    if (this.asked.length !== this.#plan?.nth) return run();
    return FAULTS[this.#plan.fault](run, () => this.#isAwaited);
  }
}

/** A user's cell as the Worker calls it, on another connection than it was born with. */
const boundTo = <Stub extends DurableObjectStub>(DB: D1Database, stub: Stub): Stub =>
  new Proxy(stub, {
    get:
      (target, verb) =>
      async (...args: unknown[]) => {
        await runInDurableObject(stub, (instance) => void Object.assign(instance, { env: { ...env, DB } }));
        return (target as unknown as Record<string | symbol, (...args: unknown[]) => Promise<unknown>>)[verb]?.(...args);
      },
  });
