import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { type Answer, anOrganization, api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, password, refusal, set, type Version } from '../support/login.ts';
import { personWithBearer } from '../support/mailbox.ts';
import { BE, BS, type CredentialJson, decode, encode, RP_ID, SecurityKey, UP, UV } from '../support/security-key.ts';
import { cbor, PlainKey, rsaKeyOf, type Whim } from '../support/security-key-plain.ts';
import { ask, begin, begun, challenge, check, enrol, finish, type Kind, newHolder, path, signed, signIn } from '../support/security-key-steps.ts';

const FORBIDDEN = [403, 'AUTH-AWfge', 7];
const NOT_THERE = [404, 'COMMAND-Mv9sd', 5];
const NOTHING_PENDING = [400, 'WEBAU-5M9so', 9];
const NOT_REGISTERED = [400, 'WEBAU-3Vb9s', 3];
const MALFORMED = [400, 'WEBAU-sEr8c', 3];
const UNKNOWN = [404, 'COMMAND-DAfb2', 5];
const told = (answer: Answer) => [...refusal(answer), answer.body.code];

const VERSIONS = ['v2', 'v2beta'] as const satisfies Version[];

const list = async (userId: string, bearer?: string, version: Version = 'v2'): Promise<Answer> =>
  api(bearer).post(`${path(userId, 'passkey', undefined, version)}/_search`, {});
const remove = (userId: string, id: string, bearer?: string, version: Version = 'v2') => api(bearer).delete(path(userId, 'passkey', id, version));

const DETAILS = { sequence: expect.stringMatching(/^\d+$/), changeDate: expect.any(String), resourceOwner: expect.any(String) };

describe('a passkey', () => {
  it.each(VERSIONS)('is registered, listed, signs its user in with and without a user name, and is removed: %s', async (version) => {
    const { userId } = await newUser();
    const key = new SecurityKey();
    const answer = await begin(userId, 'passkey', {}, api(), version);
    expect([answer.status, Object.keys(answer.body)]).toEqual([200, ['details', 'passkeyId', 'publicKeyCredentialCreationOptions']]);
    const { passkeyId, publicKeyCredentialCreationOptions: options, details } = answer.body;
    expect(details).toEqual({ ...DETAILS, resourceOwner: await anOrganization() });
    expect((await list(userId, undefined, version)).body).toEqual({ details: { timestamp: expect.any(String) } });

    const done = await finish(userId, 'passkey', passkeyId, key.create(options), { name: 'My phone', version });
    expect([done.status, Object.keys(done.body), done.body.details]).toEqual([200, ['details'], DETAILS]);
    expect(Number(done.body.details.sequence)).toBe(Number(details.sequence) + 1);
    const listed = await list(userId, undefined, version);
    expect(listed.body).toEqual({
      details: { totalResult: '1', timestamp: expect.any(String) },
      result: [{ id: passkeyId, state: 'AUTH_FACTOR_STATE_READY', name: 'My phone' }],
    });

    for (const login of [await createFor(userId), await create()]) {
      const assertion = key.get(await ask(login, 'REQUIRED', api(), version));
      expect((await set(login, check(assertion), api(), version)).status).toBe(200);
      expect((await get(login)).body.session.factors).toMatchObject({ user: { id: userId }, webAuthN: { userVerified: true } });
    }

    const removed = await remove(userId, passkeyId, undefined, version);
    expect([removed.status, removed.body]).toEqual([200, { details: DETAILS }]);
    expect((await list(userId, undefined, version)).body.result).toBeUndefined();
    expect(told(await remove(userId, passkeyId, undefined, version))).toEqual(UNKNOWN);
    expect(told(await signIn(key))).toEqual([400, 'COMMAND-Aej7i', 9]);
  });

  it('is registered with the options of the reference, and one that people find without a user name is preferred', async () => {
    const { userId, loginName } = await newUser();
    for (const [authenticator, authenticatorAttachment] of [
      [undefined, undefined],
      ['PASSKEY_AUTHENTICATOR_UNSPECIFIED', undefined],
      ['PASSKEY_AUTHENTICATOR_PLATFORM', 'platform'],
      ['PASSKEY_AUTHENTICATOR_CROSS_PLATFORM', 'cross-platform'],
      [1, 'platform'],
      [2, 'cross-platform'],
    ]) {
      const { options } = await begun(userId, 'passkey', { authenticator });
      expect(options).toEqual({
        publicKey: {
          rp: { id: RP_ID, name: expect.any(String) },
          user: { id: encode(Buffer.from(userId)), name: loginName, displayName: 'Minnie Mouse' },
          challenge: expect.stringMatching(/^[\w-]{43}$/),
          pubKeyCredParams: [-7, -35, -36, -257, -258, -259, -37, -38, -39, -8].map((alg) => ({ type: 'public-key', alg })),
          timeout: 300_000,
          excludeCredentials: [],
          authenticatorSelection: {
            ...(authenticatorAttachment && { authenticatorAttachment }),
            residentKey: 'preferred',
            userVerification: 'required',
          },
          attestation: 'none',
        },
      });
    }
    expect((await begin(userId, 'passkey', { authenticator: 3 })).status).toBe(400);
  });

  it('is not made by an authenticator that has one of the RP ID already, of whichever kind', async () => {
    const { userId } = await newUser();
    const [passkey, u2f] = [new PlainKey(), new PlainKey()];
    await enrol(userId, passkey, 'passkey');
    await enrol(userId, u2f, 'u2f');
    const excluded = async (kind: Kind, domain = RP_ID) => (await begun(userId, kind, { domain })).options.publicKey.excludeCredentials;
    const named = ({ credentialId }: PlainKey) => ({ type: 'public-key', id: encode(credentialId) });
    for (const kind of ['passkey', 'u2f'] as const) expect(await excluded(kind)).toEqual([named(passkey), named(u2f)]);
    expect(await excluded('passkey', 'login.example.com')).toEqual([]);
  });

  it('is for the domain that the request came to when none is given, and an address is none', async () => {
    const base = new URL(inject('baseUrl'));
    const { userId } = await newUser();
    const beginAt = (url: URL) => api().post(new URL(path(userId, 'passkey'), url).href, {});
    if (base.hostname === '127.0.0.1') {
      expect(told(await beginAt(base))).toEqual([400, 'WEBAU-UX9ta', 3]);
      base.hostname = 'localhost';
    }
    const { body } = await beginAt(base);
    expect(body.publicKeyCredentialCreationOptions.publicKey.rp.id).toBe(base.hostname);
    const key = new SecurityKey();
    const made = key.create(body.publicKeyCredentialCreationOptions, base.hostname === 'localhost' ? base.origin : `https://${base.hostname}`);
    expect((await finish(userId, 'passkey', body.passkeyId, made)).status).toBe(200);
    const asked = await set(await createFor(userId), challenge('REQUIRED', base.hostname));
    expect(asked.body.challenges.webAuthN.publicKeyCredentialRequestOptions.publicKey.allowCredentials).toHaveLength(1);
  });

  it.each([
    ['Example.COM', RP_ID],
    ['bücher.example', 'xn--bcher-kva.example'],
  ])('for %s is for %s', async (domain, rpId) => {
    expect((await begun((await newUser()).userId, 'passkey', { domain })).options.publicKey.rp.id).toBe(rpId);
  });

  it('is listed with others in the order in which they came, and of no other kind', async () => {
    const { userId } = await newUser();
    const ids = [await enrol(userId, new PlainKey()), await enrol(userId, new PlainKey()), await enrol(userId, new PlainKey())];
    await enrol(userId, new PlainKey(), 'u2f');
    const { body } = await list(userId);
    expect([body.details.totalResult, body.result.map(({ id }: { id: string }) => id)]).toEqual(['3', ids]);
  });

  it('has a name of 1 to 200 characters', async () => {
    const { userId } = await newUser();
    const key = new PlainKey();
    const { id, options } = await begun(userId);
    for (const name of ['', 'x'.repeat(201), null as never, 7 as never]) {
      const { status, body } = await finish(userId, 'passkey', id, key.create(options), { name });
      expect([status, body.code, body.details]).toEqual([400, 3, undefined]);
    }
    expect((await finish(userId, 'passkey', id, key.create(options), { name: '🔑'.repeat(200) })).status).toBe(200);
    expect((await list(userId)).body.result[0].name).toBe('🔑'.repeat(200));
  });

  it('is registered in snake_case as well', async () => {
    const { userId } = await newUser();
    const key = new PlainKey();
    const { id, options } = await begun(userId);
    const body = { public_key_credential: key.create(options), passkey_name: 'My phone' };
    expect((await api().post(path(userId, 'passkey', id), body)).status).toBe(200);
  });

  it('is registered in either alphabet, with and without padding, and with what else a browser tells', async () => {
    const standard = (value: string) => decode(value).toString('base64');
    const padded = (value: string) => value.padEnd(Math.ceil(value.length / 4) * 4, '=');
    for (const write of [standard, padded]) {
      const { userId } = await newUser();
      const key = new PlainKey();
      const { id, options } = await begun(userId);
      const made = key.create(options);
      const response = Object.fromEntries(Object.entries(made.response).map(([name, value]) => [name, write(value)]));
      const json = {
        ...made,
        id: write(made.id),
        rawId: write(made.rawId),
        response: { ...response, transports: ['internal'], publicKeyAlgorithm: -7 },
      };
      const browsers = { ...json, clientExtensionResults: { credProps: { rk: true } }, authenticatorAttachment: 'platform' };
      expect((await finish(userId, 'passkey', id, browsers)).status).toBe(200);
      expect((await signIn(key, userId)).status).toBe(200);
    }
  });

  it('may come from an authenticator that did not verify its user, and then is enough where that is not required', async () => {
    const key = new PlainKey('ES256', { flags: UP });
    const { userId } = await newHolder(key);
    expect(told(await signIn(key, userId))).toEqual([400, 'WEBAU-3M9si', 3]);
    const { status, login } = await signIn(key, userId, 'PREFERRED');
    expect(status).toBe(200);
    expect((await get(login)).body.session.factors.webAuthN).toEqual({ verifiedAt: expect.any(String) });
  });

  it('goes when its user is deleted: its authenticator may be registered by somebody else then, and not before', async () => {
    const key = new PlainKey();
    const { userId } = await newHolder(key);
    const other = await newUser();
    const { id, options } = await begun(other.userId);
    expect(told(await finish(other.userId, 'passkey', id, key.create(options)))).toEqual(NOT_REGISTERED);
    await api().delete(`/v2/users/${userId}`);
    expect((await finish(other.userId, 'passkey', id, key.create(options))).status).toBe(200);
    expect((await signIn(key, other.userId)).status).toBe(200);
  });

  it('is not registered twice, not even by its user as the other kind', async () => {
    const key = new PlainKey();
    const { userId } = await newHolder(key);
    for (const kind of ['passkey', 'u2f'] as const) {
      const { id, options } = await begun(userId, kind);
      expect(told(await finish(userId, kind, id, key.create(options)))).toEqual(NOT_REGISTERED);
    }
    expect((await list(userId)).body.result).toHaveLength(1);
  });

  it('of one credential is registered once when two come with it at once', async () => {
    const key = new PlainKey();
    const [mine, theirs] = [await newUser(), await newUser()];
    const attempts = [];
    for (const { userId } of [mine, theirs]) {
      const { id, options } = await begun(userId);
      attempts.push({ userId, id, made: key.create(options) });
    }
    const answers = await Promise.all(attempts.map(({ userId, id, made }) => finish(userId, 'passkey', id, made)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400]);
    expect(told(answers.find(({ status }) => status === 400) as Answer)).toEqual(NOT_REGISTERED);
  });
});

describe('a registration', () => {
  it('is finished once, also when it is finished many times at once', async () => {
    const { userId } = await newUser();
    const key = new PlainKey();
    const { id, options } = await begun(userId);
    const made = key.create(options);
    const answers = await Promise.all(Array.from({ length: 5 }, () => finish(userId, 'passkey', id, made)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 200)) expect([NOTHING_PENDING, NOT_REGISTERED]).toContainEqual(told(answer));
    expect(told(await finish(userId, 'passkey', id, new PlainKey().create(options)))).toEqual(NOTHING_PENDING);
    expect((await list(userId)).body.result).toHaveLength(1);
  });

  it('stays open beside nine others, each under its own id and for its own challenge; an eleventh ends the oldest', async () => {
    const { userId } = await newUser();
    const all = [];
    for (let nth = 0; nth < 11; nth += 1) all.push(await begun(userId, nth % 2 === 0 ? 'passkey' : 'u2f'));
    const [oldest, second, ...others] = all;
    const answer = (each = oldest, options = each?.options, nth = 0) =>
      finish(userId, nth % 2 === 0 ? 'passkey' : 'u2f', each?.id ?? '', new PlainKey().create(options ?? { publicKey: {} }));
    expect(told(await answer(oldest))).toEqual(NOTHING_PENDING);
    expect(told(await answer(second, others[0]?.options, 1))).toEqual(NOT_REGISTERED);
    for (const [nth, each] of [second, ...others].entries()) expect((await answer(each, each?.options, nth + 1)).status).toBe(200);
    expect((await list(userId)).body.result).toHaveLength(5);
  });

  it('is of one user and one kind', async () => {
    const [mine, theirs] = [await newUser(), await newUser()];
    const key = new PlainKey();
    const { id, options } = await begun(mine.userId);
    const made = key.create(options);
    expect(told(await finish(theirs.userId, 'passkey', id, made))).toEqual(NOTHING_PENDING);
    expect(told(await finish(mine.userId, 'u2f', id, made))).toEqual(NOTHING_PENDING);
    expect(told(await finish(mine.userId, 'passkey', '1', made))).toEqual(NOTHING_PENDING);
    expect((await finish(mine.userId, 'passkey', id, made)).status).toBe(200);
  });

  it('is none of a user who was deleted', async () => {
    const { userId } = await newUser();
    const { id, options } = await begun(userId);
    await api().delete(`/v2/users/${userId}`);
    expect(told(await finish(userId, 'passkey', id, new PlainKey().create(options)))).toEqual(NOT_THERE);
    expect(told(await begin(userId))).toEqual(NOT_THERE);
  });

  it('is refused where anything is not as it has to be, stays open, and is finished as it is', async () => {
    const key = new PlainKey();
    const { userId } = await newUser();
    const { id, options } = await begun(userId);
    const rows: [what: string, credential: CredentialJson][] = [
      ...WHIMS.map(([what, whim]): [string, CredentialJson] => [what, key.create(options, 'none', whim)]),
      ...ODD_KEYS.map(([what, odd]): [string, CredentialJson] => [what, odd().create(options)]),
      ['another id than the attested one', { ...key.create(options), id: 'AAAA', rawId: 'AAAA' }],
      ['a format that nobody knows', key.create(options, 'nobody' as never)],
    ];
    for (const [what, credential] of rows) expect(told(await finish(userId, 'passkey', id, credential)), what).toEqual(NOT_REGISTERED);
    expect((await list(userId)).body.result).toBeUndefined();
    expect((await finish(userId, 'passkey', id, key.create(options))).status).toBe(200);
    expect((await signIn(key, userId)).status).toBe(200);
  });

  it('is told malformed where the answer is none, stays open, and is finished as it is', async () => {
    const key = new PlainKey();
    const { userId } = await newUser();
    const { id, options } = await begun(userId);
    const made = key.create(options);
    const { response } = made;
    const text = (value: string) => ({ ...made, response: { ...response, clientDataJSON: encode(Buffer.from(value)) } });
    const rows: [what: string, credential: object][] = [
      ['an empty object', {}],
      ['no response', { ...made, response: undefined }],
      ['another type', { ...made, type: 'password' }],
      ['two ids', { ...made, rawId: 'AAAA' }],
      ['no base64url', { ...made, response: { ...response, attestationObject: '%%' } }],
      ['no attestation', { ...made, response: { ...response, attestationObject: undefined } }],
      ['an assertion', { ...made, response: { clientDataJSON: response.clientDataJSON, authenticatorData: 'AAAA', signature: 'AAAA' } }],
      ['client data that is no JSON', text('no JSON')],
      ['client data that is a list', text('[]')],
      ['client data without a challenge', text('{"type":"webauthn.create","origin":"https://example.com"}')],
    ];
    rows.push(['an attestation larger than any', { ...made, response: { ...made.response, attestationObject: 'A'.repeat(24_580) } }]);
    for (const [what, credential] of rows) expect(told(await finish(userId, 'passkey', id, credential)), what).toEqual(MALFORMED);
    for (const value of [undefined, null, 'text', 7, []]) {
      const { status, body } = await finish(userId, 'passkey', id, value);
      expect([status, body.code, body.details]).toEqual([400, 3, undefined]);
      expect(body.message).toContain('publicKeyCredential');
    }
    expect((await finish(userId, 'passkey', id, made)).status).toBe(200);
  });

  it.each(['https://example.com', 'https://a.b.example.com', 'https://login.example.com:8443'])(
    'may come from a page at the RP ID or under it, on any port: %s',
    async (value) => {
      const { userId } = await newUser();
      await enrol(userId, { create: (options) => new PlainKey().create(options, 'none', origin(value)) });
      expect((await list(userId)).body.result).toHaveLength(1);
    },
  );

  it.each([0, BE, BE | BS])('takes a key whose backup flags agree: %s', async (flags) => {
    const key = new PlainKey('ES256', { flags: UP | UV | flags });
    const { userId } = await newHolder(key);
    expect((await signIn(key, userId)).status).toBe(200);
  });

  it.each([16, 1023])('takes an id of %s bytes, and none that is longer than 1023', async (bytes) => {
    const key = new PlainKey('ES256', { credentialId: randomBytes(bytes) });
    const { userId } = await newHolder(key);
    expect((await signIn(key, userId)).status).toBe(200);
  });
});

const utf8 = (text: string) => createHash('sha256').update(text).digest();
const origin = (value: string): Whim => ({ clientData: { origin: value } });
const data = (authenticatorData: (bytes: Buffer) => Buffer): Whim => ({ authenticatorData });
const flags = (on: number, off = 0): Whim =>
  data((bytes) => {
    bytes[32] = ((bytes[32] ?? 0) | on) & ~off;
    return bytes;
  });
const object = (bytes: Buffer): Whim => ({ attestationObject: () => bytes });

/** What an attestation is refused for. */
const WHIMS: [what: string, whim: Whim][] = [
  ['an assertion', { clientData: { type: 'webauthn.get' } }],
  ['another challenge', { clientData: { challenge: encode(Buffer.alloc(32, 7)) } }],
  ['an empty challenge', { clientData: { challenge: '' } }],
  ['http', origin('http://login.example.com')],
  ['another site', origin('https://mouse.com')],
  ['a site whose name ends alike', origin('https://evilexample.com')],
  ['a trailing dot', origin('https://example.com.')],
  ['capitals', origin('https://LOGIN.example.com')],
  ['a path', origin('https://login.example.com/')],
  ['an opaque origin', origin('null')],
  ['a frame of another site', { clientData: { crossOrigin: true } }],
  ['a page above it', { clientData: { topOrigin: 'https://mouse.com' } }],
  ['another RP ID', data((bytes) => Buffer.concat([utf8('mouse.com'), bytes.subarray(32)]))],
  ['nobody present', flags(0, UP)],
  ['a backup of what cannot be backed up', flags(BS, BE)],
  ['no credential announced', flags(0, 0x40)],
  ['extensions announced that do not follow', flags(0x80)],
  ['authenticator data cut in its head', data((bytes) => bytes.subarray(0, 36))],
  ['authenticator data cut before the id', data((bytes) => bytes.subarray(0, 54))],
  ['authenticator data with a byte more', data((bytes) => Buffer.concat([bytes, Buffer.from([0])]))],
  ['an id that is longer than it is', data((bytes) => Buffer.concat([bytes.subarray(0, 53), Buffer.from([0xff, 0xff]), bytes.subarray(55)]))],
  ['an attestation cut short', { attestationObject: (bytes) => bytes.subarray(0, 60) }],
  ['an attestation of one byte', object(Buffer.from([0xa3]))],
  ['an attestation that is no map', object(cbor(['none']))],
  ['an empty attestation', object(cbor(new Map()))],
  ['bytes of 2^64 - 1', object(Buffer.from('5bffffffffffffffff', 'hex'))],
  ['a list of 2^64 - 1', object(Buffer.from('9bffffffffffffffff', 'hex'))],
  ['a map of 2^32 - 1', object(Buffer.from('baffffffff', 'hex'))],
  ['lists in lists', object(Buffer.concat([Buffer.alloc(12_000, 0x81), Buffer.from([0x80])]))],
  ['maps in maps', object(Buffer.concat([Buffer.alloc(12_000, Buffer.from('a100', 'hex')), Buffer.from([0x80])]))],
  [
    'lists in lists in the place of the key',
    data((bytes) => Buffer.concat([bytes.subarray(0, 87), Buffer.alloc(12_000, 0x81), Buffer.from([0x80])])),
  ],
  [
    'a statement where there is none',
    {
      attestationObject: (bytes) => Buffer.concat([bytes.subarray(0, 18), cbor(new Map([['a', 1]])), bytes.subarray(19)]),
    },
  ],
];

/** Keys that nobody can use, or that are larger than any. */
const ODD_KEYS: [what: string, key: () => PlainKey][] = [
  ['a public key of 1.3 kB', () => new PlainKey('RS256', { publicKey: rsaKeyOf(1300) })],
  ['a public key of 12 kB', () => new PlainKey('RS256', { publicKey: rsaKeyOf(12_000) })],
  [
    'a key of an algorithm that was not offered',
    () =>
      new PlainKey('ES256', {
        publicKey: cbor(
          new Map<number, number | Buffer>([
            [1, 2],
            [3, -47],
            [-1, 8],
            [-2, Buffer.alloc(32)],
            [-3, Buffer.alloc(32)],
          ]),
        ),
      }),
  ],
  ['a key without an algorithm', () => new PlainKey('ES256', { publicKey: cbor(new Map([[1, 2]])) })],
  ['a key that is no map', () => new PlainKey('ES256', { publicKey: cbor([1, 2]) })],
  ['an id of 1024 bytes', () => new PlainKey('ES256', { credentialId: randomBytes(1024) })],
];

describe('a user', () => {
  it('has at most fifty passkeys and security keys', async () => {
    const { userId } = await newUser();
    for (let nth = 0; nth < 50; nth += 1) await enrol(userId, new PlainKey(), nth % 2 === 0 ? 'passkey' : 'u2f');
    for (const kind of ['passkey', 'u2f'] as const) expect(told(await begin(userId, kind))).toEqual([400, 'SALLY-Credentials', 9]);
    const [{ id }] = (await list(userId)).body.result;
    await remove(userId, id);
    await enrol(userId, new PlainKey());
    expect(told(await begin(userId))).toEqual([400, 'SALLY-Credentials', 9]);
  });

  it('who is not there has none', async () => {
    const machine = await newMachine();
    for (const userId of ['nobody', machine.userId]) {
      expect(told(await begin(userId))).toEqual(NOT_THERE);
      expect(told(await finish(userId, 'passkey', '1', {}))).toEqual(NOT_THERE);
      expect(told(await remove(userId, '1'))).toEqual(UNKNOWN);
    }
    expect(told(await list('nobody'))).toEqual([404, 'QUERY-Dfbg2', 5]);
    expect((await begin('x'.repeat(201))).status).toBe(400);
  });

  it('registers, lists and removes their own passkeys by a session token, and nobody else’s', async () => {
    const { userId, bearer } = await personWithBearer();
    const other = await newHolder(new PlainKey());
    const client = api(bearer);
    const key = new PlainKey();
    const { id, options } = await begun(userId, 'passkey', {}, client);
    expect((await finish(userId, 'passkey', id, key.create(options), { client })).status).toBe(200);
    expect((await list(userId, bearer)).body.result).toHaveLength(1);
    expect((await remove(userId, id, bearer)).status).toBe(200);
    const pending = await begun(other.userId);
    expect(told(await begin(other.userId, 'passkey', {}, client))).toEqual(FORBIDDEN);
    expect(told(await finish(other.userId, 'passkey', pending.id, new PlainKey().create(pending.options), { client }))).toEqual(FORBIDDEN);
    expect(told(await list(other.userId, bearer))).toEqual(FORBIDDEN);
    expect(told(await remove(other.userId, other.keyId, bearer))).toEqual(FORBIDDEN);
    expect((await list(other.userId)).body.result).toHaveLength(1);
  });

  it('tells what they can sign in with: a passkey, a security key, at a domain', async () => {
    const { userId } = await newUser();
    const methods = async (query = '', version: Version = 'v2'): Promise<string[]> =>
      ((await api().get(`/${version}/users/${userId}/authentication_methods${query}`)).body.authMethodTypes ?? []).map((name: string) =>
        name.replace('AUTHENTICATION_METHOD_TYPE_', ''),
      );
    await begun(userId);
    expect(await methods()).toEqual(['PASSWORD']);
    const passkey = await enrol(userId, new PlainKey());
    expect(await methods()).toEqual(['PASSWORD', 'PASSKEY']);
    const elsewhere = await begun(userId, 'u2f', { domain: 'login.example.com' });
    const whim = data((bytes) => Buffer.concat([utf8('login.example.com'), bytes.subarray(32)]));
    expect((await finish(userId, 'u2f', elsewhere.id, new PlainKey().create(elsewhere.options, 'none', whim))).status).toBe(200);
    for (const version of VERSIONS) expect(await methods('', version)).toEqual(['PASSWORD', 'PASSKEY', 'U2F']);
    for (const domain of [RP_ID, 'Example.COM']) expect(await methods(`?domainQuery.domain=${domain}`)).toEqual(['PASSWORD', 'PASSKEY']);
    expect(await methods('?domainQuery.domain=login.example.com')).toEqual(['PASSWORD', 'U2F']);
    expect(await methods('?domainQuery.domain=login.example.com&domainQuery.includeWithoutDomain=true')).toEqual(['PASSWORD', 'U2F']);
    expect(await methods('?domainQuery.domain=mouse.com')).toEqual(['PASSWORD']);
    expect(await methods('?domainQuery.domain=')).toEqual(['PASSWORD', 'PASSKEY', 'U2F']);
    await remove(userId, passkey);
    expect(await methods()).toEqual(['PASSWORD', 'U2F']);
  });
});

describe('another’s passkeys', () => {
  const managed = async () => {
    const organizationId = await newOrganization();
    const user = await newUser({ organization: { orgId: organizationId } });
    return { organizationId, ...user, keyId: await enrol(user.userId, new PlainKey()) };
  };

  it('are registered with user.credential.write where the user is, and finished by who may write the user or its sessions', async () => {
    const { organizationId, userId } = await managed();
    const foreign = await newUser();
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId });
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId });
    const pages = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const sessions = await newMachine({ instance: ['SESSION_CLIENT'] });
    const nobody = await newMachine();
    for (const { token } of [owner, pages]) expect((await begin(userId, 'passkey', {}, api(token))).status).toBe(200);
    for (const { token } of [manager, sessions, nobody]) expect(told(await begin(userId, 'passkey', {}, api(token)))).toEqual(FORBIDDEN);
    expect(told(await begin(foreign.userId, 'passkey', {}, api(owner.token)))).toEqual(NOT_THERE);
    expect((await begin(userId, 'passkey', {}, api(''))).status).toBe(401);
    for (const { token } of [owner, manager, pages, sessions]) {
      const { id, options } = await begun(userId);
      expect((await finish(userId, 'passkey', id, new PlainKey().create(options), { client: api(token) })).status).toBe(200);
    }
    const { id, options } = await begun(userId);
    const made = new PlainKey().create(options);
    expect(told(await finish(userId, 'passkey', id, made, { client: api(nobody.token) }))).toEqual(FORBIDDEN);
    expect((await finish(userId, 'passkey', id, made, { client: api('') })).status).toBe(401);
    const abroad = await begun(foreign.userId);
    expect(told(await finish(foreign.userId, 'passkey', abroad.id, new PlainKey().create(abroad.options), { client: api(owner.token) }))).toEqual(
      NOT_THERE,
    );
  });

  it('are removed with user.write where the user is, and listed with user.read', async () => {
    const { organizationId, userId, keyId } = await managed();
    const foreign = await newHolder(new PlainKey());
    const manager = await newMachine({ organization: ['ORG_USER_MANAGER'], organizationId });
    const [sessions, nobody] = [await newMachine({ instance: ['SESSION_CLIENT'] }), await newMachine()];
    for (const { token } of [manager, sessions]) expect((await list(userId, token)).status).toBe(200);
    expect(told(await list(userId, nobody.token))).toEqual(FORBIDDEN);
    expect(told(await list(foreign.userId, manager.token))).toEqual([404, 'QUERY-Dfbg2', 5]);
    expect((await list(userId, '')).status).toBe(401);
    for (const { token } of [sessions, nobody]) expect(told(await remove(userId, keyId, token))).toEqual(FORBIDDEN);
    expect(told(await remove(foreign.userId, foreign.keyId, manager.token))).toEqual(UNKNOWN);
    expect(told(await remove(userId, foreign.keyId, manager.token))).toEqual(UNKNOWN);
    expect((await remove(userId, keyId, '')).status).toBe(401);
    expect((await remove(userId, keyId, manager.token)).status).toBe(200);
    expect((await list(foreign.userId)).body.result).toHaveLength(1);
  });

  it('are not touched by who would gain a permission by them', async () => {
    const { organizationId, userId, keyId } = await managed();
    await api().post('/admin/v1/members', { userId, roles: ['IAM_OWNER'] });
    const owner = await newMachine({ organization: ['ORG_OWNER'], organizationId });
    expect(told(await begin(userId, 'passkey', {}, api(owner.token)))).toEqual(FORBIDDEN);
    expect(told(await remove(userId, keyId, owner.token))).toEqual(FORBIDDEN);
    expect((await list(userId, owner.token)).body.result).toHaveLength(1);
  });
});

describe('a removed passkey', () => {
  it('leaves the factors that it has proved, and the other factors of its user', async () => {
    const key = new SecurityKey();
    const { userId, keyId } = await newHolder(key);
    const { login } = await signIn(key, userId);
    await remove(userId, keyId);
    expect((await get(login)).body.session.factors).toHaveProperty('webAuthN');
    expect((await set(login, password(PASSWORD))).status).toBe(200);
  });

  it('may be registered anew, and its counter begins where it then stands', async () => {
    const key = new PlainKey();
    key.count = 5;
    const { userId, keyId } = await newHolder(key);
    key.count = 9;
    expect((await signIn(key, userId)).status).toBe(200);
    await remove(userId, keyId);
    key.count = 0;
    await enrol(userId, key);
    key.count = 1;
    expect((await signIn(key, userId)).status).toBe(200);
    const { login, assertion } = await signed(key, userId);
    expect(told(await set(login, check(assertion)))).toEqual([400, 'WEBAU-4M90s', 3]);
  });
});
