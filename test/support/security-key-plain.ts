import { constants, createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { type CredentialJson, encode, ORIGIN, RP_ID, UP, UV } from './security-key.ts';

/** The algorithms that are offered to an authenticator, with their COSE numbers (RFC 9053, RFC 8812). */
export const COSE_ALGORITHMS = {
  ES256: -7,
  ES384: -35,
  ES512: -36,
  RS256: -257,
  RS384: -258,
  RS512: -259,
  PS256: -37,
  PS384: -38,
  PS512: -39,
  EdDSA: -8,
} as const;
export type CoseAlgorithm = keyof typeof COSE_ALGORITHMS;

export const ATTESTATIONS = ['none', 'packed', 'packed with a certificate', 'fido-u2f'] as const;
export type AttestationKind = (typeof ATTESTATIONS)[number];

/** The flag of authenticator data that says that a credential follows (WebAuthn L3 section 6.1). */
const AT = 0x40;

type Cbor = number | string | Buffer | readonly Cbor[] | ReadonlyMap<number | string, Cbor>;

/** As much of RFC 8949 as an authenticator needs. */
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof Map) return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
  const items = value as readonly Cbor[];
  return Buffer.concat([head(4, items.length), ...items.map(cbor)]);
}

function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 0x100) return Buffer.from([(major << 5) | 24, value]);
  return Buffer.from([(major << 5) | 25, value >> 8, value & 0xff]);
}

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const CURVES: Partial<Record<CoseAlgorithm, readonly [name: string, number: number]>> = {
  ES256: ['P-256', 1],
  ES384: ['P-384', 2],
  ES512: ['P-521', 3],
};

let rsa: Pair | undefined;

function newPair(algorithm: CoseAlgorithm): Pair {
  const [namedCurve] = CURVES[algorithm] ?? [];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519');
  // It takes long to find one; that two credentials share it does not show.
  rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
  return rsa;
}

function coseKey(algorithm: CoseAlgorithm, { publicKey }: Pair): Cbor {
  const jwk = publicKey.export({ format: 'jwk' });
  const part = (name: 'x' | 'y' | 'n' | 'e') => Buffer.from(jwk[name] ?? '', 'base64url');
  const [, curve] = CURVES[algorithm] ?? [];
  const alg = COSE_ALGORITHMS[algorithm];
  if (curve !== undefined) return keyMap([1, 2], [3, alg], [-1, curve], [-2, part('x')], [-3, part('y')]);
  if (algorithm === 'EdDSA') return keyMap([1, 1], [3, alg], [-1, 6], [-2, part('x')]);
  return keyMap([1, 3], [3, alg], [-1, part('n')], [-2, part('e')]);
}

const keyMap = (...entries: [number, Cbor][]): Cbor => new Map(entries);

/** An RSA key (RFC 8230) with a modulus of so many bytes. */
export const rsaKeyOf = (bytes: number): Buffer => cbor(keyMap([1, 3], [3, -257], [-1, randomBytes(bytes)], [-2, Buffer.from([1, 0, 1])]));

function signWith(algorithm: CoseAlgorithm, key: KeyObject, data: Buffer): Buffer {
  if (algorithm === 'EdDSA') return sign(null, data, key);
  const hash = `sha${algorithm.slice(2)}`;
  if (!algorithm.startsWith('PS')) return sign(hash, data, key);
  return sign(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

const der = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), body]);
  return Buffer.concat([length < 0x100 ? Buffer.from([tag, 0x81, length]) : Buffer.from([tag, 0x82, length >> 8, length & 0xff]), body]);
};
const SEQUENCE = 0x30;
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const rdn = (type: string, value: string): Buffer => der(0x31, der(SEQUENCE, oid(type), der(0x0c, Buffer.from(value))));

/** A certificate of the kind that WebAuthn L3 section 8.2.1 asks of whoever makes authenticators, signed by itself. */
function attestationCertificate({ publicKey, privateKey }: Pair): Buffer {
  const ecdsaWithSha256 = der(SEQUENCE, oid('2a8648ce3d040302'));
  const name = der(SEQUENCE, rdn('550406', 'CH'), rdn('55040a', 'Mouse'), rdn('55040b', 'Authenticator Attestation'), rdn('550403', 'Key'));
  const time = (year: string) => der(0x17, Buffer.from(`${year}0101000000Z`));
  const notForOthers = der(SEQUENCE, der(SEQUENCE, oid('551d13'), der(0x04, der(SEQUENCE))));
  const parts = [
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    der(SEQUENCE, time('20'), time('49')),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, notForOthers),
  ];
  const certificate = der(SEQUENCE, ...parts);
  return der(SEQUENCE, certificate, ecdsaWithSha256, der(0x03, Buffer.from([0]), sign('sha256', certificate, privateKey)));
}

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();

/** What an authenticator does otherwise than by the book. */
export interface Whim {
  readonly clientData?: object;
  /** Before it is signed, or attested. */
  readonly authenticatorData?: (bytes: Buffer) => Buffer;
  readonly attestationObject?: (bytes: Buffer) => Buffer;
  /** Before it is put down. */
  readonly attestationSignature?: (bytes: Buffer) => Buffer;
}

/** An authenticator of one credential that does what it is told: it knows every algorithm and some ways to attest. It does not count. */
export class PlainKey {
  readonly algorithm: CoseAlgorithm;
  readonly credentialId: Buffer;
  /** What the next signature says: UP, UV, BE, BS. */
  flags: number;
  count = 0;
  readonly #pair: Pair;
  readonly #publicKey: Buffer;
  #userHandle: string | undefined;

  constructor(
    algorithm: CoseAlgorithm = 'ES256',
    { credentialId = randomBytes(32), flags = UP | UV, publicKey = undefined as Buffer | undefined } = {},
  ) {
    this.algorithm = algorithm;
    this.credentialId = credentialId;
    this.flags = flags;
    this.#pair = newPair(algorithm);
    this.#publicKey = publicKey ?? cbor(coseKey(algorithm, this.#pair));
  }

  create({ publicKey }: { publicKey: object }, attestation: AttestationKind = 'none', whim: Whim = {}): CredentialJson {
    const { challenge, user } = publicKey as { challenge: string; user: { id: string } };
    this.#userHandle = user.id;
    const client = this.#clientData('webauthn.create', challenge, whim);
    const length = Buffer.from([this.credentialId.length >> 8, this.credentialId.length & 0xff]);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.credentialId, this.#publicKey]);
    const data = this.#authenticatorData(this.flags | AT, attested, whim);
    const statement = this.#attest(attestation, data, sha256(client), whim);
    const { attestationObject: change = (bytes: Buffer) => bytes } = whim;
    const object = cbor(
      new Map<string, Cbor>([
        ['fmt', attestation.split(' ')[0] ?? ''],
        ['attStmt', statement],
        ['authData', data],
      ]),
    );
    return this.#credential({ clientDataJSON: encode(client), attestationObject: encode(change(object)) });
  }

  get({ publicKey }: { publicKey: object }, whim: Whim = {}): CredentialJson {
    const client = this.#clientData('webauthn.get', (publicKey as { challenge: string }).challenge, whim);
    const data = this.#authenticatorData(this.flags, Buffer.alloc(0), whim);
    const signature = signWith(this.algorithm, this.#pair.privateKey, Buffer.concat([data, sha256(client)]));
    const response = { clientDataJSON: encode(client), authenticatorData: encode(data), signature: encode(signature) };
    return this.#credential({ ...response, ...(this.#userHandle !== undefined && { userHandle: this.#userHandle }) });
  }

  #credential(response: CredentialJson['response']): CredentialJson {
    const id = encode(this.credentialId);
    return { id, rawId: id, type: 'public-key', response };
  }

  #clientData(type: string, challenge: string, { clientData = {} }: Whim): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin: ORIGIN, crossOrigin: false, ...clientData }));
  }

  #authenticatorData(flags: number, attested: Buffer, { authenticatorData: change = (bytes: Buffer) => bytes }: Whim): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.count);
    return change(Buffer.concat([sha256(RP_ID), Buffer.from([flags]), count, attested]));
  }

  #attest(kind: AttestationKind, data: Buffer, clientDataHash: Buffer, { attestationSignature: change = (bytes: Buffer) => bytes }: Whim): Cbor {
    if (kind === 'none') return new Map();
    const signed = Buffer.concat([data, clientDataHash]);
    if (kind === 'packed') {
      const sig = change(signWith(this.algorithm, this.#pair.privateKey, signed));
      return new Map<string, Cbor>([
        ['alg', COSE_ALGORITHMS[this.algorithm]],
        ['sig', sig],
      ]);
    }
    const maker = newPair('ES256');
    const x5c = [attestationCertificate(maker)];
    if (kind === 'fido-u2f') {
      const { x = '', y = '' } = this.#pair.publicKey.export({ format: 'jwk' });
      const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
      const base = Buffer.concat([Buffer.from([0]), sha256(RP_ID), clientDataHash, this.credentialId, point]);
      return new Map<string, Cbor>([
        ['x5c', x5c],
        ['sig', change(sign('sha256', base, maker.privateKey))],
      ]);
    }
    return new Map<string, Cbor>([
      ['alg', -7],
      ['sig', change(sign('sha256', signed, maker.privateKey))],
      ['x5c', x5c],
    ]);
  }
}
