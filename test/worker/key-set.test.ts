import { afterEach, describe, expect, it, vi } from 'vitest';
import { fetchKeySet } from '../../src/http/key-set.ts';

const URL_OF_KEYS = 'https://id.example/keys';
const KEY = { kty: 'EC', crv: 'P-256', x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4', y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM', kid: 'a' };
const never = new AbortController().signal;

/** Answers the next fetches, and notes how they were made. */
const answering = (answer: () => Response) => vi.spyOn(globalThis, 'fetch').mockImplementation(async () => answer());

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a key set', () => {
  it('names its keys, and finds them by a header', async () => {
    answering(() => Response.json({ keys: [KEY, { ...KEY, kid: undefined }, { ...KEY, kid: 7 }], more: 'ignored' }));
    const { find, kids } = await fetchKeySet(URL_OF_KEYS, never);
    expect([...kids]).toEqual(['a']);
    expect(await find({ alg: 'ES256', kid: 'a' })).toMatchObject({ type: 'public' });
    await expect(find({ alg: 'ES256', kid: 'b' })).rejects.toThrow();
    await expect(find({ alg: 'HS256', kid: 'a' })).rejects.toThrow();
  });

  it('is fetched past any cache, and no redirect is followed', async () => {
    const fetched = answering(() => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/keys' } }));
    await expect(fetchKeySet(URL_OF_KEYS, never)).rejects.toThrow('answered 302');
    expect(fetched.mock.calls).toEqual([[URL_OF_KEYS, expect.objectContaining({ redirect: 'manual', cache: 'no-store', signal: never })]]);
  });

  it.each([
    ['an error', () => Response.json({ keys: [KEY] }, { status: 500 })],
    ['an empty answer', () => new Response('')],
    ['a page', () => new Response('<html>')],
    ['another object', () => Response.json({ key: KEY })],
    ['keys that are no objects', () => Response.json({ keys: ['a'] })],
    ['nothing', () => Response.json(null)],
    ['too much', () => new Response(JSON.stringify({ keys: [KEY] }).padEnd(256 * 1024 + 1))],
  ])('is not %s', async (_, answer) => {
    answering(answer);
    await expect(fetchKeySet(URL_OF_KEYS, never)).rejects.toThrow();
  });

  it('holds no private key that would verify anything, nor a shared secret', async () => {
    answering(() =>
      Response.json({
        keys: [
          { ...KEY, d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE' },
          { kty: 'oct', k: 'c2VjcmV0', kid: 's' },
        ],
      }),
    );
    const { find } = await fetchKeySet(URL_OF_KEYS, never);
    await expect(find({ alg: 'ES256', kid: 'a' })).rejects.toThrow();
    await expect(find({ alg: 'HS256', kid: 's' })).rejects.toThrow();
  });

  it('may be as large as 256 KiB', async () => {
    answering(() => new Response(JSON.stringify({ keys: [KEY] }).padEnd(256 * 1024)));
    expect([...(await fetchKeySet(URL_OF_KEYS, never)).kids]).toEqual(['a']);
  });
});
