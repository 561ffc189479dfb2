import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { Configuration } from 'oidc-provider';

/** An OpenID provider of somebody else's making, on loopback: everybody can log in there, under any name and with any password. */
export interface OpenIdProvider {
  readonly issuer: string;
  /** A client that has to prove itself by HTTP Basic authentication. */
  readonly clientId: string;
  /** A client that has to prove itself in the form. */
  readonly postClientId: string;
  /** Of both. */
  readonly clientSecret: string;
}

const CLIENTS = { clientId: 'sallyport', postClientId: 'sallyport-by-form', clientSecret: 'a-secret-between-the-two-of-them' };
const A_WHILE = 600;

/** @param callbackOrigin where Sallyport answers */
export async function startOpenIdProvider(callbackOrigin: string): Promise<OpenIdProvider & { close: () => void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const client = (client_id: string, token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post') => ({
    client_id,
    client_secret: CLIENTS.clientSecret,
    redirect_uris: [`${callbackOrigin}/idps/callback`],
    grant_types: ['authorization_code'],
    response_types: ['code' as const],
    token_endpoint_auth_method,
  });
  const configuration: Configuration = {
    clients: [client(CLIENTS.clientId, 'client_secret_basic'), client(CLIENTS.postClientId, 'client_secret_post')],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale'] },
    pkce: { required: () => true },
    cookies: { keys: ['a key of these tests'] },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    ttl: { AccessToken: A_WHILE, AuthorizationCode: A_WHILE, Grant: A_WHILE, IdToken: A_WHILE, Interaction: A_WHILE, Session: A_WHILE },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        email: `${id}@mouse.example`,
        email_verified: true,
        name: 'Minnie Mouse',
        given_name: 'Minnie',
        family_name: 'Mouse',
        preferred_username: id,
        locale: 'en',
      }),
    }),
  };
  const provider = await withoutItsWarnings(async () => {
    const { Provider } = await import('oidc-provider');
    return new Provider(issuer, configuration);
  });
  server.on('request', provider.callback());
  return { issuer, ...CLIENTS, close: () => void server.close().closeAllConnections() };
}

/** It warns that its log-in pages and its storage in memory are for trying out only: here they are. */
async function withoutItsWarnings<T>(make: () => Promise<T>): Promise<T> {
  const { warn } = console;
  console.warn = (...words) => String(words[0]).startsWith('oidc-provider WARNING') || warn(...words);
  try {
    return await make();
  } finally {
    console.warn = warn;
  }
}
