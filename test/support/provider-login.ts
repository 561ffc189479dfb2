import { inject, vi } from 'vitest';
import { type Answer, api, type Client, unique } from './api.ts';
import type { Version } from './login.ts';
import { type Endpoint, HOUSE, type Received, type Script, SECRET } from './scripted-provider.ts';

export const URLS = { successUrl: 'https://login.example.com/ok?x=1', failureUrl: 'https://login.example.com/no?y=2' };

/** Enters a provider. @returns its id */
export async function newProvider(kind: 'generic_oidc' | 'oauth' | 'github' | 'google' | 'azure', fields: object): Promise<string> {
  const { status, body } = await api().post(`/admin/v1/idps/${kind}`, { name: unique('house'), ...fields });
  if (status !== 200) throw new Error(`a provider could not be entered: ${JSON.stringify(body)}`);
  return body.id;
}

export const start = (idpId: string, urls: object = URLS, client: Client = api(), version: Version = 'v2'): Promise<Answer> =>
  client.post(`/${version}/idp_intents`, { idpId, urls });

/** Starts a log-in. @returns where the browser goes */
export async function started(idpId: string, urls: object = URLS): Promise<string> {
  const { status, body } = await start(idpId, urls);
  if (status !== 200) throw new Error(`a log-in could not be started: ${JSON.stringify(body)}`);
  return body.authUrl;
}

/** Where a browser is sent on to, and with what. */
export interface SentOn {
  readonly status: number;
  readonly url: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A browser that comes back from a provider. */
export async function comeBack(callback: URL | string, init: RequestInit = {}): Promise<SentOn> {
  const response = await fetch(callback, { redirect: 'manual', ...init });
  const location = response.headers.get('location');
  const url = location === null ? undefined : new URL(location);
  const parameters = Object.fromEntries(url?.searchParams ?? []);
  return { status: response.status, url: url ? `${url.origin}${url.pathname}` : '', parameters, text: await response.text() };
}

/** A log-in that ended well, as the login page holds it. */
export interface Intent {
  readonly idpIntentId: string;
  readonly idpIntentToken: string;
  readonly user: string | undefined;
}

export function intentOf({ parameters }: SentOn): Intent {
  const { id, token, user } = parameters;
  if (id === undefined || token === undefined) throw new Error(`the log-in did not end well: ${JSON.stringify(parameters)}`);
  return { idpIntentId: id, idpIntentToken: token, user };
}

export const retrieve = ({ idpIntentId, idpIntentToken }: Omit<Intent, 'user'>, client: Client = api(), version: Version = 'v2'): Promise<Answer> =>
  client.post(`/${version}/idp_intents/${idpIntentId}`, { idpIntentToken });

/** The check of an intent, as Create and PATCH take it. */
export const intentCheck = ({ idpIntentId, idpIntentToken }: Omit<Intent, 'user'>) => ({ checks: { idpIntent: { idpIntentId, idpIntentToken } } });

/** Where a login page that was sent to the failure URL reads what went wrong. */
export const failure = ({ status, url, parameters }: SentOn) => ({ status, url, error: parameters.error, token: parameters.token });
/** How a log-in ends whose provider did not answer as it should. */
export const FAILED = { status: 302, url: 'https://login.example.com/no', error: 'IDP-Login', token: undefined };

/** A provider that does what the test tells it. */
export class ScriptedHouse {
  readonly issuer: string;
  readonly elsewhere: string;

  private constructor(issuer: string, elsewhere: string) {
    this.issuer = issuer;
    this.elsewhere = elsewhere;
  }

  static async open(script: Script = {}, name: string = unique('house')): Promise<ScriptedHouse> {
    const at = inject('scriptedProviders');
    if (at === undefined) throw new Error('there are no scripted providers beside a deployment elsewhere');
    const house = new ScriptedHouse(`${at.origin}/${name}`, `${at.elsewhere}/${name}`);
    await house.follow(script);
    return house;
  }

  /** Its address at the host that is not this machine. */
  away(protocol: 'https' | 'http' = 'https'): string {
    return `${protocol}://${HOUSE}${new URL(this.issuer).pathname}`;
  }

  /** Its address on this machine over TLS, where nothing but being on this machine speaks against it. */
  get atHome(): string {
    return `https://localhost${new URL(this.issuer).pathname}`;
  }

  /** From now on it does this, and nothing that it was told before. */
  async follow(script: Script): Promise<void> {
    await fetch(this.issuer, { method: 'PUT', body: JSON.stringify(script) });
  }

  async rotateItsKey(): Promise<void> {
    await fetch(`${this.issuer}/rotate`, { method: 'POST' });
  }

  /** The requests that came to it, the oldest first. */
  async received(what?: Endpoint | 'authorize'): Promise<readonly Received[]> {
    const all = (await (await fetch(this.issuer)).json()) as Received[];
    return all.filter((request) => what === undefined || request.what === what);
  }

  /** Waits until it was asked so. */
  async wasAsked(what: Endpoint): Promise<void> {
    await vi.waitUntil(async () => (await this.received(what)).length > 0, { timeout: 20_000 });
  }

  /** Logs in at it as if it were where the provider's preset says. */
  async logInAs(idpId: string): Promise<SentOn> {
    return comeBack(await passThrough(`${this.issuer}/authorize${new URL(await started(idpId)).search}`));
  }

  /** Enters it as an OpenID provider. */
  asOpenId(fields: object = {}): Promise<string> {
    return newProvider('generic_oidc', { issuer: this.issuer, clientId: 'sallyport', clientSecret: SECRET, ...fields });
  }

  /** Enters it as a provider that speaks no more than OAuth 2.0. */
  asOAuth(fields: object = {}): Promise<string> {
    const [authorizationEndpoint, tokenEndpoint, userEndpoint] = ['authorize', 'token', 'userinfo'].map((path) => `${this.issuer}/${path}`);
    const endpoints = { authorizationEndpoint, tokenEndpoint, userEndpoint };
    return newProvider('oauth', { ...endpoints, clientId: 'sallyport', clientSecret: SECRET, idAttribute: 'sub', scopes: ['user'], ...fields });
  }
}

/** A browser that is logged in at a scripted provider. @returns the callback */
export async function passThrough(authUrl: string): Promise<URL> {
  const response = await fetch(authUrl, { redirect: 'manual' });
  return new URL(response.headers.get('location') ?? '');
}

/** A whole log-in at a scripted provider. */
export const logIn = async (idpId: string): Promise<SentOn> => comeBack(await passThrough(await started(idpId)));
