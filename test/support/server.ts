import type { TestProject } from 'vitest/node';
import { createTestHarness } from 'wrangler';
import { startIssuers, trusting } from './issuer.ts';
import { type OpenIdProvider, startOpenIdProvider } from './openid-provider.ts';
import { HOUSES, type ScriptedProviders, startScriptedProviders } from './scripted-provider.ts';
import { secrets } from './secrets.ts';

declare module 'vitest' {
  interface ProvidedContext {
    baseUrl: string;
    adminToken: string;
    /** Where the issuers are that the Worker trusts; a deployment elsewhere trusts none of ours. */
    issuers: string | undefined;
    /** An OpenID provider that knows Sallyport as a client; a deployment elsewhere cannot reach it. */
    openIdProvider: OpenIdProvider | undefined;
    /** Providers that do what a test tells them; likewise. */
    scriptedProviders: ScriptedProviders | undefined;
  }
}

/** Peers of a deployment that can reach them: the value of PEERS, in JSON. */
export interface Peers {
  readonly issuers: string;
  readonly openIdProvider: OpenIdProvider;
}

/** Starts the whole Worker in workerd with an empty D1, once a run; or takes the deployment that BASE_URL and ADMIN_TOKEN name, with PEERS if it can reach any. */
export default async function serve(project: TestProject): Promise<() => Promise<void>> {
  const { BASE_URL, ADMIN_TOKEN, PEERS = '{}' } = process.env;
  if (BASE_URL !== undefined) {
    const { issuers, openIdProvider }: Partial<Peers> = JSON.parse(PEERS);
    project.provide('baseUrl', BASE_URL);
    project.provide('adminToken', ADMIN_TOKEN ?? '');
    project.provide('issuers', issuers);
    project.provide('openIdProvider', openIdProvider);
    return async () => {};
  }
  const { close: closeScripted, ...scriptedProviders } = await startScriptedProviders();
  standInForTheInternet(scriptedProviders.origin);
  const issuers = await startIssuers();
  const vars = varsWith(issuers.origin);
  const server = createTestHarness({ root: project.config.root, workers: [{ configPath: 'wrangler.toml', vars, secrets }] });
  const { url } = await server.listen();
  await server.getWorker().applyD1Migrations('DB');
  project.provide('baseUrl', url.origin);
  project.provide('adminToken', secrets.ADMIN_TOKEN);
  project.provide('issuers', issuers.origin);
  const { close, ...openIdProvider } = await startOpenIdProvider(url.origin);
  project.provide('openIdProvider', openIdProvider);
  project.provide('scriptedProviders', scriptedProviders);
  return async () => {
    close();
    closeScripted();
    issuers.close();
    await server.close();
  };
}

/** The settings that the tests expect, but for secrets. */
export const varsWith = (issuers: string) => ({
  JWT_ISSUERS: trusting(issuers),
  DEV_MAILBOX: 'true',
  RETURN_ORIGINS: 'https://login.example.com,http://localhost:3000',
  CORS_ORIGINS: 'https://login.example.com',
});

/**
 * The harness sends the Worker's requests by `fetch`, with the request as its options, and would follow redirects itself; workerd, as deployed, leaves
 * them to the Worker. The hosts of HOUSES are where the scripted providers are, as if by DNS and TLS: providers that are not on this machine.
 */
function standInForTheInternet(origin: string): void {
  const { fetch } = globalThis;
  const notFollowed = (request: object) => new Proxy(request, { get: (of, name) => (name === 'redirect' ? 'manual' : Reflect.get(of, name, of)) });
  const resolved = (url: string): string => {
    const { host, pathname } = new URL(url);
    return Object.hasOwn(HOUSES, host) ? `${origin}${HOUSES[host]}${pathname}` : url;
  };
  globalThis.fetch = (input, init) =>
    init && 'cf' in init && typeof input === 'string' ? fetch(resolved(input), notFollowed(init)) : fetch(input, init);
}
