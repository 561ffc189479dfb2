import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Answer, api, newMachine, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, password, refusal, set, setWithoutToken, type Version } from '../support/login.ts';
import { BE, BS, type CredentialJson, decode, encode, type Forgery, ORIGIN, RP_ID, SecurityKey, UP, UV } from '../support/security-key.ts';
import { PlainKey } from '../support/security-key-plain.ts';
import { ask, begun, challenge, check, enrol, finish, newHolder, path, signed, signIn } from '../support/security-key-steps.ts';

const INVALID = [400, 'WEBAU-3M9si', 3];
const MALFORMED = [400, 'WEBAU-ADgv4', 3];
const UNKNOWN_KEY = [400, 'COMMAND-Aej7i', 9];
const NO_CHALLENGE = [400, 'COMMAND-Ioqu5', 9];
const CLONED = [400, 'WEBAU-4M90s', 3];
const WRONG_TOKEN = [403, 'COMMAND-sGr42', 7];

const told = (answer: Answer) => [...refusal(answer), answer.body.code];

type Change = (assertion: CredentialJson, key: SecurityKey) => unknown;

const forged =
  (forgery: Forgery): Change =>
  (assertion, key) =>
    key.forge(assertion, forgery);

/** Sets flags of authenticator data, and clears others. */
const flags = (on: number, off = 0): Change =>
  forged({
    authenticatorData: (bytes) => {
      bytes[32] = ((bytes[32] ?? 0) | on) & ~off;
      return bytes;
    },
  });

const origin = (value: unknown): Change => forged({ clientData: { origin: value } });

const response =
  (change: (response: Record<string, string>) => object): Change =>
  (assertion) => ({
    ...assertion,
    response: change({ ...assertion.response }),
  });

const flip = (base64url: string | undefined, at: number): string => {
  const bytes = decode(base64url);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return encode(bytes);
};

const counter = (count: number): Forgery => ({
  authenticatorData: (bytes) => {
    bytes.writeUInt32BE(count, 33);
    return bytes;
  },
});
const countOf = (assertion: CredentialJson): number => decode(assertion.response.authenticatorData).readUInt32BE(33);

/** What a key signs for a challenge, for this user handle or without one. */
const handled = (userHandle: string | null | undefined): Change => response((given) => ({ ...given, userHandle }));

/** CBOR that ends too early, or claims what is not there. */
const BROKEN_CBOR: [what: string, bytes: Buffer][] = [
  ['none', Buffer.alloc(0)],
  ['a map that ends early', Buffer.from('a2016161', 'hex')],
  ['bytes of 2^64 - 1', Buffer.from('5bffffffffffffffff', 'hex')],
  ['a list of 2^64 - 1', Buffer.from('9bffffffffffffffff', 'hex')],
  ['a map of 2^32 - 1', Buffer.from('baffffffff', 'hex')],
  ['a text that is no UTF-8', Buffer.from('a162fffe01', 'hex')],
  ['a reserved head', Buffer.from('1c', 'hex')],
];

const EXTENSIONS = 0x80;

/** An assertion that says that extensions follow. */
const extended = (extensions: Buffer): Change =>
  forged({
    authenticatorData: (bytes) => {
      bytes[32] = (bytes[32] ?? 0) | EXTENSIONS;
      return Buffer.concat([bytes, extensions]);
    },
  });

/** What is refused, whatever the holder of the key has signed. */
const REFUSED: [what: string, change: Change][] = [
  ['a registration', forged({ clientData: { type: 'webauthn.create' } })],
  ['of another type', forged({ clientData: { type: 'payment.get' } })],
  ['another challenge', forged({ clientData: { challenge: encode(Buffer.alloc(32, 7)) } })],
  ['an empty challenge', forged({ clientData: { challenge: '' } })],
  [
    'a challenge with padding',
    (assertion, key) => {
      const { challenge: given } = JSON.parse(decode(assertion.response.clientDataJSON).toString());
      return key.forge(assertion, { clientData: { challenge: `${given}=` } });
    },
  ],
  ['http', origin('http://login.example.com')],
  ['http on a port', origin('http://login.example.com:443')],
  ['web sockets', origin('wss://login.example.com')],
  ['another site', origin('https://mouse.com')],
  ['a site whose name ends alike', origin('https://evilexample.com')],
  ['a site whose name begins alike', origin('https://example.com.mouse.com')],
  ['the parent domain', origin('https://com')],
  ['a trailing dot', origin('https://login.example.com.')],
  ['capitals', origin('https://LOGIN.example.com')],
  ['a scheme in capitals', origin('HTTPS://login.example.com')],
  ['a path', origin('https://login.example.com/')],
  ['a port that goes without saying', origin('https://login.example.com:443')],
  ['a user', origin('https://mini@login.example.com')],
  ['the RP ID as a user', origin('https://example.com@mouse.com')],
  ['blanks', origin(' https://login.example.com')],
  ['the RP ID alone', origin('example.com')],
  ['an opaque origin', origin('null')],
  ['no origin', origin('')],
  ['an app that is not listed', origin(`android:apk-key-hash:${'A'.repeat(43)}`)],
  ['localhost, which is not the RP ID', origin('http://localhost')],
  ['a frame of another site', forged({ clientData: { crossOrigin: true } })],
  ['a frame of another site, in words', forged({ clientData: { crossOrigin: 'true' } })],
  ['a page above it', forged({ clientData: { topOrigin: 'https://mouse.com' } })],
  ['a page above it of the same site', forged({ clientData: { crossOrigin: false, topOrigin: ORIGIN } })],
  ['another RP ID', forged({ authenticatorData: (bytes) => Buffer.concat([createHash('sha256').update('mouse.com').digest(), bytes.subarray(32)]) })],
  [
    'the sub-domain as RP ID',
    forged({ authenticatorData: (bytes) => Buffer.concat([createHash('sha256').update('login.example.com').digest(), bytes.subarray(32)]) }),
  ],
  ['nobody present', flags(0, UP)],
  ['nobody verified', flags(0, UV)],
  ['nobody present nor verified', flags(0, UP | UV)],
  ['a backup of what cannot be backed up', flags(BS, BE)],
  ['a signature with one bit changed', response((given) => ({ ...given, signature: flip(given.signature, 9) }))],
  ['a signature cut short', response((given) => ({ ...given, signature: encode(decode(given.signature).subarray(0, -1)) }))],
  ['a signature of one byte', response((given) => ({ ...given, signature: 'AA' }))],
  ['a counter that was not signed', response((given) => ({ ...given, authenticatorData: flip(given.authenticatorData, 33) }))],
  ['a user verification that was not signed', response((given) => ({ ...given, authenticatorData: flip(given.authenticatorData, 32) }))],
  [
    'the signature of another challenge',
    (assertion, key) => {
      const other = key.forge(assertion, { clientData: { challenge: encode(Buffer.alloc(32, 7)) } });
      return { ...assertion, response: { ...assertion.response, signature: other.response.signature } };
    },
  ],
  ['client data in other words', response((given) => ({ ...given, clientDataJSON: encode(Buffer.from(`${decode(given.clientDataJSON)} `)) }))],
  ['a user handle of nobody', handled(encode(Buffer.from('nobody')))],
  ['a user handle that is no text', handled(encode(Buffer.from([0xff, 0xfe])))],
  ['authenticator data of 36 bytes', forged({ authenticatorData: (bytes) => bytes.subarray(0, 36) })],
  ['authenticator data of one byte', forged({ authenticatorData: (bytes) => bytes.subarray(0, 1) })],
  ['authenticator data with a byte more', forged({ authenticatorData: (bytes) => Buffer.concat([bytes, Buffer.from([0])]) })],
  ['a credential announced that does not follow', flags(0x40)],
  ...BROKEN_CBOR.map(([what, bytes]): [string, Change] => [`extensions: ${what}`, extended(bytes)]),
];

/** What is no assertion at all. */
const NONE: [what: string, change: Change][] = [
  ['an empty object', () => ({})],
  ['no response', ({ response: _, ...rest }) => rest],
  ['no id', ({ id: _, ...rest }) => rest],
  ['no type', ({ type: _, ...rest }) => rest],
  ['another type', (assertion) => ({ ...assertion, type: 'password' })],
  ['two ids', (assertion) => ({ ...assertion, rawId: 'AAAA' })],
  ['an id that is no base64url', (assertion) => ({ ...assertion, id: 'a b', rawId: 'a b' })],
  ['an id that is a number', (assertion) => ({ ...assertion, id: 1 })],
  ['an empty signature', response((given) => ({ ...given, signature: '' }))],
  ['no signature', response(({ signature: _, ...rest }) => rest)],
  ['no authenticator data', response(({ authenticatorData: _, ...rest }) => rest)],
  ['authenticator data that is no base64url', response((given) => ({ ...given, authenticatorData: '%%%%' }))],
  ['base64url of an impossible length', response((given) => ({ ...given, signature: 'AAAAA' }))],
  ['no client data', response(({ clientDataJSON: _, ...rest }) => rest)],
  ['a user handle that is a number', response((given) => ({ ...given, userHandle: 1 as never }))],
  ...['no JSON', 'null', '[]', '{}', '7', '{"type":"webauthn.get","origin":"https://example.com"}', '{"type":1,"challenge":"A","origin":"A"}'].map(
    (text): [string, Change] => [`client data ${text}`, response((given) => ({ ...given, clientDataJSON: encode(Buffer.from(text)) }))],
  ),
  ['client data that is no UTF-8', response((given) => ({ ...given, clientDataJSON: encode(Buffer.from([0x22, 0xff, 0x22])) }))],
  ...(['clientDataJSON', 'authenticatorData', 'signature', 'userHandle'] as const).map((member): [string, Change] => [
    `${member} larger than any`,
    response((given) => ({ ...given, [member]: 'A'.repeat(8_196) })),
  ]),
  ['client data of deep lists', response((given) => ({ ...given, clientDataJSON: encode(Buffer.from('['.repeat(50_000))) }))],
];

const uniqueNames = (rows: readonly (readonly [string, unknown])[]) => new Set(rows.map(([what]) => what)).size;

describe('an assertion', () => {
  it.each([
    ['with its user', true],
    ['without a user name', false],
  ])('is refused where anything is not as it has to be, leaves the challenge open, and is taken as it is: %s', async (_, withUser) => {
    expect(uniqueNames(REFUSED)).toBe(REFUSED.length);
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key, withUser ? userId : undefined);
    const before = await get(login);
    for (const [what, change] of REFUSED) {
      const ofNobody = !withUser && what.startsWith('a user handle');
      expect(told(await set(login, check(change(assertion, key)))), what).toEqual(ofNobody ? UNKNOWN_KEY : INVALID);
    }
    expect((await get(login)).body).toEqual(before.body);
    expect((await set(login, check(assertion))).status).toBe(200);
  });

  it.each([
    ['with its user', true],
    ['without a user name', false],
  ])('is told malformed where it is none, which leaves the challenge open: %s', async (_, withUser) => {
    expect(uniqueNames(NONE)).toBe(NONE.length);
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key, withUser ? userId : undefined);
    for (const [what, change] of NONE) expect(told(await set(login, check(change(assertion, key)))), what).toEqual(MALFORMED);
    for (const value of ['', 'text', 7, [], [assertion], true, null, undefined]) {
      const { status, body } = await set(login, check(value));
      expect([status, body.code, body.details], JSON.stringify(value)).toEqual([400, 3, undefined]);
      expect(body.message).toContain('credentialAssertionData');
    }
    const empty = await set(login, { checks: { webAuthN: {} } });
    expect([empty.status, empty.body.code, empty.body.details]).toEqual([400, 3, undefined]);
    expect((await set(login, check(assertion))).status).toBe(200);
  });

  it('is taken in either alphabet, with and without padding, and with what else a browser tells', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const standard = (value: string) => decode(value).toString('base64');
    const bare = (value: string) => standard(value).replace(/=+$/, '');
    const padded = (value: string) => value.padEnd(Math.ceil(value.length / 4) * 4, '=');
    for (const write of [standard, bare, padded]) {
      for (const user of [userId, undefined]) {
        const { login, assertion } = await signed(key, user);
        const written = Object.fromEntries(Object.entries(assertion.response).map(([name, value]) => [name, write(value)]));
        const json = { ...assertion, id: write(assertion.id), rawId: write(assertion.rawId), response: written };
        const browsers = { ...json, clientExtensionResults: { credProps: { rk: true } }, authenticatorAttachment: 'platform' };
        expect((await set(login, check(browsers))).status).toBe(200);
      }
    }
  });

  it('needs no rawId', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key, userId);
    const { rawId: _, ...bare } = assertion;
    expect((await set(login, check(bare))).status).toBe(200);
  });

  it('needs no user handle where the user is known, and is nobody’s without one where it is not', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    for (const none of ['', null, undefined]) {
      const known = await signed(key, userId);
      expect((await set(known.login, check(handled(none)(known.assertion, key)))).status, String(none)).toBe(200);
      const unknown = await signed(key);
      expect(told(await set(unknown.login, check(handled(none)(unknown.assertion, key))))).toEqual(UNKNOWN_KEY);
      expect((await set(unknown.login, check(unknown.assertion))).status).toBe(200);
    }
  });

  it('is refused with the user handle of somebody else, though the key is the user’s', async () => {
    const key = new SecurityKey();
    const [{ userId }, other] = [await newHolder(key), await newHolder(new SecurityKey())];
    const withTheirs = handled(encode(Buffer.from(other.userId)));
    const known = await signed(key, userId);
    expect(told(await set(known.login, check(withTheirs(known.assertion, key))))).toEqual(INVALID);
    const unknown = await signed(key);
    expect(told(await set(unknown.login, check(withTheirs(unknown.assertion, key))))).toEqual(UNKNOWN_KEY);
    expect((await get(unknown.login)).body.session.factors).toBeUndefined();
  });
});

describe('the origin of an assertion', () => {
  it.each(['https://example.com', 'https://login.example.com', 'https://a.b.example.com', 'https://example.com:8443', 'https://login.example.com:1'])(
    'may be at the RP ID or under it, on any port: %s',
    async (value) => {
      const key = new SecurityKey();
      const { userId } = await newHolder(key);
      const { login, assertion } = await signed(key, userId);
      expect((await set(login, check(origin(value)(assertion, key)))).status).toBe(200);
    },
  );

  it('may not be a sibling or the parent of the RP ID', async () => {
    const domain = 'login.example.com';
    const key = new SecurityKey();
    const { userId } = await newUser();
    await enrol(userId, key, 'passkey', { domain });
    const login = await createFor(userId);
    const asked = await set(login, challenge('REQUIRED', domain));
    const assertion = key.get(asked.body.challenges.webAuthN.publicKeyCredentialRequestOptions);
    for (const value of ['https://shop.example.com', 'https://example.com', 'https://xlogin.example.com']) {
      expect(told(await set(login, check(origin(value)(assertion, key)))), value).toEqual(INVALID);
    }
    expect((await set(login, check(assertion))).status).toBe(200);
  });

  it('may be http on this machine, and nowhere else', async () => {
    const domain = 'localhost';
    const key = new SecurityKey();
    const { userId } = await newUser();
    const { id, options } = await begun(userId, 'passkey', { domain });
    const made = key.create(options, 'http://localhost:3000');
    expect((await finish(userId, 'passkey', id, made)).status).toBe(200);
    for (const value of ['http://localhost', 'http://localhost:3000', 'http://login.localhost:3000', 'https://localhost']) {
      const login = await createFor(userId);
      const asked = await set(login, challenge('REQUIRED', domain));
      const assertion = key.get(asked.body.challenges.webAuthN.publicKeyCredentialRequestOptions, 'http://localhost:3000');
      for (const wrong of ['http://localhost.mouse.com', 'http://127.0.0.1', 'http://notlocalhost']) {
        expect(told(await set(login, check(origin(wrong)(assertion, key)))), wrong).toEqual(INVALID);
      }
      expect((await set(login, check(origin(value)(assertion, key)))).status, value).toBe(200);
    }
  });
});

describe('the backup flags of an assertion', () => {
  it.each([
    { registered: 0, taken: [0], refused: [BE, BE | BS, BS] },
    { registered: BE, taken: [BE, BE | BS], refused: [0, BS] },
    { registered: BE | BS, taken: [BE | BS, BE], refused: [0, BS] },
  ])('agree with each other and with the registration: $registered', async ({ registered, taken, refused }) => {
    const key = new PlainKey('ES256', { flags: UP | UV | registered });
    const { userId } = await newHolder(key);
    const login = await createFor(userId);
    const options = await ask(login);
    for (const flag of refused) {
      key.flags = UP | UV | flag;
      expect(told(await set(login, check(key.get(options)))), String(flag)).toEqual(INVALID);
    }
    for (const flag of taken) {
      key.flags = UP | UV | flag;
      expect((await signIn(key, userId)).status, String(flag)).toBe(200);
    }
  });
});

const events = (userId: string, bearer?: string) => api(bearer).get(`/v2/users/${userId}/events`);

describe('the counter of a key', () => {
  it.each([
    ['passkey', 'user.human.passwordless.token.check.failed'],
    ['u2f', 'user.human.mfa.u2f.token.check.failed'],
  ] as const)('has to go on, or the assertion is refused and noted for the user: %s', async (kind, type) => {
    const key = new SecurityKey();
    const { userId, keyId } = await newHolder(key, kind);
    const first = await signIn(key, userId, 'PREFERRED');
    expect(first.status).toBe(200);
    expect((await events(userId)).body.events).toEqual([]);
    const { login, assertion } = await signed(key, userId, 'PREFERRED');
    const standing = countOf(assertion) - 1;
    for (const count of [standing, standing - 1, 0]) {
      expect(told(await set(login, check(key.forge(assertion, counter(count))))), String(count)).toEqual(CLONED);
    }
    const noted = (await events(userId)).body;
    expect(noted.events).toEqual(Array(3).fill({ type, creationDate: expect.any(String), webAuthNTokenId: keyId }));
    expect(noted.details.totalResult).toBe('3');
    expect((await set(login, check(assertion))).status).toBe(200);
    expect((await events(userId)).body.events).toHaveLength(3);
  });

  it('goes on with each sign-in, in whatever session', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const [earlier, later] = [await signed(key, userId), await signed(key)];
    expect((await set(later.login, check(later.assertion))).status).toBe(200);
    expect(told(await set(earlier.login, check(earlier.assertion)))).toEqual(CLONED);
    expect((await set(earlier.login, check(key.get(earlier.options)))).status).toBe(200);
  });

  it('may go on by leaps', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    for (const count of [1000, 1001, 2 ** 32 - 1]) {
      const { login, assertion } = await signed(key, userId);
      expect((await set(login, check(key.forge(assertion, counter(count))))).status).toBe(200);
    }
    expect(told(await signIn(key, userId))).toEqual(CLONED);
  });

  it('may stay at zero, and not once it has counted', async () => {
    const key = new PlainKey();
    const { userId } = await newHolder(key);
    for (let nth = 0; nth < 3; nth += 1) expect((await signIn(key, userId)).status).toBe(200);
    expect((await events(userId)).body.events).toEqual([]);
    key.count = 1;
    expect((await signIn(key, userId)).status).toBe(200);
    key.count = 0;
    expect(told(await signIn(key, userId))).toEqual(CLONED);
    key.count = 2;
    expect((await signIn(key, userId)).status).toBe(200);
  });

  it('stands where it stood when the key was registered', async () => {
    const key = new PlainKey();
    key.count = 5;
    const { userId } = await newHolder(key);
    expect(told(await signIn(key, userId))).toEqual(CLONED);
    key.count = 6;
    expect((await signIn(key, userId)).status).toBe(200);
  });

  it('does not go on by an assertion that is refused, nor by one whose request fails', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key, userId);
    const ahead = key.forge(assertion, { ...counter(500), clientData: { origin: 'https://mouse.com' } });
    expect(told(await set(login, check(ahead)))).toEqual(INVALID);
    const beside = { checks: { ...check(key.forge(assertion, counter(500))).checks, totp: { code: '000000' } } };
    expect((await set(login, beside)).status).toBe(400);
    expect((await set(login, check(assertion))).status).toBe(200);
  });
});

describe('the events of a user', () => {
  it('are for those who may read the user, and for the user', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const signedIn = await signIn(key, userId);
    const [reader, stranger] = [await newMachine({ organization: ['ORG_USER_MANAGER'] }), await newMachine()];
    for (const bearer of [undefined, reader.token, signedIn.login.token]) expect((await events(userId, bearer)).status).toBe(200);
    expect((await events(userId, '')).status).toBe(401);
    expect(told(await events(userId, stranger.token))).toEqual([403, 'AUTH-AWfge', 7]);
    expect(told(await events('nobody'))).toEqual([404, 'QUERY-Dfbg2', 5]);
    const other = await newUser();
    expect(told(await events(other.userId, signedIn.login.token))).toEqual([403, 'AUTH-AWfge', 7]);
  });

  it('are gone with the user', async () => {
    const { userId } = await newHolder(new SecurityKey());
    await api().delete(`/v2/users/${userId}`);
    expect(told(await events(userId))).toEqual([404, 'QUERY-Dfbg2', 5]);
  });
});

describe('a challenge', () => {
  it('is answered once', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, options, assertion } = await signed(key, userId);
    expect((await set(login, check(assertion))).status).toBe(200);
    expect(told(await set(login, check(assertion)))).toEqual(NO_CHALLENGE);
    expect(told(await set(login, check(key.get(options))))).toEqual(NO_CHALLENGE);
  });

  it('has to be there', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { assertion } = await signed(key, userId);
    for (const login of [await createFor(userId), await create()]) {
      for (const given of [assertion, {}]) expect(told(await set(login, check(given)))).toEqual(NO_CHALLENGE);
    }
    const created = await api().post('/v2/sessions', { checks: { user: { userId }, ...check(assertion).checks } });
    expect(told(created)).toEqual(NO_CHALLENGE);
  });

  it('of another session is not answered', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const [mine, theirs] = [await signed(key, userId), await signed(key, userId)];
    expect(told(await set(mine.login, check(theirs.assertion)))).toEqual(INVALID);
    expect((await set(theirs.login, check(theirs.assertion))).status).toBe(200);
  });

  it('leaves three older ones open; each is answered once, and a fifth takes the place of the oldest', async () => {
    const key = new PlainKey();
    const { userId } = await newHolder(key);
    for (const login of [await createFor(userId), await create()]) {
      const [oldest = { publicKey: {} }, ...newer] = [
        await ask(login),
        await ask(login, 'PREFERRED'),
        await ask(login),
        await ask(login, 'DISCOURAGED'),
        await ask(login),
      ];
      expect(told(await set(login, check(key.get(oldest))))).toEqual(INVALID);
      for (const [nth, options] of newer.toReversed().entries()) {
        expect((await set(login, check(key.get(options)))).status).toBe(200);
        expect(told(await set(login, check(key.get(options))))).toEqual(nth === 3 ? NO_CHALLENGE : INVALID);
      }
    }
  });

  it('may be opened with the user at creation, and beside the answer to an older one', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { body } = await api().post('/v2/sessions', { checks: { user: { userId } }, ...challenge() });
    const login = { id: body.sessionId, token: body.sessionToken };
    const first = key.get(body.challenges.webAuthN.publicKeyCredentialRequestOptions);
    const both = await set(login, { ...check(first), ...challenge() });
    expect(both.status).toBe(200);
    const next = both.body.challenges.webAuthN.publicKeyCredentialRequestOptions;
    expect(told(await set(login, check(first)))).toEqual(INVALID);
    expect((await set(login, check(key.get(next)))).status).toBe(200);
  });

  it('beside an answer that is refused is not opened', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key, userId);
    const answer = await set(login, { ...check(flags(0, UV)(assertion, key)), ...challenge() });
    expect([told(answer), answer.body.challenges]).toEqual([INVALID, undefined]);
    expect((await set(login, check(assertion))).status).toBe(200);
    expect(told(await set(login, check(assertion)))).toEqual(NO_CHALLENGE);
  });

  it('that cannot be opened spends nothing of the answer beside it', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const [earlier, later] = [await signed(key, userId), await signed(key, userId)];
    const answer = await set(later.login, { ...check(later.assertion), ...challenge('REQUIRED', 'mouse.com') });
    expect(told(answer)).toEqual([400, 'WEBAU-4G8sw', 9]);
    expect((await get(later.login)).body.session.factors.webAuthN).toBeUndefined();
    for (const { login, assertion } of [earlier, later]) expect((await set(login, check(assertion))).status).toBe(200);
  });

  it('is opened to a user only who has a key for it', async () => {
    const { userId } = await newUser();
    const u2f = await newHolder(new SecurityKey(), 'u2f');
    const passkey = await newHolder(new SecurityKey());
    const rows = [
      [userId, challenge('PREFERRED')],
      [u2f.userId, challenge('REQUIRED')],
      [u2f.userId, challenge('PREFERRED', 'login.example.com')],
      [passkey.userId, challenge('REQUIRED', 'mouse.com')],
    ] as const;
    for (const [user, body] of rows) expect(told(await set(await createFor(user), body))).toEqual([400, 'WEBAU-4G8sw', 9]);
  });

  it('has the options of the reference: its keys, and none where the user is not known', async () => {
    const [passkey, other] = [new SecurityKey(), new SecurityKey()];
    const { userId } = await newHolder(passkey);
    await enrol(userId, other, 'u2f');
    await enrol(userId, new SecurityKey(), 'passkey', { domain: 'login.example.com' });
    for (const requirement of ['REQUIRED', 'PREFERRED', 'DISCOURAGED'] as const) {
      const { publicKey } = await ask(await createFor(userId), requirement);
      expect(publicKey).toEqual({
        challenge: expect.stringMatching(/^[\w-]{43}$/),
        timeout: 300_000,
        rpId: RP_ID,
        allowCredentials: Array(requirement === 'REQUIRED' ? 1 : 2).fill({ type: 'public-key', id: expect.stringMatching(/^[\w-]+$/) }),
        userVerification: requirement.toLowerCase(),
      });
      const usernameless = await ask(await create(), requirement);
      expect(usernameless.publicKey).toEqual({ ...publicKey, challenge: expect.stringMatching(/^[\w-]{43}$/), allowCredentials: [] });
      expect(usernameless.publicKey.challenge).not.toBe(publicKey.challenge);
    }
  });

  const requirement = (value: unknown) => ({ challenges: { webAuthN: { domain: RP_ID, userVerificationRequirement: value } } });

  it('takes the requirement by name or by number, and needs one', async () => {
    const { userId } = await newHolder(new SecurityKey());
    const login = await createFor(userId);
    for (const [name, number] of [
      ['REQUIRED', 1],
      ['PREFERRED', 2],
      ['DISCOURAGED', 3],
    ] as const) {
      for (const value of [number, `USER_VERIFICATION_REQUIREMENT_${name}`]) {
        const { body } = await set(login, requirement(value));
        expect(body.challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.userVerification).toBe(name.toLowerCase());
      }
    }
    for (const value of [undefined, null, 0, 4, -1, 1.5, '', 'REQUIRED', 'USER_VERIFICATION_REQUIREMENT_UNSPECIFIED', {}, true]) {
      const { status, body } = await set(login, requirement(value));
      expect([status, body.code, body.details], JSON.stringify(value)).toEqual([400, 3, undefined]);
    }
  });

  it.each([
    ['Example.COM', RP_ID],
    ['EXAMPLE.com', RP_ID],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['localhost', 'localhost'],
    [`${Array(4).fill('a'.repeat(49)).join('.')}`, `${Array(4).fill('a'.repeat(49)).join('.')}`],
  ])('takes %s as the domain, which is the RP ID %s', async (domain, rpId) => {
    const options = (await set(await create(), challenge('REQUIRED', domain))).body.challenges.webAuthN.publicKeyCredentialRequestOptions;
    expect(options.publicKey.rpId).toBe(rpId);
  });

  it.each([
    '',
    '127.0.0.1',
    '１２７.0.0.1',
    '0x7f.1',
    '1.2',
    '[::1]',
    '::1',
    'example.com:443',
    'https://example.com',
    '//example.com',
    'example.com/login',
    'example.com?a',
    'example.com#a',
    'mini@example.com',
    'example.com.',
    '.example.com',
    'example..com',
    '*.example.com',
    'exam ple.com',
    ' example.com',
    'ex%61mple.com',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(100)}a`,
    7,
    null,
  ])('takes %j for no domain', async (domain) => {
    for (const answer of [
      await set(await create(), challenge('REQUIRED', domain as string)),
      ...(domain === '' || domain === null ? [] : [await api().post(path((await newUser()).userId, 'passkey'), { domain })]),
    ]) {
      expect([answer.status, answer.body.code, answer.body.details]).toEqual([400, 3, undefined]);
      expect(answer.body.message).toContain('domain');
    }
  });
});

describe('a key that the challenge was not offered to', () => {
  it('is refused when it is somebody else’s', async () => {
    const [key, other] = [new SecurityKey(), new SecurityKey()];
    const { userId } = await newHolder(key);
    await newHolder(other);
    const login = await createFor(userId);
    const { publicKey } = await ask(login);
    const assertion = other.get({ publicKey: { ...publicKey, allowCredentials: [] } });
    expect(told(await set(login, check(assertion)))).toEqual(UNKNOWN_KEY);
    expect(told(await set(login, check(handled(encode(Buffer.from(userId)))(assertion, other))))).toEqual(UNKNOWN_KEY);
    expect(told(await set(login, check(handled(undefined)(assertion, other))))).toEqual(UNKNOWN_KEY);
    expect((await set(login, check(key.get({ publicKey })))).status).toBe(200);
  });

  it('is refused when the request names another user than its holder, and taken when it names that one', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const other = await newHolder(new SecurityKey());
    const { login, assertion } = await signed(key);
    const naming = (id: string) => ({ checks: { user: { userId: id }, ...check(assertion).checks } });
    expect(told(await set(login, naming(other.userId)))).toEqual(UNKNOWN_KEY);
    expect((await get(login)).body.session.factors).toBeUndefined();
    expect((await set(login, naming(userId))).status).toBe(200);
    expect((await get(login)).body.session.factors).toMatchObject({ user: { id: userId }, webAuthN: { userVerified: true } });
  });

  it('is refused on a session that has another user by now, though the challenge was open to anybody', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const other = await newUser();
    const { login, assertion } = await signed(key);
    expect((await set(login, { checks: { user: { userId: other.userId } } })).status).toBe(200);
    expect(told(await set(login, check(assertion)))).toEqual(UNKNOWN_KEY);
    expect((await get(login)).body.session.factors.user.id).toBe(other.userId);
    expect(userId).not.toBe(other.userId);
  });

  it('is taken of the user whom the session has by now, though the challenge was open to anybody', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key);
    expect((await set(login, { checks: { user: { userId } } })).status).toBe(200);
    expect(told(await set(login, check(handled(undefined)(assertion, key))))).toEqual(INVALID);
    expect((await set(login, check(assertion))).status).toBe(200);
  });

  it.each(['passkey', 'u2f'] as const)('is refused when it was removed since: %s', async (kind) => {
    const key = new SecurityKey();
    const { userId, keyId } = await newHolder(key, kind);
    for (const user of [userId, undefined]) {
      const { login, assertion } = await signed(key, user, 'PREFERRED');
      if (user !== undefined) expect((await api().delete(path(userId, kind, keyId))).status).toBe(200);
      expect(told(await set(login, check(assertion)))).toEqual(UNKNOWN_KEY);
    }
  });

  it('is refused when it was registered since', async () => {
    const [older, newer] = [new SecurityKey(), new SecurityKey()];
    const { userId } = await newHolder(older);
    const login = await createFor(userId);
    const { publicKey } = await ask(login);
    await enrol(userId, newer);
    const bare = { publicKey: { ...publicKey, allowCredentials: [] } };
    expect(told(await set(login, check(newer.get(bare))))).toEqual(UNKNOWN_KEY);
    expect((await set(login, check(older.get(bare)))).status).toBe(200);
    expect((await signIn(newer, userId)).status).toBe(200);
  });

  it('is refused when it is of another RP ID', async () => {
    const [here, there] = [new PlainKey(), new PlainKey()];
    const { userId } = await newHolder(here);
    const elsewhere = await begun(userId, 'passkey', { domain: 'login.example.com' });
    const hash = createHash('sha256').update('login.example.com').digest();
    const whim = { authenticatorData: (bytes: Buffer) => Buffer.concat([hash, bytes.subarray(32)]) };
    expect((await finish(userId, 'passkey', elsewhere.id, there.create(elsewhere.options, 'none', whim))).status).toBe(200);
    for (const user of [userId, undefined]) {
      const { login, options } = await signed(here, user);
      expect(told(await set(login, check(there.get(options))))).toEqual(UNKNOWN_KEY);
      expect(told(await set(login, check(there.get(options, whim))))).toEqual(UNKNOWN_KEY);
    }
  });
});

describe('one assertion in many requests at once', () => {
  it.each([
    ['a session with its user', true, 1],
    ['a session without a user', false, 1],
    ['a key that does not count', true, 0],
    ['a key that does not count, without a user', false, 0],
  ])('is taken once, with the token and without it: %s', async (_, withUser, countsBy) => {
    const key = new SecurityKey({ countsBy });
    const { userId } = await newHolder(key);
    const user = withUser ? userId : undefined;
    const together = (request: () => Promise<Answer>) => Promise.all(Array.from({ length: 6 }, request));

    const tokened = await signed(key, user);
    const presented = { sessionToken: tokened.login.token, ...check(tokened.assertion) };
    const first = await together(() => api().patch(`/v2beta/sessions/${tokened.login.id}`, presented));
    expect(first.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of first.filter(({ status }) => status !== 200)) expect(told(answer)).toEqual(WRONG_TOKEN);

    const bare = await signed(key, user);
    const second = await together(() => setWithoutToken(bare.login, check(bare.assertion)));
    expect(second.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of second.filter(({ status }) => status !== 200)) expect(told(answer)).toEqual(NO_CHALLENGE);

    expect((await get(bare.login)).body.session.factors).toMatchObject({ user: { id: userId }, webAuthN: { userVerified: true } });
    expect((await events(userId)).body.events).toEqual([]);
  });
});

describe('a caller with nothing but the session’s token', () => {
  it.each(['v2', 'v2beta'] as const)('opens a challenge and answers it, also without a user name: %s', async (version: Version) => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const nobody = api((await newMachine()).token);
    for (const login of [await createFor(userId), await create()]) {
      const options = await ask(login, 'REQUIRED', nobody, version);
      expect((await set(login, check(key.get(options)), nobody, version)).status).toBe(200);
      expect((await get(login)).body.session.factors.user.id).toBe(userId);
    }
  });

  it('has to have it', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const nobody = api((await newMachine()).token);
    const { login, assertion } = await signed(key, userId);
    for (const body of [challenge(), check(assertion)]) expect(told(await setWithoutToken(login, body, nobody))).toEqual([403, 'AUTH-AWfge', 7]);
    for (const body of [challenge(), check(assertion)]) {
      const answer = await nobody.patch(`/v2/sessions/${login.id}`, { sessionToken: 'garbage', ...body });
      expect(told(answer)).toEqual(WRONG_TOKEN);
    }
    expect((await set(login, check(assertion), nobody)).status).toBe(200);
  });
});

describe('a sign-in without a user name', () => {
  it('tells nothing of a user before the assertion is proved', async () => {
    const [active, stopped] = [new SecurityKey(), new SecurityKey()];
    await newHolder(active);
    const { userId } = await newHolder(stopped);
    await api().post(`/v2/users/${userId}/deactivate`);
    const answers = [];
    for (const key of [active, stopped]) {
      const { login, assertion } = await signed(key);
      const unproved = [
        response((given) => ({ ...given, signature: flip(given.signature, 9) })),
        flags(0, UV),
        origin('https://mouse.com'),
        (given: CredentialJson) => ({ ...given, id: 'AAAA', rawId: 'AAAA' }),
      ];
      const toldOfThem = [];
      for (const change of unproved) {
        const { status, body } = await set(login, check(change(assertion, key)));
        toldOfThem.push({ status, body });
      }
      answers.push(toldOfThem);
    }
    const { login, assertion } = await signed(active);
    const unknown = await set(login, check(handled(encode(Buffer.from('nobody')))({ ...assertion, id: 'AAAA', rawId: 'AAAA' }, active)));
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[0]?.[3]).toEqual({ status: unknown.status, body: unknown.body });
    expect(answers[0]?.map(({ body }) => body.details[0].id)).toEqual(['WEBAU-3M9si', 'WEBAU-3M9si', 'WEBAU-3M9si', 'COMMAND-Aej7i']);
  });

  it('is refused to a user who was stopped, and to one who was deleted', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key);
    await api().post(`/v2/users/${userId}/deactivate`);
    const stopped = await set(login, check(assertion));
    expect(told(stopped)).toEqual([400, 'SESSION-Gj4ko', 9]);
    expect((await get(login)).body.session.factors).toBeUndefined();
    await api().delete(`/v2/users/${userId}`);
    expect(told(await set(login, check(assertion)))).toEqual(UNKNOWN_KEY);
  });

  it('works again when the user was let in again', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key);
    await api().post(`/v2/users/${userId}/deactivate`);
    await set(login, check(assertion));
    await api().post(`/v2/users/${userId}/reactivate`);
    expect((await set(login, check(assertion))).status).toBe(200);
  });

  it('has no password beside it, which is checked before', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key);
    const both = { checks: { ...check(assertion).checks, ...password(PASSWORD).checks } };
    expect(told(await set(login, both))).toEqual([400, 'COMMAND-Sfw3f', 9]);
    expect((await set(login, check(assertion))).status).toBe(200);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
    expect(Object.keys((await get(login)).body.session.factors)).toEqual(['user', 'password', 'webAuthN']);
    expect((await get(login)).body.session.factors.user.id).toBe(userId);
  });

  it('may have a later factor of the user whom it tells of beside it, and fails with it', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { body } = await api().post(`/v2/users/${userId}/recovery_codes`, { count: 2 });
    const { login, assertion } = await signed(key);
    const both = (code: string) => ({ checks: { ...check(assertion).checks, recoveryCode: { code } } });
    expect(told(await set(login, both('wrong'), api(), 'v2'))).toEqual([400, 'DOMAIN-6uvh0', 3]);
    expect((await get(login)).body.session.factors).toBeUndefined();
    expect((await set(login, both(body.recoveryCodes[0]), api(), 'v2')).status).toBe(200);
    expect(Object.keys((await get(login)).body.session.factors)).toEqual(['user', 'webAuthN', 'recoveryCode']);
  });

  it('may open a challenge for the user whom it tells of in the same request', async () => {
    const key = new SecurityKey();
    await newHolder(key);
    const { login, assertion } = await signed(key);
    const both = await set(login, { ...check(assertion), ...challenge() });
    expect(both.body.challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.allowCredentials).toEqual([
      { type: 'public-key', id: assertion.id },
    ]);
  });
});

const me = (token: string, userId: string) => api(token).get(`/v2/users/${userId}`);

describe('a session token as bearer', () => {
  const mfaRequired = ['mfa required (AUTHZ-Kl3p0)', 403];
  const outcome = ({ status, body }: Answer) => (status === 200 ? 200 : [body.message, status]);

  it('is enough by a user-verified passkey alone, also of a user who has a second factor', async () => {
    const [passkey, u2f] = [new SecurityKey(), new SecurityKey()];
    const { userId } = await newHolder(passkey);
    await enrol(userId, u2f, 'u2f');
    for (const user of [userId, undefined]) {
      const { login } = await signIn(passkey, user);
      expect(outcome(await me(login.token, userId))).toBe(200);
    }
  });

  it('is enough by a U2F key alone that verified its user', async () => {
    const u2f = new SecurityKey();
    const { userId } = await newHolder(u2f, 'u2f');
    const { login } = await signIn(u2f, userId, 'PREFERRED');
    expect(outcome(await me(login.token, userId))).toBe(200);
  });

  it('is not enough by a passkey that did not verify its user, where a second factor is there', async () => {
    const passkey = new PlainKey('ES256', { flags: UP });
    const { userId } = await newHolder(passkey);
    const alone = await signIn(passkey, userId, 'PREFERRED');
    expect(outcome(await me(alone.login.token, userId))).toBe(200);
    const another = await newHolder(new PlainKey('ES256', { flags: UP }));
    const key = new PlainKey('ES256', { flags: UP });
    await enrol(another.userId, key);
    await enrol(another.userId, new SecurityKey(), 'u2f');
    const { login } = await signIn(key, another.userId, 'PREFERRED');
    expect(outcome(await me(login.token, another.userId))).toEqual(mfaRequired);
  });

  it('is not enough by the password alone of a user who has a U2F key, and is with both', async () => {
    const u2f = new PlainKey('ES256', { flags: UP });
    const { userId } = await newHolder(u2f, 'u2f');
    const login = await createFor(userId);
    await set(login, password(PASSWORD));
    expect(outcome(await me(login.token, userId))).toEqual(mfaRequired);
    const alone = await signIn(u2f, userId, 'PREFERRED');
    expect(outcome(await me(alone.login.token, userId))).toEqual(mfaRequired);
    expect((await set(login, check(u2f.get(await ask(login, 'DISCOURAGED'))))).status).toBe(200);
    expect(outcome(await me(login.token, userId))).toBe(200);
  });

  it('is enough by the password alone of a user who has only a passkey', async () => {
    const { userId } = await newHolder(new SecurityKey());
    const login = await createFor(userId);
    await set(login, password(PASSWORD));
    expect(outcome(await me(login.token, userId))).toBe(200);
  });
});

describe('the wire of a webAuthN check', () => {
  it.each(['v2', 'v2beta'] as const)('takes snake_case as well: %s', async (version) => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const login = await createFor(userId);
    const snake = { challenges: { web_auth_n: { domain: RP_ID, user_verification_requirement: 'USER_VERIFICATION_REQUIREMENT_REQUIRED' } } };
    const { body } = await set(login, snake, api(), version);
    const assertion = key.get(body.challenges.webAuthN.publicKeyCredentialRequestOptions);
    expect((await set(login, { checks: { web_auth_n: { credential_assertion_data: assertion } } }, api(), version)).status).toBe(200);
  });

  it('takes a challenge opened by one version answered by the other', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const login = await createFor(userId);
    const options = await ask(login, 'REQUIRED', api(), 'v2');
    expect((await set(login, check(key.get(options)), api(), 'v2beta')).status).toBe(200);
  });

  it('needs something in a challenge', async () => {
    const { status, body } = await set(await create(), { challenges: { webAuthN: {} } });
    expect([status, body.code, body.details]).toEqual([400, 3, undefined]);
  });

  it('answers the repeat of a request with an Idempotency-Key as it answered the request, also beside it', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    for (const user of [userId, undefined]) {
      const { login, assertion } = await signed(key, user);
      const body = { sessionToken: login.token, ...check(assertion), ...challenge() };
      const idempotent = { 'idempotency-key': crypto.randomUUID() };
      const send = () => api().patch(`/v2beta/sessions/${login.id}`, body, idempotent);
      const [first, ...others] = [...(await Promise.all([send(), send(), send()])), await send()];
      expect(first?.status).toBe(200);
      for (const other of others) expect([other.status, other.body]).toEqual([200, first?.body]);
      login.token = first?.body.sessionToken;
      const next = key.get(first?.body.challenges.webAuthN.publicKeyCredentialRequestOptions);
      expect((await set(login, check(next))).status).toBe(200);
    }
    expect((await events(userId)).body.events).toEqual([]);
  });

  it('answers 413 to an assertion that is larger than any request may be', async () => {
    const key = new SecurityKey();
    const { userId } = await newHolder(key);
    const { login, assertion } = await signed(key, userId);
    const large = response((given) => ({ ...given, signature: 'A'.repeat(1 << 20) }))(assertion, key);
    expect((await set(login, check(large))).status).toBe(413);
    expect((await set(login, check(assertion))).status).toBe(200);
  });
});
