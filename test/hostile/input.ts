import { readFileSync } from 'node:fs';
import { fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { methodOf } from '../../src/http/services.ts';
import { type Described, type Document, requestsOf, routesOf, type Sent } from '../support/described-requests.ts';
import { type Answer, Connection } from '../support/load.ts';
import { ofUser, requestAs, Sallyport } from '../support/sallyport.ts';
import { secrets } from '../support/secrets.ts';
import { type Twist, twists } from './json-grammar.ts';
import { envelopes, mangles } from './protobuf-grammar.ts';
import type { Report } from './report.ts';

const CONNECTIONS = 16;
/** The deadline of a request, and what this machine may take beside it. */
const MOST_MS = 20_000;
const MOST_MIB = 1024;
/** Stands in what is sent, and in no refusal. */
const MARKER = 'zq7marker';
const ANY_STACK = /\n\s+at |\.(?:js|ts):\d+:\d+/;

/** A request as it goes over the wire, and where it went. */
interface Hostile {
  readonly where: string;
  readonly bytes: Buffer;
}

/** What is known of a place that requests go to. */
export interface Target {
  readonly port: number;
  readonly adminToken: string;
  /** Ids that are there, by the names of path parameters. */
  readonly ids: Readonly<Record<string, string>>;
  /** Whose resident memory is watched. */
  readonly pid?: number;
}

/** Every operation of the document in all three protocols and the forms of the login pages, with input that nobody expects, against the production bundle. */
export async function input(bundle: string, requests: number): Promise<Report> {
  const sallyport = await Sallyport.start(bundle, { PASSWORD_HASH: 'argon2id', LOGIN_CLIENT_TOKEN: secrets.LOGIN_CLIENT_TOKEN });
  try {
    const [person] = await sallyport.people(1, {});
    const [login] = person ? await sallyport.sessions([ofUser(person)]) : [];
    const ids = { userId: person?.userId ?? '', sessionId: login?.id ?? '' };
    const { port, pid } = sallyport.worker;
    return await tryInput({ port, pid, adminToken: secrets.ADMIN_TOKEN, ids }, requests, Number(process.env.INPUT_SEED ?? Date.now() % 1e9));
  } finally {
    await sallyport.worker.end();
  }
}

/** The same against whatever answers at a port. */
export async function tryInput(target: Target, requests: number, seed: number): Promise<Report> {
  const trial = new Trial(target);
  const document: Document = JSON.parse((await trial.ask(requestAs({ host: 'localhost' }, 'GET', '/openapi.json'))).body);
  const routes = routesOf(document);
  const each = Math.ceil(requests / (routes.length * PROTOCOLS.length));
  for (const [at, [verb, path, operation]] of routes.entries())
    for (const [nth, hostile] of PROTOCOLS.entries()) {
      const sample = fc.sample(hostile(target, verb, path, operation), { numRuns: each, seed: seed + at * PROTOCOLS.length + nth });
      await trial.send(sample.filter((request) => request !== undefined));
    }
  await trial.send(fc.sample(pages, { numRuns: Math.ceil(requests / 50), seed }));
  await trial.sendSlowly();
  return trial.report(seed);
}

class Trial {
  readonly #target: Target;
  readonly #faults: string[] = [];
  readonly #statuses = new Map<number, number>();
  #closed = 0;
  #slowestMs = 0;
  #mostMib = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  async ask(bytes: string): Promise<Answer> {
    const connection = await Connection.to(this.#target.port);
    const answer = await connection.send(bytes);
    connection.close();
    return answer;
  }

  async send(requests: readonly Hostile[]): Promise<void> {
    const queue = requests.values();
    await Promise.all(Array.from({ length: CONNECTIONS }, () => this.#lane(queue)));
    this.#watchMemory();
  }

  /** A body of which a byte comes each second, and one that never goes on, while others are answered. */
  async sendSlowly(): Promise<void> {
    const { port, adminToken } = this.#target;
    const head = `POST /v2/sessions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${adminToken}\r\ncontent-length: 1000\r\n\r\n{`;
    const slow = await Promise.all(Array.from({ length: 8 }, () => Connection.to(port)));
    const answers = slow.map((connection) => within(MOST_MS, connection.send(Buffer.from(head))));
    const drip = setInterval(() => slow.slice(0, 4).map((connection) => connection.drip(' ')), 1000);
    await this.send(Array.from({ length: 200 }, () => ({ where: 'beside a slow body', bytes: Buffer.from(requestAs({}, 'GET', '/healthz')) })));
    for (const answer of await Promise.all(answers)) {
      if (answer === 'silent') this.#faults.push('a slow body was never answered');
      else if (answer !== 'closed' && ![400, 503].includes(answer.status)) this.#faults.push(`a slow body was answered ${answer.status}`);
    }
    clearInterval(drip);
    for (const connection of slow) connection.close();
  }

  report(seed: number): Report {
    const count = (from: number, to: number) =>
      [...this.#statuses].reduce((sum, [status, times]) => sum + (status >= from && status < to ? times : 0), 0);
    if (this.#mostMib > MOST_MIB) this.#faults.push(`workerd took ${this.#mostMib} MiB`);
    return {
      figures:
        `${count(0, 1000)} requests (INPUT_SEED=${seed}): ${count(200, 400)} done, ${count(400, 500)} refused, ${count(501, 502)} not built, ` +
        `${this.#closed} connections closed, slowest ${Math.round(this.#slowestMs)} ms${this.#mostMib > 0 ? `, at most ${this.#mostMib} MiB` : ''}`,
      faults: [...new Set(this.#faults)],
    };
  }

  async #lane(queue: Iterator<Hostile>): Promise<void> {
    let connection = await Connection.to(this.#target.port);
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const { where, bytes } = next.value;
      const sentAt = performance.now();
      const answer = await within(MOST_MS, connection.send(bytes));
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - sentAt);
      if (answer === 'silent') this.#faults.push(`${where} was never answered`);
      else if (answer === 'closed') this.#closed += 1;
      else this.#look(where, answer);
      if (typeof answer === 'string' || /\r\nconnection: close/i.test(answer.head)) {
        connection.close();
        connection = await Connection.to(this.#target.port);
      }
    }
    connection.close();
  }

  #look(where: string, { status, head, body }: Answer): void {
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    const said = `${where}: ${status} ${body.slice(0, 300)}`;
    if (status >= 500 && status !== 501) this.#faults.push(said);
    if (status >= 400 && `${head}${body}`.includes(MARKER)) this.#faults.push(`reflected ${said}`);
    if (/^content-type: text\/html/im.test(head) && body.includes(`${MARKER}<`)) this.#faults.push(`unescaped ${said}`);
    if (ANY_STACK.test(body)) this.#faults.push(`a stack ${said}`);
  }

  #watchMemory(): void {
    const { pid } = this.#target;
    if (pid === undefined) return;
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    this.#mostMib = Math.max(this.#mostMib, Math.round(Number(kib) / 1024));
  }
}

async function within(mostMs: number, sent: Promise<Answer>): Promise<Answer | 'closed' | 'silent'> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), mostMs);
  });
  const answer = await Promise.race([sent.catch(() => 'closed' as const), silence]);
  clearTimeout(timer);
  return answer;
}

/** Callers, most of whom may do it, and headers that some look at. */
const headers = (adminToken: string): fc.Arbitrary<Record<string, string>> =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constant({ authorization: `Bearer ${adminToken}` }) },
    fc
      .constantFrom(
        '',
        'Bearer',
        'Basic YTpi',
        `Bearer ${MARKER}`,
        `Bearer pat_${MARKER}`,
        `Bearer sess_${MARKER}_x`,
        `Bearer e30.e30.${MARKER}`,
        `Bearer ${'x'.repeat(9000)}`,
      )
      .map((authorization) => ({ authorization })),
    fc
      .tuple(
        fc.constantFrom(
          'idempotency-key',
          'x-zitadel-orgid',
          'connect-protocol-version',
          'connect-timeout-ms',
          'grpc-timeout',
          'content-encoding',
          'grpc-encoding',
          'accept',
          'origin',
        ),
        fc.constantFrom('', MARKER, '\u00e9', 'x'.repeat(300), '-1', '1S', 'gzip', '1', '99999999999999999999'),
      )
      .map(([name, value]) => ({ authorization: `Bearer ${adminToken}`, [name]: value })),
  );

type Grammar = (target: Target, verb: string, path: string, operation: Described) => fc.Arbitrary<Hostile | undefined>;

const rest: Grammar = ({ adminToken, ids }, verb, path, operation) =>
  fc
    .tuple(
      fc.boolean().chain((breaking) => requestsOf(path, operation, ids, breaking)),
      twists,
      headers(adminToken),
      fc.nat({ max: 60 }),
    )
    .map(([sent, twist, head, odd]) =>
      written(verb.toUpperCase(), oddly(sent, odd), head, 'application/json', bodyFrom(verb, sent, twist), operation),
    );

const connectJson: Grammar = ({ adminToken, ids }, _, path, operation) =>
  asRpc(operation, (rpc) =>
    fc
      .tuple(
        fc.boolean().chain((breaking) => requestsOf(path, operation, ids, breaking)),
        twists,
        headers(adminToken),
      )
      .map(([sent, twist, head]) => written('POST', `/${rpc}`, head, 'application/json', twist(sent.body, MARKER), operation)),
  );

const connectBinary: Grammar = ({ adminToken, ids }, _, path, operation) =>
  asRpc(operation, (rpc) =>
    fc
      .tuple(requestsOf(path, operation, ids, false), mangles, headers(adminToken))
      .map(([sent, mangle, head]) => written('POST', `/${rpc}`, head, 'application/proto', mangle(binaryOf(rpc, sent)), operation)),
  );

const grpcWeb: Grammar = ({ adminToken, ids }, _, path, operation) =>
  asRpc(operation, (rpc) =>
    fc
      .tuple(requestsOf(path, operation, ids, false), mangles, envelopes, headers(adminToken))
      .map(([sent, mangle, envelope, head]) =>
        written('POST', `/${rpc}`, head, 'application/grpc-web+proto', envelope(mangle(binaryOf(rpc, sent))), operation),
      ),
  );

const PROTOCOLS: readonly Grammar[] = [rest, connectJson, connectBinary, grpcWeb];

const asRpc = ({ 'x-rpc': rpc }: Described, of: (rpc: string) => fc.Arbitrary<Hostile>): fc.Arbitrary<Hostile | undefined> =>
  rpc === undefined ? fc.constant(undefined) : of(rpc);

function bodyFrom(verb: string, { body }: Sent, twist: Twist): Uint8Array {
  return verb === 'get' && body === undefined ? new Uint8Array() : twist(body, MARKER);
}

/** The message in binary, where it is described and can be written so; else nothing, which is a message too. */
function binaryOf(rpc: string, { body }: Sent): Uint8Array {
  const method = methodOf(rpc);
  if (method === undefined) return new Uint8Array();
  try {
    return toBinary(method.input, fromJson(method.input, (body ?? {}) as JsonValue, { ignoreUnknownFields: true }));
  } catch {
    return new Uint8Array();
  }
}

/** A path as it is or, now and then, odd. */
const oddly = ({ path }: Sent, odd: number): string =>
  [
    `${path}/`,
    `/${path}`,
    path.replace('/v2', '/v2/..;'),
    `${path}?${MARKER}=%ff&x`,
    `${path}%00`,
    path.replaceAll('/', '%2F'),
    `${path}/../${MARKER}`,
  ][odd] ?? path;

function written(
  method: string,
  path: string,
  head: Readonly<Record<string, string>>,
  type: string,
  body: Uint8Array,
  { operationId }: Pick<Described, 'operationId'>,
): Hostile {
  const lines = Object.entries({ host: 'localhost', 'content-type': type, ...head, 'content-length': String(body.length) });
  const text = `${method} ${path.replace(/[^\x21-\x7e]/g, '%20')} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return { where: `${operationId} (${type})`, bytes: Buffer.concat([Buffer.from(text, 'latin1'), body]) };
}

const FORMS = [
  '/login',
  '/login/name',
  '/login/password',
  '/login/restart',
  '/login/second-factor',
  '/login/forgot',
  '/login/phone',
  '/login/provider',
  '/login/account',
  '/idps/callback',
];

/** Forms that browsers post to the login pages, and what comes back from providers. */
const pages: fc.Arbitrary<Hostile> = fc
  .tuple(
    fc.constantFrom(...FORMS),
    fc.constantFrom('GET', 'POST'),
    fc.dictionary(
      fc.constantFrom('loginName', 'password', 'code', 'return_to', 'state', 'error', 'id', 'method', '__proto__'),
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.constantFrom(`${MARKER}<b>`, 'https://evil.example', '//evil.example', 'javascript:alert(1)'),
      ),
    ),
    fc.constantFrom('', `sallyport-login=${MARKER}`, `__Host-sallyport-login=1.${'A'.repeat(200)}`, 'x'.repeat(4000)),
  )
  .map(([path, method, fields, cookie]) => {
    const form = new URLSearchParams(fields).toString();
    const head = { origin: 'http://localhost', ...(cookie && { cookie }) };
    return method === 'GET'
      ? written('GET', `${path}?${form}`, head, 'text/plain', new Uint8Array(), { operationId: path })
      : written('POST', path, head, 'application/x-www-form-urlencoded', Buffer.from(form), { operationId: path });
  });
