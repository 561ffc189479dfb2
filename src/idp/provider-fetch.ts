import { isProviderUrl } from '../core/intent/provider-url.ts';
import { isLoopback } from '../core/loopback.ts';

const REDIRECTS_MOST = 3;
const BODY_BYTES_MOST = 256 * 1024;

/**
 * Asks a provider. It may send on what is only read, and only within its own host; what carries a secret goes nowhere else. One that is elsewhere has
 * nothing asked of this machine.
 */
export async function providerFetch(url: string, init: RequestInit, { mayBeLocal }: { readonly mayBeLocal: boolean }): Promise<Response> {
  const reads = (init.method ?? 'GET') === 'GET';
  let target = url;
  for (let redirects = 0; redirects <= REDIRECTS_MOST; redirects += 1) {
    if (!isProviderUrl(target) || (isLoopback(new URL(target).hostname) && !mayBeLocal)) throw new Error('a provider is asked over https');
    const response = await fetch(target, { ...init, redirect: 'manual' });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return whole(response);
    await response.body?.cancel();
    const next = new URL(location, target);
    if (!reads || next.host !== new URL(target).host) throw new Error('the provider sends its answer elsewhere');
    target = next.href;
  }
  throw new Error('the provider sends its answer round and round');
}

/** An answer of which all is there, and not too much. */
async function whole(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MOST) throw new Error('the provider has too much to say');
    chunks.push(chunk);
  }
  const { status, headers } = response;
  const body = new Uint8Array(bytes);
  chunks.reduce((at, chunk) => {
    body.set(chunk, at);
    return at + chunk.byteLength;
  }, 0);
  return new Response(bytes === 0 ? null : body, { status, headers });
}
