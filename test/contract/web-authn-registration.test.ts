import { describe, expect, it } from 'vitest';
import { api, newUser } from '../support/api.ts';
import { refusal } from '../support/login.ts';
import { cbor, PlainKey } from '../support/security-key-plain.ts';
import { begin, begun, enrol, finish, path } from '../support/security-key-steps.ts';

/** A COSE key of these members. */
const coseKey = (...entries: [number, number | Buffer][]) => cbor(new Map(entries));

/** An attestation object with another statement. */
function withStatement(none: Buffer, { fmt, attStmt }: { fmt: string; attStmt: Map<string, Buffer[]> }): Buffer {
  const authData = none.subarray(none.indexOf('authData') + 'authData'.length);
  return Buffer.concat([Buffer.from([0xa3]), cbor('fmt'), cbor(fmt), cbor('attStmt'), cbor(attStmt), cbor('authData'), authData]);
}

describe('a registration', () => {
  it('does not take a key that no signature can be verified by', async () => {
    const { userId } = await newUser();
    const { id, options } = await begun(userId);
    const half = Buffer.alloc(32, 7);
    const rows: [what: string, publicKey: Buffer][] = [
      ['a point that is not on the curve', coseKey([1, 2], [3, -7], [-1, 1], [-2, half], [-3, half])],
      ['half a point', coseKey([1, 2], [3, -7], [-1, 1], [-2, half])],
      ['no curve', coseKey([1, 2], [3, -7], [-2, half], [-3, half])],
      ['a coordinate that is too short', coseKey([1, 2], [3, -7], [-1, 1], [-2, half], [-3, half.subarray(1)])],
      ['an Ed25519 key of 31 bytes', coseKey([1, 1], [3, -8], [-1, 6], [-2, half.subarray(1)])],
      ['a kind of key that its algorithm is not for', coseKey([1, 3], [3, -7], [-1, half], [-2, Buffer.from([1, 0, 1])])],
      ['an RSA key without an exponent', coseKey([1, 3], [3, -257], [-1, Buffer.alloc(256, 7)])],
    ];
    const outcomes = [];
    for (const [what, publicKey] of rows) {
      const key = new PlainKey('ES256', { publicKey });
      const pending = await begun(userId);
      outcomes.push([what, ...refusal(await finish(userId, 'passkey', pending.id, key.create(pending.options)))]);
    }
    const key = new PlainKey();
    const cut = key.create(options, 'none', { authenticatorData: (bytes) => bytes.subarray(0, -1) });
    outcomes.push(['authenticator data cut in the key', ...refusal(await finish(userId, 'passkey', id, cut))]);
    const shorter = await begun(userId);
    const short = new PlainKey().create(shorter.options, 'none', { attestationObject: (bytes) => bytes.subarray(0, -1) });
    outcomes.push(['an attestation cut short by a byte', ...refusal(await finish(userId, 'passkey', shorter.id, short))]);
    expect(outcomes).toEqual(outcomes.map(([what]) => [what, 400, 'WEBAU-3Vb9s']));
  });

  it('follows no certificates: formats that would have it do so are taken as none, and a format that nobody knows is not', async () => {
    const { userId } = await newUser();
    const outcomes = [];
    for (const fmt of ['apple', 'android-key', 'android-safetynet', 'mouse']) {
      const { id, options } = await begun(userId);
      const key = new PlainKey();
      const statement = { fmt, attStmt: new Map([['x5c', Array(20).fill(Buffer.from('no certificate'))]]) };
      const made = key.create(options, 'none', { attestationObject: (bytes) => withStatement(bytes, statement) });
      outcomes.push([fmt, (await finish(userId, 'passkey', id, made)).status]);
    }
    expect(outcomes).toEqual([
      ['apple', 200],
      ['android-key', 200],
      ['android-safetynet', 200],
      ['mouse', 400],
    ]);
  });

  it('takes an empty domain for none, which is the domain that the request came to', async () => {
    const { userId } = await newUser();
    const [none, empty] = [await api().post(path(userId, 'passkey'), {}), await api().post(path(userId, 'passkey'), { domain: '' })];
    expect([empty.status, refusal(empty), empty.body.publicKeyCredentialCreationOptions?.publicKey.rp.id]).toEqual([
      none.status,
      refusal(none),
      none.body.publicKeyCredentialCreationOptions?.publicKey.rp.id,
    ]);
  });

  it('does not lead to more than fifty credentials, though many are begun before', async () => {
    const { userId } = await newUser();
    for (let nth = 0; nth < 48; nth += 1) await enrol(userId, new PlainKey());
    const pending = [];
    for (let nth = 0; nth < 5; nth += 1) pending.push(await begun(userId));
    for (const { id, options } of pending) await finish(userId, 'passkey', id, new PlainKey().create(options));
    expect((await api().post(`${path(userId, 'passkey')}/_search`, {})).body.details.totalResult).toBe('50');
  });
});

describe('a code to register a passkey', () => {
  it.each(['deactivate', 'lock'])('cannot be used by a user who was stopped since, as one to reset a password cannot: %s', async (stop) => {
    const { userId } = await newUser();
    const { code } = (await api().post(`${path(userId, 'passkey')}/registration_link`, { returnCode: {} })).body;
    expect((await api().post(`/v2/users/${userId}/${stop}`)).status).toBe(200);
    expect((await begin(userId, 'passkey', { code })).status).toBe(400);
  });
});
