import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env, exports } from 'cloudflare:workers';
import { cellOfSession } from '../../src/cells/session-id.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { config, type Login, must, walkWith } from './world.ts';

/** One message of a watch. */
export interface Told {
  readonly sequence: string;
  readonly events?: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into sessions whose shape they assert
  readonly session: any;
}

/** A client that watches a session: what it was told, as it was sent, and how the watch ended. */
export class Watcher {
  readonly texts: string[] = [];
  readonly socket: WebSocket;
  ending: readonly [code: number, reason: string] | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => void this.texts.push(String(data)));
    socket.addEventListener('close', ({ code, reason }) => {
      this.ending = [code, reason];
    });
    socket.accept();
  }

  /** What was told from one message on, once there are as many as are expected. */
  async told(count: number, from = 0): Promise<Told[]> {
    await until(() => this.texts.length >= count);
    return this.texts.slice(from).map((text) => JSON.parse(text) as Told);
  }

  async ended(): Promise<readonly [code: number, reason: string] | undefined> {
    await until(() => this.ending !== undefined);
    return this.ending;
  }

  /** Has an answer come from the runtime: what was sent before it has arrived by then. */
  async settled(): Promise<this> {
    const pongs = () => this.texts.filter((text) => text === 'pong').length;
    const before = pongs();
    this.socket.send('ping');
    await until(() => pongs() > before);
    this.texts.splice(this.texts.lastIndexOf('pong'), 1);
    return this;
  }
}

const BOUND = 1000;

/** Waits until something is true; generously, since it is not about speed. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < BOUND; tries += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it never came true');
}

/** Asks for a watch, by the session's token unless other headers are given. */
export const askToWatch = (
  { sessionId, token }: Login,
  headers: Record<string, string> = { 'sec-websocket-protocol': `sallyport.watch.v1, ${token}` },
) => exports.default.fetch(`http://sallyport.test/v2/sessions/${sessionId}/watch`, { headers: { upgrade: 'websocket', ...headers } });

export async function watching(login: Login): Promise<Watcher> {
  const { status, webSocket } = await askToWatch(login);
  if (webSocket === null) throw new Error(`the watch was answered ${status}`);
  return new Watcher(webSocket);
}

/** A session in a cell that is named, with a user checked when one is given. */
export async function sessionIn(cell: string, userId?: string, within: Partial<Walk> = {}): Promise<Login> {
  const created = must(
    await createSession(walkWith(within), {
      cellOf: () => cell,
      sessionIdKeys: config.sessionIdKeys,
      callerId: 'creator',
      command: { checks: userId === undefined ? {} : { user: { userId } }, metadata: [] },
      now: Date.now(),
    }),
  );
  const sessionCell = (await cellOfSession(created.sessionId, config.sessionIdKeys)) ?? '';
  return { sessionId: created.sessionId, sessionCell, token: created.sessionToken };
}

export const cellStub = ({ sessionCell }: Pick<Login, 'sessionCell'>) => env.SESSIONS.getByName(sessionCell);
export const alarmOf = (login: Login) => runInDurableObject(cellStub(login), (_, { storage }) => storage.getAlarm());
export const socketsOf = (login: Login) => runInDurableObject(cellStub(login), (_, state) => state.getWebSockets().length);
export const evict = (login: Login) => evictDurableObject(cellStub(login));

/** The row of D1's index about a session. */
export const indexed = ({ sessionId }: Login) => env.DB.prepare('SELECT * FROM session_index WHERE id = ?').bind(sessionId).first();

/** Has a session's cell tell the index until it knows the session by the sequence that it has. */
export const untilIndexed = (login: Login) =>
  until(async () => {
    await runDurableObjectAlarm(cellStub(login));
    const sequence = await runInDurableObject(cellStub(login), (_, { storage }) => {
      const [row] = storage.sql.exec<{ content: string }>('SELECT content FROM session WHERE id = ?', login.sessionId);
      return JSON.parse(row?.content ?? '{}').session?.sequence;
    });
    return (await indexed(login))?.sequence === sequence;
  });
