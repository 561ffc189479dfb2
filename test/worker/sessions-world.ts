import { createExecutionContext, evictDurableObject, runDurableObjectAlarm, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import { EVERYWHERE } from '../../src/core/permission.ts';
import type { Session } from '../../src/core/session/session.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import { cells, config, type Login, must, walkWith } from './world.ts';

/** A session's row in D1's index. */
export type Entry = Record<'id' | 'creator', string> &
  Record<'sequence' | 'creation_date' | 'expiration_date' | 'ended', number> &
  Record<'fingerprint_id' | 'user_id' | 'organization_id', string | null> & { epoch: number | null };

export const stubOf = (cell: string) => env.SESSIONS.getByName(cell);

let made = 0;
/** A cell that holds nothing yet, in a region where no other test has one. */
export function newCell(): string {
  made += 1;
  return `sessions:eeur:${made}`;
}

/** A session in this cell, with the user checked when one is given. */
export async function sessionIn(
  cell: string,
  user?: User,
  more: { creator?: string; fingerprintId?: string; lifetimeMs?: number } = {},
): Promise<Login> {
  const { creator = 'creator', fingerprintId, ...lifetime } = more;
  const created = must(
    await createSession(walkWith(), {
      cellOf: () => cell,
      sessionIdKeys: config.sessionIdKeys,
      callerId: creator,
      command: { checks: user ? { user: { userId: user.id } } : {}, metadata: [], userAgent: fingerprintId ? { fingerprintId } : {}, ...lifetime },
      now: Date.now(),
    }),
  );
  return { sessionId: created.sessionId, sessionCell: cell, token: created.sessionToken };
}

export const end = ({ sessionId, sessionCell }: Login) =>
  cells.session(sessionCell).terminate({ sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE });

/** What a cell has. */
export const objectsOf = (cell: string): Promise<Session[]> =>
  runInDurableObject(stubOf(cell), (_, { storage }) =>
    [...storage.sql.exec<{ content: string }>('SELECT content FROM session')].map(({ content }) => JSON.parse(content).session as Session),
  );

/** What the index is to say of sessions, in the order of their ids. */
export const entriesOf = (sessions: readonly Session[]): Entry[] =>
  sessions
    .map(
      (session): Entry => ({
        id: session.id,
        sequence: session.sequence,
        creator: session.creator,
        fingerprint_id: session.userAgent?.fingerprintId ?? null,
        user_id: session.user?.id ?? null,
        organization_id: session.user?.organizationId ?? null,
        epoch: session.user?.epoch ?? null,
        creation_date: session.creationDate,
        expiration_date: session.lifetimeEndsAt,
        ended: session.terminatedAt === undefined ? 0 : 1,
      }),
    )
    .sort((one, other) => (one.id < other.id ? -1 : 1));

/** What the index says of sessions, by their ids. An ended session has forgotten its agent, whether or not its tombstone has. */
export async function indexed(ids: readonly string[]): Promise<Entry[]> {
  const all = 'SELECT * FROM session_index WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id';
  const { results } = await env.DB.prepare(all).bind(JSON.stringify(ids)).all<Entry>();
  return results.map((entry) => (entry.ended === 1 ? { ...entry, fingerprint_id: null } : entry));
}

export const entryOf = async ({ sessionId }: Login): Promise<Entry | undefined> => (await indexed([sessionId]))[0];

/** Has a cell's alarm ring now, as often as it takes until something is so. */
export async function ringUntil(cell: string, what: string, look: () => Promise<boolean>): Promise<void> {
  for (let rounds = 0; rounds < 60; rounds += 1) {
    if (await look()) return;
    if (!(await runDurableObjectAlarm(stubOf(cell)))) await scheduler.wait(50);
  }
  throw new Error(`it never came to be that ${what}`);
}

/** Until the index says of a session what its cell has. */
export const untilTold = (login: Login): Promise<void> =>
  ringUntil(login.sessionCell, 'the index follows', async () => {
    const session = (await objectsOf(login.sessionCell)).find(({ id }) => id === login.sessionId);
    const [wanted, entry] = [session && entriesOf([session])[0], await entryOf(login)];
    const columns = Object.keys(wanted ?? {}) as (keyof Entry)[];
    return wanted !== undefined && entry !== undefined && columns.every((column) => wanted[column] === entry[column]);
  });

/** D1 that does something else, or something before, when a statement runs. */
export const watchedDb = (around: (statement: string, run: () => Promise<unknown>) => Promise<unknown>): D1Database =>
  new Proxy(env.DB, {
    get: (target, name) => {
      if (name !== 'prepare') return Reflect.get(target, name).bind(target);
      return (statement: string) => {
        const prepared = target.prepare(statement);
        return {
          bind: (...values: unknown[]) => {
            const bound = prepared.bind(...values);
            return new Proxy(bound, {
              get: (_, verb) => {
                const method = Reflect.get(bound, verb);
                return verb === 'run'
                  ? () => around(statement, () => method.call(bound))
                  : typeof method === 'function'
                    ? method.bind(bound)
                    : method;
              },
            });
          },
        };
      };
    },
  });

export const isIndexing = (statement: string): boolean => /session_index/.test(statement);

/** Gives a cell bindings of the test's own, until it is evicted. */
export const rebind = (cell: string, bindings: object): Promise<void> =>
  runInDurableObject(stubOf(cell), (instance: SessionCell) => {
    const target = instance as unknown as { env: object };
    target.env = { ...target.env, ...bindings };
  });

export const evict = (cell: string): Promise<void> => evictDurableObject(stubOf(cell));

/** One request of the operator to the whole Worker. */
export async function send(
  method: string,
  path: string,
  body?: object,
  { bearer = env.ADMIN_TOKEN, bindings = {} }: { bearer?: string; bindings?: object } = {},
) {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${bearer}` };
  const request = new Request(`http://sallyport.test${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const response = await app.fetch(request, { ...env, ...bindings } as typeof env, context);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
  const answer = { status: response.status, body: (await response.json()) as any, headers: response.headers };
  await waitOnExecutionContext(context);
  return answer;
}
