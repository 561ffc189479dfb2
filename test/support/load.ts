import { connect, type Socket } from 'node:net';

/** What came back, its body still as text. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One connection's requests, each made from the answer to the one before. */
export type Lane = Iterator<string, void, Answer>;

/** One run of lanes side by side: closed loops, each sending its next request when it has its answer. */
export interface Run {
  readonly count: number;
  readonly seconds: number;
  /** How long each took, in milliseconds, sorted. Nothing is corrected for what a closed loop does not send while it waits. */
  readonly tookMs: Float64Array;
}

/** An HTTP/1.1 request as it goes over the wire. */
export function request(method: string, path: string, headers: Readonly<Record<string, string>>, body?: object): string {
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries({ host: 'localhost', ...headers, 'content-length': String(Buffer.byteLength(text)) });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`;
}

/** Runs the lanes until each has ended, or until this many milliseconds are over. So many requests of a lane are counted as one thing. */
export async function run(
  port: number,
  lanes: readonly Lane[],
  { mostMs = Number.POSITIVE_INFINITY, most = Number.POSITIVE_INFINITY, requests = 1 } = {},
): Promise<Run> {
  const connections = await Promise.all(lanes.map(() => Connection.to(port)));
  const took: number[] = [];
  const began = performance.now();
  const goesOn = () => took.length < most && performance.now() - began < mostMs;
  const drive = async (lane: Lane, connection: Connection) => {
    let step = lane.next();
    while (!step.done && goesOn()) {
      const sentAt = performance.now();
      for (let n = 0; n < requests && !step.done; n += 1) step = lane.next(await connection.send(step.value));
      took.push(performance.now() - sentAt);
    }
  };
  await Promise.all(lanes.map((lane, at) => drive(lane, connections[at] as Connection)));
  const seconds = (performance.now() - began) / 1000;
  for (const connection of connections) connection.close();
  return { count: took.length, seconds, tookMs: Float64Array.from(took).sort() };
}

/** The value below which this share of a sorted list lies. */
export const percentile = (sorted: Float64Array, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

const HEAD_END = Buffer.from('\r\n\r\n');

/** A kept-alive connection with one request at a time. Node's own clients cost more than the Worker that they would measure. */
export class Connection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the Worker closed the connection')));
  }

  static to(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  send(bytes: string | Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  /** Adds to a request that was not sent whole. */
  drip(bytes: string): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([this.#received, chunk]);
    const answer = read(this.#received);
    if (answer === undefined) return;
    this.#received = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }
}

/** A whole answer, if there is one yet. */
function read(received: Buffer): Answer | undefined {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = received.toString('latin1', 0, headEnd);
  const status = Number(head.slice(9, 12));
  const body = received.subarray(headEnd + HEAD_END.byteLength);
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(head) ?? [];
  if (length !== undefined) return body.byteLength < Number(length) ? undefined : { status, head, body: body.toString() };
  const chunks = unchunked(body.toString('latin1'));
  return chunks === undefined ? undefined : { status, head, body: Buffer.from(chunks, 'latin1').toString() };
}

function unchunked(body: string): string | undefined {
  let whole = '';
  let at = 0;
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (body.length < end + 2) return undefined;
    if (size === 0) return whole;
    whole += body.slice(lineEnd + 2, end);
    at = end + 2;
  }
}
