import { request } from 'node:http';
import { inject } from 'vitest';
import type { Login } from '../support/login.ts';

/** One message of a watch. */
export interface Told {
  readonly sequence: string;
  readonly events?: readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: tests look into sessions whose shape they assert
  readonly session: any;
}

export const PROTOCOL = 'sallyport.watch.v1';

const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 1000; tries += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never came true');
};

/** A client that watches a session: what it was told, as it was sent, and how the watch ended. */
export class Watcher {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  ending: readonly [code: number, reason: string] | undefined;
  failed = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => void this.texts.push(String(data)));
    socket.addEventListener('error', () => {
      this.failed = true;
    });
    socket.addEventListener('close', ({ code, reason }) => {
      this.ending = [code, reason];
    });
  }

  /** What was told from one message on, once there are as many as are expected. */
  async told(count: number, from = 0): Promise<Told[]> {
    await until(() => this.failed || this.texts.length >= count);
    if (this.failed) throw new Error('the watch was refused');
    return this.texts.slice(from).map((text) => JSON.parse(text) as Told);
  }

  async ended(): Promise<readonly [code: number, reason: string] | undefined> {
    await until(() => this.ending !== undefined);
    return this.ending;
  }
}

const addressOf = (sessionId: string, origin = inject('baseUrl')): string =>
  new URL(`/v2/sessions/${sessionId}/watch`, origin.replace(/^http/, 'ws')).href;

/** Watches as a browser does: by the session's token, as a subprotocol. */
export const watchByToken = ({ id, token }: Login, origin?: string): Watcher => new Watcher(new WebSocket(addressOf(id, origin), [PROTOCOL, token]));

/** Watches as a service does, which can send headers. */
export function watchByBearer({ id }: Pick<Login, 'id'>, bearer: string): Watcher {
  const options = { protocols: [PROTOCOL], headers: { authorization: `Bearer ${bearer}` } };
  // Of undici, to which headers may be given; the type is that of browsers.
  return new Watcher(new WebSocket(addressOf(id), options as unknown as string[]));
}

/** How an upgrade to a WebSocket is answered: the status, with the id of the error if it is refused. */
export function knock(sessionId: string, { bearer = '', protocols = [PROTOCOL], upgrade = 'websocket' } = {}): Promise<[number, string | undefined]> {
  const url = addressOf(sessionId).replace(/^ws/, 'http');
  const headers = {
    ...(upgrade && { connection: 'Upgrade', upgrade }),
    'sec-websocket-version': '13',
    'sec-websocket-key': btoa('0123456789abcdef'),
    ...(protocols.length > 0 && { 'sec-websocket-protocol': protocols.join(', ') }),
    ...(bearer && { authorization: `Bearer ${bearer}` }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers });
    asked.on('error', reject);
    asked.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve([response.statusCode ?? 0, undefined]);
    });
    asked.on('response', async (response) => {
      let text = '';
      for await (const part of response) text += part;
      const body = JSON.parse(text || '{}');
      resolve([response.statusCode ?? 0, body.details?.[0]?.id ?? body.message]);
    });
    asked.end();
  });
}
