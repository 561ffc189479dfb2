import type { createLocalJWKSet } from 'jose/jwks/local';

/** The public keys of an issuer (a JWK Set, RFC 7517, section 5). */
export interface KeySet {
  /** Finds the key that a token's protected header names. @throws when none is there, several are, or it is no public key */
  readonly find: ReturnType<typeof createLocalJWKSet>;
  /** The ids of its keys. */
  readonly kids: ReadonlySet<string>;
}

const LARGEST_BYTES = 256 * 1024;

/**
 * Fetches the key set at `url`. A redirect is not followed: whoever can make an issuer redirect must not choose its keys.
 * @throws when `signal` ends it, the issuer cannot be reached, or its answer is no key set of at most 256 KiB
 */
export async function fetchKeySet(url: string, signal: AbortSignal): Promise<KeySet> {
  const response = await fetch(url, { redirect: 'manual', cache: 'no-store', headers: { accept: 'application/json' }, signal });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status}`);
  }
  const { createLocalJWKSet } = await import('jose/jwks/local');
  const set = JSON.parse(await boundedText(response));
  const find = createLocalJWKSet(set);
  return { find, kids: new Set(find.jwks().keys.flatMap(({ kid }) => (typeof kid === 'string' ? [kid] : []))) };
}

async function boundedText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > LARGEST_BYTES) throw new Error(`answered more than ${LARGEST_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
