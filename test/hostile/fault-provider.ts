import { type Answer, request } from '../support/load.ts';
import { post, Sallyport } from '../support/sallyport.ts';
import { type Mood, SECRET, startScriptedProviders } from '../support/scripted-provider.ts';
import { Asker } from './asker.ts';
import type { Report } from './report.ts';

const BAD_MOODS: readonly Mood[] = ['down', 'error', 'silent', 'stalled', 'no-json', 'endless'];
const URLS = { successUrl: 'https://login.example.com/ok', failureUrl: 'https://login.example.com/no' };

/**
 * An identity provider is down, silent or talks nonsense, when a log-in is started and when its browser comes back: the start is a 503, the callback
 * leads to the failure URL, neither hangs, and the same provider serves once it is up.
 */
export async function faultProvider(bundle: string): Promise<Report> {
  const providers = await startScriptedProviders();
  const sallyport = await Sallyport.start(bundle, { RETURN_ORIGINS: 'https://login.example.com' });
  const asker = new Asker(() => sallyport.worker.port);
  const script = (name: string, moods: object) => fetch(`${providers.origin}/${name}`, { method: 'PUT', body: JSON.stringify({ moods }) });
  try {
    const ids = await enter(sallyport, [...BAD_MOODS.map((mood) => `${providers.origin}/${mood}`), 'http://127.0.0.1:9/nobody']);
    for (const mood of BAD_MOODS) await script(mood, { discovery: mood });
    const refused = await asker.ask(ids.map(start));
    for (const mood of BAD_MOODS) await script(mood, {});
    const begun = await asker.ask(ids.slice(0, BAD_MOODS.length).map(start));
    const callbacks = await Promise.all(begun.map(logIn));
    for (const mood of BAD_MOODS) await script(mood, { token: mood });
    const returned = await asker.ask(callbacks);
    return {
      figures: `identity provider in ${BAD_MOODS.length + 1} bad moods: ${asker.figures}`,
      faults: [
        ...asker.faults,
        ...refused.filter(({ status }) => status !== 503).map(({ status, body }) => `a log-in that cannot be started was answered ${status} ${body}`),
        ...begun.filter(({ status }) => status !== 200).map(({ status, body }) => `a provider that is up again is answered ${status} ${body}`),
        ...returned.filter((answer) => !isFailure(answer)).map(({ status, head }) => `a callback was answered ${status} ${head}`),
      ],
    };
  } finally {
    providers.close();
    await sallyport.worker.end();
  }
}

async function enter(sallyport: Sallyport, issuers: readonly string[]): Promise<string[]> {
  const client = { clientId: 'sallyport', clientSecret: SECRET };
  const entered = await sallyport.all(issuers.map((issuer) => post('/admin/v1/idps/generic_oidc', { name: issuer, issuer, ...client })));
  return entered.map(({ body }) => JSON.parse(body).id as string);
}

const start = (idpId: string): string => post('/v2/idp_intents', { idpId, urls: URLS });

/** Goes to the provider, where everybody is logged in. @returns the request with which the browser comes back */
async function logIn({ body }: Answer): Promise<string> {
  const response = await fetch(JSON.parse(body).authUrl, { redirect: 'manual' });
  const { pathname, search } = new URL(response.headers.get('location') ?? '');
  return request('GET', `${pathname}${search}`, {});
}

const isFailure = ({ status, head }: Answer): boolean =>
  status === 302 && /\r\nlocation: https:\/\/login\.example\.com\/no\?[^\r]*error=IDP-Login/i.test(head) && !/\r\nlocation: [^\r]*token=/i.test(head);
