import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK } from 'jose';

/** How an issuer answers when its keys are asked for with something that is no key set. */
export const NO_KEY_SETS = ['missing', 'huge', 'no-json', 'no-keys'] as const;
/** Or else it breaks off (`down`), says nothing (`silent`), stops in the middle (`stalled`), or takes a moment (`slow`). */
export type Mood = 'up' | 'down' | 'silent' | 'stalled' | 'slow' | (typeof NO_KEY_SETS)[number];

/** One of each test's own, so that a flood or an outage of one disturbs no other. The first has a key of every kind. */
const NAMES = ['main', 'other', 'flooded', 'rotating', 'down', 'silent', 'stalled', 'slow', 'abandoned', ...NO_KEY_SETS] as const;
export type IssuerName = (typeof NAMES)[number];

/** What a test learns of an issuer: its private keys, with which to sign, and how often its public ones were fetched. */
export interface IssuerState {
  readonly keys: readonly JWK[];
  readonly fetches: number;
}

export const AUDIENCE = 'sallyport-tests';

/** The setting that makes the Worker trust the issuers at `origin`. */
export const trusting = (origin: string) =>
  NAMES.map((name) => ({ issuer: `${origin}/${name}`, audience: AUDIENCE, jwksUrl: `${origin}/${name}/jwks` }));

const KEYS = { main: ['ES256', 'ES384', 'ES512', 'RS256', 'Ed25519'] } as Record<string, readonly string[]>;
const SLOW_MS = 300;

/** Starts the issuers on loopback. Each has its key set at `/{name}/jwks`; `state`, `rotate` and `mood` beside it are for the tests. */
export async function startIssuers(): Promise<{ origin: string; close: () => void }> {
  const issuers = new Map(NAMES.map((name) => [name as string, new Issuer(KEYS[name] ?? ['ES256'])]));
  await Promise.all([...issuers.values()].map((issuer) => issuer.rotate()));
  const server: Server = createServer((request, response) => {
    const [, name = '', what] = (request.url ?? '').split('/');
    const issuer = issuers.get(name);
    if (issuer === undefined) response.writeHead(404).end();
    else issuer.answer(what ?? '', request, response).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close().closeAllConnections() };
}

class Issuer {
  readonly #algorithms: readonly string[];
  #keys: JWK[] = [];
  #mood: Mood = 'up';
  #fetches = 0;

  constructor(algorithms: readonly string[]) {
    this.#algorithms = algorithms;
  }

  async rotate(): Promise<void> {
    this.#keys = await Promise.all(
      this.#algorithms.map(async (algorithm) => {
        const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
        return { ...(await exportJWK(privateKey)), kid: `${algorithm}-${crypto.randomUUID()}` };
      }),
    );
  }

  async answer(what: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (what === 'jwks') return this.#publish(response);
    if (what === 'rotate') await this.rotate();
    if (what === 'mood') for await (const mood of request.setEncoding('utf8')) this.#mood = mood as Mood;
    response.end(JSON.stringify({ keys: this.#keys, fetches: this.#fetches } satisfies IssuerState));
  }

  #publish(response: ServerResponse): void {
    this.#fetches += 1;
    const set = JSON.stringify({ keys: this.#keys.map(({ d, p, q, dp, dq, qi, ...published }) => published) });
    const answers: Record<Mood, () => void> = {
      up: () => response.end(set),
      down: () => response.destroy(),
      silent: () => {},
      stalled: () => response.write(set.slice(0, 10)),
      slow: () => setTimeout(() => response.end(set), SLOW_MS),
      missing: () => response.writeHead(404).end(set),
      huge: () => response.end(set.padEnd(1_000_000)),
      'no-json': () => response.end('<html>'),
      'no-keys': () => response.end('{"keys":"none"}'),
    };
    answers[this.#mood]();
  }
}
