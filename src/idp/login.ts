import * as oauth from 'oauth4webapi';
import { type ExternalUser, externalUserOf, STANDARD_CLAIMS } from '../core/intent/external-user.ts';
import { isProviderUrl } from '../core/intent/provider-url.ts';
import { isLoopback } from '../core/loopback.ts';
import type { OAuthProvider, OidcProvider, Provider } from './provider.ts';
import { providerFetch } from './provider-fetch.ts';

/** What only we know of a log-in at a provider: it binds the answer to the question. */
export interface Proof {
  /** PKCE (RFC 7636). */
  readonly verifier: string;
  /** OpenID Connect Core section 3.1.2.1. */
  readonly nonce: string;
}

/** One log-in at a provider. */
export interface Login extends Proof {
  readonly state: string;
  readonly redirectUri: string;
}

/** What a provider told at the end of a log-in. */
export interface Told {
  readonly user: ExternalUser;
  /** As it was told. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly accessToken: string;
  readonly idToken: string | undefined;
}

export const newProof = (): Proof => ({ verifier: oauth.generateRandomCodeVerifier(), nonce: oauth.generateRandomNonce() });

/** Where the browser goes to log in at a provider. @throws when the provider cannot be asked, or says what it should not */
export async function authorizationUrl(provider: Provider, { state, redirectUri, verifier, nonce }: Login, signal: AbortSignal): Promise<string> {
  const server = await serverOf(provider, signal);
  const endpoint = server.authorization_endpoint;
  if (typeof endpoint !== 'string' || !isProviderUrl(endpoint)) throw new ProviderFault('the provider does not say where to log in');
  const url = new URL(endpoint);
  const parameters = {
    client_id: provider.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(provider.scopes.length > 0 && { scope: provider.scopes.join(' ') }),
    ...(provider.protocol === 'oidc' && { nonce }),
    ...(letsChoose(provider, server) && { prompt: 'select_account' }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/**
 * Turns the answer that a browser brought back into who somebody is: the code is exchanged (RFC 6749 section 4.1.3), an ID token is validated with its
 * signature (OpenID Connect Core section 3.1.3.7), the user endpoint is asked. @throws when anything is not as it should be
 */
export async function finishLogin(provider: Provider, login: Login, answer: URLSearchParams, signal: AbortSignal): Promise<Told> {
  const server = await serverOf(provider, signal);
  const client: oauth.Client = { client_id: provider.clientId, [oauth.clockTolerance]: 30 };
  const parameters = oauth.validateAuthResponse(server, client, fromIssuer(provider, answer), login.state);
  const options = optionsFor(provider, signal);
  const authentication = authenticationOf(provider, server);
  const tokenResponse = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authentication,
    parameters,
    login.redirectUri,
    login.verifier,
    options,
  );
  if (provider.protocol === 'oauth') return toldByOAuth(provider, server, client, tokenResponse, options);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, tokenResponse, { expectedNonce: login.nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, tokenResponse, options);
  return toldByOidc(provider, server, client, tokens, options);
}

function letsChoose({ letsChoose: known }: Provider, { prompt_values_supported: values }: oauth.AuthorizationServer): boolean {
  return known ?? (Array.isArray(values) && values.includes('select_account'));
}

/** What is wrong with a provider, in words of our own. */
class ProviderFault extends Error {}

/**
 * Why a provider failed, for the log: its kind and what it is about. No more than that, since errors carry along what was answered, with its tokens and
 * what it says of people.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof ProviderFault) return error.message;
  const { name, code, cause } = error as Error & { code?: string; cause?: { claim?: unknown; attribute?: unknown } };
  return [name, code, cause?.claim ?? cause?.attribute].filter((part) => typeof part === 'string').join(' ');
}

type Options = ReturnType<typeof optionsFor>;

function optionsFor(provider: Provider, signal: AbortSignal) {
  const { hostname } = new URL(provider.protocol === 'oidc' ? provider.issuer : provider.tokenEndpoint);
  return {
    signal,
    [oauth.allowInsecureRequests]: isLoopback(hostname),
    [oauth.customFetch]: (url: string, init: object) => providerFetch(url, init as RequestInit, { mayBeLocal: isLoopback(hostname) }),
    headers: new Headers({ 'user-agent': 'Sallyport' }),
  };
}

async function serverOf(provider: Provider, signal: AbortSignal): Promise<oauth.AuthorizationServer> {
  if (provider.protocol === 'oauth') {
    const { authorizationEndpoint, tokenEndpoint, userEndpoint } = provider;
    const issuer = new URL(authorizationEndpoint).origin;
    return { issuer, authorization_endpoint: authorizationEndpoint, token_endpoint: tokenEndpoint, userinfo_endpoint: userEndpoint };
  }
  const issuer = new URL(provider.issuer);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, optionsFor(provider, signal)));
}

/** RFC 9207. Of a provider without a discovery document no more than the origin is known. */
function fromIssuer(provider: Provider, answer: URLSearchParams): URLSearchParams {
  const [issuer, ...others] = answer.getAll('iss');
  if (provider.protocol === 'oidc' || issuer === undefined) return answer;
  if (others.length > 0) throw new ProviderFault('the answer names several issuers');
  if (!URL.canParse(issuer) || new URL(issuer).origin !== new URL(provider.authorizationEndpoint).origin)
    throw new ProviderFault('another provider answers');
  const rest = new URLSearchParams(answer);
  rest.delete('iss');
  return rest;
}

function authenticationOf({ clientSecret, clientAuthentication }: Provider, server: oauth.AuthorizationServer): oauth.ClientAuth {
  if (clientSecret === undefined) return oauth.None();
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const basic = clientAuthentication === undefined ? methods.includes('client_secret_basic') : clientAuthentication === 'basic';
  return basic ? oauth.ClientSecretBasic(clientSecret) : oauth.ClientSecretPost(clientSecret);
}

async function toldByOidc(
  provider: OidcProvider,
  server: oauth.AuthorizationServer,
  client: oauth.Client,
  tokens: oauth.TokenEndpointResponse,
  options: Options,
): Promise<Told> {
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  if (claims === undefined) throw new ProviderFault('there is no ID token');
  // OpenID Connect Core section 3.1.3.7, 4 and 5.
  if (claims.azp !== undefined && claims.azp !== client.client_id) throw new ProviderFault('the ID token is for another client');
  const asks = !provider.isIdTokenMapping && server.userinfo_endpoint !== undefined;
  const raw = asks ? await userInfo(server, client, tokens, claims.sub, options) : claims;
  return told(raw, externalUserOf(raw, STANDARD_CLAIMS), tokens);
}

async function userInfo(
  server: oauth.AuthorizationServer,
  client: oauth.Client,
  { access_token: accessToken }: oauth.TokenEndpointResponse,
  subject: string,
  options: Options,
): Promise<oauth.UserInfoResponse> {
  const response = await oauth.userInfoRequest(server, client, accessToken, options);
  if (response.headers.get('content-type')?.includes('jwt'))
    throw new ProviderFault('the userinfo endpoint answers with a JWT, which was not asked for');
  return oauth.processUserInfoResponse(server, client, subject, response);
}

async function toldByOAuth(
  provider: OAuthProvider,
  server: oauth.AuthorizationServer,
  client: oauth.Client,
  tokenResponse: Response,
  options: Options,
): Promise<Told> {
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, await withoutIdToken(tokenResponse));
  const { headers: base, ...rest } = options;
  const headers = new Headers([...base, ['accept', 'application/json']]);
  const response = await oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL(provider.userEndpoint), headers, null, rest);
  if (!response.ok) throw new ProviderFault(`the user endpoint answers ${response.status}`);
  const raw: unknown = await response.json();
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new ProviderFault('the user endpoint does not tell of a user');
  const user = externalUserOf(raw as Record<string, unknown>, provider.claims);
  const vouched = user && provider.emailVerified ? { ...user, emailVerified: user.email !== '' } : user;
  return told(raw as Record<string, unknown>, vouched, tokens);
}

/** An ID token from a provider whose issuer nobody told us proves nothing. */
async function withoutIdToken(response: Response): Promise<Response> {
  const { status, headers } = response;
  const body: unknown = await response.json();
  if (typeof body !== 'object' || body === null) throw new ProviderFault('the token endpoint does not answer in JSON');
  return new Response(JSON.stringify({ ...body, id_token: undefined }), { status, headers });
}

function told(raw: object, user: ExternalUser | undefined, { access_token: accessToken, id_token: idToken }: oauth.TokenEndpointResponse): Told {
  if (user === undefined) throw new ProviderFault('the provider does not say who it is');
  return { user, raw: raw as Told['raw'], accessToken, idToken };
}
