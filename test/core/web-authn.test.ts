import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Credential, type UserVerification, usableCredentials } from '../../src/core/web-authn/credential.ts';
import { isExpectedOrigin, isListableOrigin } from '../../src/core/web-authn/origin.ts';
import { clientDataOf, isCrossOrigin } from '../../src/core/web-authn/public-key-credential.ts';
import { rpIdOf } from '../../src/core/web-authn/rp-id.ts';
import { userHandleOf, userIdOf } from '../../src/core/web-authn/user-handle.ts';

const HASH = 'A'.repeat(43);
const label = (length: number): string => 'a'.repeat(length);
const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.webUrl(), fc.domain(), fc.ipV4(), fc.ipV6());
const hosts = ['example.com', 'login.example.com', 'evilexample.com', 'localhost', 'app.localhost', 'com', '[::1]'] as const;
const host = fc.oneof({ arbitrary: fc.constantFrom(...hosts), weight: 9 }, fc.domain());

describe('the RP ID that a domain stands for', () => {
  it.each([
    ['example.com', 'example.com'],
    ['LOGIN.Example.COM', 'login.example.com'],
    ['localhost', 'localhost'],
    ['my_host.example', 'my_host.example'],
    ['123.example', '123.example'],
    ['a.1b', 'a.1b'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    // Written in full width; and a letter with a mark of its own is the letter that has it.
    ['ｅｘａｍｐｌｅ.com', 'example.com'],
    ['bu\u0308cher.example', 'xn--bcher-kva.example'],
    [`${label(63)}.example`, `${label(63)}.example`],
    [`${label(63)}.${label(63)}.${label(63)}.${label(61)}`, `${label(63)}.${label(63)}.${label(63)}.${label(61)}`],
  ])('%j is %j', (domain, rpId) => {
    expect(rpIdOf(domain)).toBe(rpId);
  });

  it.each([
    '',
    '.',
    'a..b',
    '.example.com',
    'example.com.',
    'example.com:443',
    'https://example.com',
    'example.com/',
    'example.com?a',
    'example.com#a',
    'example.com\\a',
    'minnie@example.com',
    ' example.com',
    'exa\tmple.com',
    'exa\u00admple.com',
    'example。com',
    '%65xample.com',
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    '①.②.③.④',
    'a.1',
    '[::1]',
    '::1',
    '*.example.com',
    `${label(64)}.example`,
    `example.${label(64)}`,
    label(64),
    `${label(63)}.${label(63)}.${label(63)}.${label(62)}`,
  ])('%j is none', (domain) => {
    expect(rpIdOf(domain)).toBeUndefined();
  });

  it('is told of any text without an error, stands for itself, and is a host as URLs write it', () => {
    fc.assert(
      fc.property(anything, (text) => {
        const rpId = rpIdOf(text);
        if (rpId === undefined) return;
        expect(rpIdOf(rpId)).toBe(rpId);
        expect(new URL(`https://${rpId}`).hostname).toBe(rpId);
        expect(rpId).toMatch(/^[a-z0-9._-]{1,253}$/);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.domain(), (domain) => {
        expect(rpIdOf(domain)).toBe(domain.toLowerCase());
      }),
    );
  });
});

describe('an origin', () => {
  it.each([
    ['https://example.com', 'example.com'],
    ['https://login.example.com', 'example.com'],
    ['https://a.b.example.com', 'example.com'],
    ['https://login.example.com:8443', 'example.com'],
    ['http://localhost', 'localhost'],
    ['http://localhost:3000', 'localhost'],
    ['http://app.localhost:3000', 'localhost'],
    ['http://app.localhost', 'app.localhost'],
    ['https://localhost', 'localhost'],
  ])('%s is expected for %s', (origin, rpId) => {
    expect(isExpectedOrigin(origin, rpId, [])).toBe(true);
  });

  it.each([
    ['http://example.com', 'example.com'],
    ['http://login.example.com', 'example.com'],
    ['https://evilexample.com', 'example.com'],
    ['https://example.com.evil.net', 'example.com'],
    ['https://example.org', 'example.com'],
    ['https://com', 'example.com'],
    ['https://example.com', 'login.example.com'],
    ['https://example.com/', 'example.com'],
    ['https://example.com/login', 'example.com'],
    ['https://EXAMPLE.com', 'example.com'],
    ['https://example.com:443', 'example.com'],
    ['https://minnie@example.com', 'example.com'],
    ['https://example.com.', 'example.com'],
    ['https:example.com', 'example.com'],
    [' https://example.com', 'example.com'],
    ['wss://example.com', 'example.com'],
    ['ftp://example.com', 'example.com'],
    ['example.com', 'example.com'],
    ['http://notlocalhost', 'notlocalhost'],
    ['http://localhost.example.com', 'example.com'],
    ['http://localhost', 'example.com'],
    ['http://127.0.0.1', 'localhost'],
    ['null', 'example.com'],
    ['', 'example.com'],
    ['android:apk-key-hash:x', 'example.com'],
  ])('%j is not expected for %s', (origin, rpId) => {
    expect(isExpectedOrigin(origin, rpId, [])).toBe(false);
  });

  it('is expected as it is listed, whatever the RP ID, and no other beside it', () => {
    const listed = [`android:apk-key-hash:${HASH}`, 'https://shop.example.org'];
    for (const origin of listed) expect(isExpectedOrigin(origin, 'example.com', listed)).toBe(true);
    for (const origin of ['https://shop.example.org:8443', 'https://a.shop.example.org', 'https://SHOP.example.org', `android:apk-key-hash:${HASH}A`])
      expect(isExpectedOrigin(origin, 'example.com', listed)).toBe(false);
  });

  it('that is accepted is at the RP ID or under it, and is secure or on this machine', () => {
    const origin = fc
      .tuple(fc.constantFrom('https', 'http', 'wss'), host, fc.constantFrom('', ':8443', '/'))
      .map(([s, h, rest]) => `${s}://${h}${rest}`);
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof({ arbitrary: origin, weight: 9 }, anything), host, (each, rpId) => {
        if (!isExpectedOrigin(each, rpId, [])) return;
        accepted += 1;
        const { hostname, protocol } = new URL(each);
        expect(hostname === rpId || hostname.endsWith(`.${rpId}`)).toBe(true);
        expect(protocol === 'https:' || /(^|\.)localhost$/.test(hostname)).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it('can be listed when browsers write it so over https, or when it is an Android app’s', () => {
    const listable = [
      'https://example.com',
      'https://example.com:8443',
      `android:apk-key-hash:${HASH}`,
      `android:apk-key-hash:${'-_'.padEnd(43, 'b')}`,
    ];
    for (const origin of listable) expect(isListableOrigin(origin), origin).toBe(true);
    const not = [
      'http://example.com',
      'http://localhost',
      'https://example.com/',
      'https://EXAMPLE.com',
      'https://example.com:443',
      'https://*.example.com',
      'https://*',
      'https://',
      'null',
      '',
    ];
    const apps = [HASH.slice(1), `${HASH}A`, `${HASH.slice(1)}=`, `${HASH.slice(1)}+`, `${HASH}\n`].map((hash) => `android:apk-key-hash:${hash}`);
    for (const origin of [...not, ...apps, `x android:apk-key-hash:${HASH}`]) expect(isListableOrigin(origin), origin).toBe(false);
    fc.assert(
      fc.property(anything, (origin) => {
        if (isListableOrigin(origin) && !origin.startsWith('android:')) expect(new URL(origin)).toMatchObject({ protocol: 'https:', origin });
      }),
    );
  });
});

describe('the credentials that a challenge offers', () => {
  const credential = (id: string, kind: 'passkey' | 'u2f', rpId = 'example.com') => ({ id, kind, rpId }) as Credential;
  const all = [
    credential('1', 'passkey'),
    credential('2', 'u2f'),
    credential('3', 'passkey', 'example.org'),
    credential('4', 'u2f', 'login.example.com'),
  ];
  it.each<[string, UserVerification, string[]]>([
    ['example.com', 'required', ['1']],
    ['example.com', 'preferred', ['1', '2']],
    ['example.com', 'discouraged', ['1', '2']],
    ['example.org', 'required', ['3']],
    ['login.example.com', 'required', []],
    ['login.example.com', 'preferred', ['4']],
    ['com', 'discouraged', []],
  ])('for %s with user verification %s are %j', (rpId, userVerification, ids) => {
    expect(usableCredentials(all, rpId, userVerification).map(({ id }) => id)).toEqual(ids);
  });
});

describe('a user handle', () => {
  it('is the bytes of the user’s id, and leads back to the user', () => {
    expect(userHandleOf('163840776835432705')).toBe('MTYzODQwNzc2ODM1NDMyNzA1');
    // No id begins with the mark that decoders drop: to trim() it is white space.
    const ids = fc.string({ unit: 'binary', minLength: 1 }).filter((id) => !id.startsWith('\ufeff'));
    fc.assert(
      fc.property(fc.oneof(ids, fc.uuid()), (id) => {
        expect(userIdOf(userHandleOf(id))).toBe(id);
      }),
    );
  });

  it('that is written in another way, or is no text, stands for nobody', () => {
    const others = ['MTYz=', 'MTYzOA==', 'MTYzOB', '+w', '_w', '_v8', 'M', 'M T Y z', '!', 'MTYz\n', 'wK8'];
    for (const handle of others) expect(userIdOf(handle), handle).toBeUndefined();
  });

  it('that leads to a user is that user’s own, of any text', () => {
    fc.assert(
      fc.property(fc.oneof(anything, fc.base64String(), fc.stringMatching(/^[\w-]*$/)), (text) => {
        const id = userIdOf(text);
        if (id !== undefined) expect(userHandleOf(id)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('client data', () => {
  const data = { type: 'webauthn.get', challenge: 'abc', origin: 'https://example.com' };

  it('is read, with what it says of other sites and without what is not asked for', () => {
    expect(clientDataOf(encode(data))).toEqual(data);
    const more = { ...data, crossOrigin: true, topOrigin: 'https://a.example' };
    expect(clientDataOf(encode({ ...more, tokenBinding: { status: 'supported' }, extra: 1 }))).toEqual(more);
    expect(clientDataOf(encode(`\ufeff${JSON.stringify(data)}`))).toEqual(data);
    expect(clientDataOf(encode({ ...data, origin: 'https://bücher.example' }))?.origin).toBe('https://bücher.example');
  });

  it.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '1'],
    ['a text', '"webauthn.get"'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['no type', { ...data, type: undefined }],
    ['a type that is no text', { ...data, type: 1 }],
    ['no challenge', { ...data, challenge: undefined }],
    ['a challenge that is no text', { ...data, challenge: ['abc'] }],
    ['no origin', { ...data, origin: undefined }],
    ['an origin that is no text', { ...data, origin: { toString: 'https://example.com' } }],
    ['JSON that is cut off', JSON.stringify(data).slice(0, -1)],
    ['properties that only its prototype has', `{"__proto__":${JSON.stringify(data)}}`],
  ])('that is %s is none', (_, value) => {
    expect(clientDataOf(encode(value))).toBeUndefined();
  });

  it('that is no base64url, or no UTF-8, is none', () => {
    expect(clientDataOf(`${encode(data)}!`)).toBeUndefined();
    expect(clientDataOf(Buffer.from(JSON.stringify({ ...data, origin: 'https://b\u00fccher' }), 'latin1').toString('base64url'))).toBeUndefined();
  });

  it('is asked for of any text without an error', () => {
    const texts = fc.oneof(
      anything,
      fc.json().map(encode),
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('base64url')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = clientDataOf(text);
        if (read) expect([typeof read.type, typeof read.challenge, typeof read.origin]).toEqual(['string', 'string', 'string']);
      }),
      { numRuns: 1000 },
    );
    expect(clientDataOf(encode('['.repeat(200_000)))).toBeUndefined();
  });

  it('tells of a page within another site’s, also where it is not well-formed', () => {
    const said = (more: object) => isCrossOrigin({ ...data, ...more });
    const own = [
      {},
      { crossOrigin: false },
      { crossOrigin: undefined },
      { crossOrigin: null },
      { topOrigin: null },
      { crossOrigin: false, topOrigin: null },
    ];
    for (const each of own) expect(said(each), JSON.stringify(each)).toBe(false);
    const foreign = [
      { crossOrigin: true },
      { crossOrigin: 'true' },
      { crossOrigin: 0 },
      { crossOrigin: '' },
      { topOrigin: 'https://a.example' },
      { topOrigin: '' },
    ];
    for (const each of [...foreign, { crossOrigin: false, topOrigin: 'https://a.example' }]) expect(said(each), JSON.stringify(each)).toBe(true);
  });
});
