import { createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';

/** How one of a provider's endpoints answers instead of as it should. */
export type Mood = keyof typeof MOODS;
export type Endpoint = 'discovery' | 'token' | 'userinfo' | 'jwks';

/** What a test has a provider do. Members whose value is null are taken away from what it would say. */
export interface Script {
  readonly moods?: Partial<Record<Endpoint, Mood>>;
  /** Members of the discovery document. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly idToken?: Readonly<Record<string, unknown>>;
  /** How the ID token is signed, if not by the key that is published. */
  readonly signature?: 'none' | 'hmac' | 'unknown-key' | 'forged';
  /** What the token endpoint tells beside the tokens. */
  readonly tokens?: Readonly<Record<string, unknown>>;
  /** What the user endpoint tells. */
  readonly user?: Readonly<Record<string, unknown>>;
}

/** One request that a provider got, with what was in it. */
export interface Received {
  readonly what: Endpoint | 'authorize';
  readonly method: string;
  /** With the port. */
  readonly host: string;
  readonly query: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
  readonly authorization: string;
  readonly accept: string;
}

/** Where the providers are, under one host and under another. */
export interface ScriptedProviders {
  readonly origin: string;
  readonly elsewhere: string;
}

/** A host that is not this machine, at which the Worker reaches the scripted providers as well. */
export const HOUSE = 'house.example';
/** And hosts at which it reaches one of them, of that name: where presets say that providers are. */
export const HOUSES: Readonly<Record<string, string>> = {
  [HOUSE]: '',
  // This machine, over TLS.
  localhost: '',
  'github.com': '/github',
  'api.github.com': '/github',
  'login.microsoftonline.com': '/microsoft',
  'graph.microsoft.com': '/microsoft',
};
/** What those have elsewhere than the others. */
const ELSEWHERE: Readonly<Record<string, Endpoint>> = {
  'login/oauth/access_token': 'token',
  user: 'userinfo',
  'consumers/oauth2/v2.0/token': 'token',
  'mouse.example/oauth2/v2.0/token': 'token',
  'v1.0/me': 'userinfo',
  '.well-known/openid-configuration': 'discovery',
};

export const SECRET = 'a-secret-of-the-scripted-provider';

/**
 * Starts providers that do what a test tells them: each name is one of its own, so that no test disturbs another. `PUT /{name}` makes or scripts one, `POST
 * /{name}/rotate` gives it another key, `GET /{name}` tells what it received. Everybody is logged in there already.
 */
export async function startScriptedProviders(): Promise<ScriptedProviders & { close: () => void }> {
  const providers = new Map<string, ScriptedProvider>();
  const hosts: string[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '', hosts[0]);
    const [, name = '', ...rest] = url.pathname.split('/');
    const provider = providers.get(name) ?? new ScriptedProvider(`${hosts[0]}/${name}`, hosts[1] ?? '');
    providers.set(name, provider);
    await provider.answer(rest.join('/'), url, request, response);
  };
  const servers: Server[] = [0, 1].map(() =>
    createServer((request, response) => void serve(request, response).catch((error) => response.destroy(error))),
  );
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    hosts.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const [origin = '', elsewhere = ''] = hosts;
  return { origin, elsewhere, close: () => servers.forEach((server) => void server.close().closeAllConnections()) };
}

/** An answer as it should be: its status, and its body in JSON. */
interface Due {
  readonly response: ServerResponse;
  readonly body: string;
  readonly url: URL;
  readonly elsewhere: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const redirect = ({ response, url }: Due, origin: string): void => {
  response.writeHead(307, { location: `${origin}${url.pathname}?moved=yes` }).end();
};

const asItShould = ({ response, body }: Due) => response.writeHead(200, JSON_TYPE).end(body);

const MOODS = {
  up: asItShould,
  down: ({ response }: Due) => response.destroy(),
  error: ({ response, body }: Due) => response.writeHead(500, JSON_TYPE).end(body),
  unauthorized: ({ response, body }: Due) => response.writeHead(401, { ...JSON_TYPE, 'www-authenticate': 'Bearer error="invalid_token"' }).end(body),
  'no-json': ({ response }: Due) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  'broken-json': ({ response, body }: Due) => response.writeHead(200, JSON_TYPE).end(body.slice(0, -1)),
  'a-list': ({ response, body }: Due) => response.writeHead(200, JSON_TYPE).end(`[${body}]`),
  form: ({ response, body }: Due) =>
    response.writeHead(200, { 'content-type': 'application/x-www-form-urlencoded' }).end(new URLSearchParams(JSON.parse(body)).toString()),
  long: ({ response, body }: Due) => response.writeHead(200, JSON_TYPE).end(body.padEnd(256 * 1024)),
  'too-long': ({ response, body }: Due) => response.writeHead(200, JSON_TYPE).end(body.padEnd(256 * 1024 + 1)),
  endless: ({ response, body }: Due) => flood(response, body),
  // Not before the provider is told something else.
  held: asItShould,
  silent: () => {},
  stalled: ({ response, body }: Due) => response.writeHead(200, JSON_TYPE).write(body.slice(0, 10)),
  moved: (due: Due) => (due.url.searchParams.has('moved') ? asItShould(due) : redirect(due, due.url.origin)),
  elsewhere: (due: Due) => (due.url.searchParams.has('moved') ? asItShould(due) : redirect(due, due.elsewhere)),
  round: (due: Due) => redirect(due, due.url.origin),
} satisfies Record<string, (due: Due) => unknown>;

/** White space without an end: only whoever stops listening gets on. */
function flood(response: ServerResponse, body: string): void {
  response.writeHead(200, JSON_TYPE).write(body);
  const more = (): void => {
    while (!response.destroyed && response.write(' '.repeat(16 * 1024)));
  };
  response.on('drain', more);
  more();
}

class ScriptedProvider {
  readonly #issuer: string;
  readonly #elsewhere: string;
  readonly #received: Received[] = [];
  readonly #codes = new Map<string, URLSearchParams>();
  readonly #held: (() => void)[] = [];
  #script: Script = {};
  #key: Promise<Key> = newKey();

  constructor(issuer: string, elsewhere: string) {
    this.#issuer = issuer;
    this.#elsewhere = elsewhere;
  }

  async answer(path: string, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    if (path === '' || path === 'rotate') return this.#obey(path, request.method ?? '', text, response);
    const what = ELSEWHERE[path] ?? (path as Received['what']);
    const form = new URLSearchParams(text);
    const { authorization = '', accept = '', host = '' } = request.headers;
    const [query, fields] = [Object.fromEntries(url.searchParams), Object.fromEntries(form)];
    this.#received.push({ what, method: request.method ?? '', host, query, form: fields, authorization, accept });
    if (what === 'authorize') return this.#authorize(url.searchParams, response);
    const bodies = { discovery: () => this.#discovery(), jwks: () => this.#keySet(), token: () => this.#tokens(form), userinfo: () => this.#user() };
    const body = await bodies[what]?.();
    if (body === undefined) return void response.writeHead(400, JSON_TYPE).end('{"error":"invalid_grant"}');
    const mood = this.#script.moods?.[what] ?? 'up';
    if (mood === 'held') await new Promise<void>((resolve) => this.#held.push(resolve));
    MOODS[mood]({ response, body: JSON.stringify(body), url, elsewhere: this.#elsewhere });
  }

  #obey(path: string, method: string, text: string, response: ServerResponse): void {
    if (path === 'rotate') this.#key = newKey();
    if (method === 'PUT') {
      this.#script = JSON.parse(text) as Script;
      for (const release of this.#held.splice(0)) release();
    }
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(this.#received));
  }

  /** Everybody is logged in already. */
  #authorize(asked: URLSearchParams, response: ServerResponse): void {
    const code = randomUUID();
    this.#codes.set(code, asked);
    const back = new URL(asked.get('redirect_uri') ?? '');
    back.searchParams.set('code', code);
    back.searchParams.set('state', asked.get('state') ?? '');
    response.writeHead(302, { location: back.href }).end();
  }

  #discovery() {
    const at = (path: string) => `${this.#issuer}/${path}`;
    return amended(
      {
        issuer: this.#issuer,
        authorization_endpoint: at('authorize'),
        token_endpoint: at('token'),
        userinfo_endpoint: at('userinfo'),
        jwks_uri: at('jwks'),
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256'],
        code_challenge_methods_supported: ['S256'],
      },
      this.#script.metadata,
    );
  }

  async #keySet() {
    const { publicJwk, kid } = await this.#key;
    return { keys: [{ ...publicJwk, kid, alg: 'ES256', use: 'sig' }] };
  }

  /** A code is good for once. */
  async #tokens(form: URLSearchParams) {
    const code = form.get('code') ?? '';
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    if (asked === undefined) return undefined;
    const idToken = asked.get('scope')?.split(' ').includes('openid') ? { id_token: await this.#idToken(asked) } : {};
    return amended({ access_token: `access-${code}`, token_type: 'Bearer', expires_in: 300, ...idToken }, this.#script.tokens);
  }

  async #idToken(asked: URLSearchParams): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const told = { iss: this.#issuer, aud: asked.get('client_id'), sub: 'minnie', nonce: asked.get('nonce'), iat: now, exp: now + 300 };
    const claims = amended(told, this.#script.idToken);
    const { kid, privateKey } = await this.#key;
    const signedBy = async (key: CryptoKey) => new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
    switch (this.#script.signature) {
      case 'none':
        return new UnsecuredJWT(claims).encode();
      case 'hmac':
        return signedByHmac(claims);
      case 'unknown-key':
        return signedBy((await newKey()).privateKey);
      case 'forged':
        return withoutItsSignature(await signedBy(privateKey));
      default:
        return signedBy(privateKey);
    }
  }

  #user() {
    const claims = { sub: 'minnie', name: 'Minnie Mouse', given_name: 'Minnie', family_name: 'Mouse', email: 'minnie@mouse.example' };
    return amended(claims, this.#script.user);
  }
}

interface Key {
  readonly privateKey: CryptoKey;
  readonly publicJwk: object;
  readonly kid: string;
}

async function newKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  return { privateKey, publicJwk: await exportJWK(publicKey), kid: randomUUID() };
}

const amended = (told: object, amendments: object = {}): Record<string, unknown> =>
  Object.fromEntries(Object.entries({ ...told, ...amendments }).filter(([, value]) => value !== null));

function signedByHmac(claims: object): string {
  const [header, body] = [{ alg: 'HS256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${header}.${body}.${createHmac('sha256', SECRET).update(`${header}.${body}`).digest('base64url')}`;
}

/** One with another signature of the right length. */
const withoutItsSignature = (jwt: string): string => `${jwt.slice(0, jwt.lastIndexOf('.'))}.${Buffer.alloc(64, 1).toString('base64url')}`;
