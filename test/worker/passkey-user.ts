import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { CredentialKind, UserVerification } from '../../src/core/web-authn/credential.ts';
import type { Assertion } from '../../src/core/web-authn/public-key-credential.ts';
import { userHandleOf } from '../../src/core/web-authn/user-handle.ts';
import { addCredential, beginRegistration } from '../../src/directory/credentials.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import type { RequestOptions } from '../../src/login-step/open-challenges.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { cells, type Login, must, newUser, patch } from './world.ts';

export const RP_ID = 'example.com';
export const ORIGIN = 'https://login.example.com';

/** The flags of authenticator data (WebAuthn L3 section 6.1): user present and verified, backup eligible and backed up, attested credential data. */
export const UP = 0x01;
export const UV = 0x04;
export const BE = 0x08;
export const BS = 0x10;
const AT = 0x40;

type Bytes = Uint8Array<ArrayBuffer>;

const encode = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
const decode = (base64url: string): Uint8Array => Uint8Array.fromBase64(base64url, { alphabet: 'base64url' });
const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;
const concat = (...parts: readonly (Uint8Array | readonly number[])[]): Bytes => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha256 = async (bytes: Bytes): Promise<Bytes> => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
const bigEndian = (number: number, length: number): number[] => Array.from({ length }, (_, n) => (number / 2 ** (8 * (length - 1 - n))) & 0xff);

/** An INTEGER of DER. */
function integer(bytes: Uint8Array): Bytes {
  const begin = bytes.findIndex((byte) => byte !== 0);
  const significant = bytes.subarray(begin);
  const padded = (significant[0] ?? 0) > 0x7f ? concat([0], significant) : significant;
  return concat([0x02, padded.length], padded);
}

/** What an assertion is to say, where it is not what it should. */
export interface Saying {
  readonly signCount?: number;
  /** null for none. */
  readonly userHandle?: string | null;
  readonly clientData?: object;
  readonly rpId?: string;
  readonly flags?: number;
}

/** What a new credential is to say; likewise. */
export interface CreateSaying {
  readonly clientData?: object;
  readonly rpId?: string;
  readonly flags?: number;
  readonly signCount?: number;
  /** Of the credential, in its attested data. */
  readonly id?: Uint8Array;
  /** COSE_Key. */
  readonly publicKey?: Uint8Array;
}

/** The holder of one ES256 credential, on Web Crypto: the browser and the authenticator in one. */
export class Passkey {
  readonly credentialId = encode(crypto.getRandomValues(new Uint8Array(16)));
  readonly userHandle: string;
  readonly #keys: CryptoKeyPair;
  readonly #x: Bytes;
  readonly #y: Bytes;

  private constructor(userHandle: string, keys: CryptoKeyPair, point: Bytes) {
    this.userHandle = userHandle;
    this.#keys = keys;
    [this.#x, this.#y] = [point.slice(1, 33), point.slice(33)];
  }

  static async for(userId: string): Promise<Passkey> {
    const keys = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])) as CryptoKeyPair;
    const point = (await crypto.subtle.exportKey('raw', keys.publicKey)) as ArrayBuffer;
    return new Passkey(userHandleOf(userId), keys, new Uint8Array(point));
  }

  /** COSE_Key: kty EC2, alg ES256, crv P-256. */
  get publicKey(): string {
    return encode(concat([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20], this.#x, [0x22, 0x58, 0x20], this.#y));
  }

  /** Answers the challenge of a registration, with the attestation that is none. */
  async create(challenge: string, saying: CreateSaying = {}) {
    const { rpId = RP_ID, flags = UP | UV, signCount = 0, id = decode(this.credentialId), publicKey = decode(this.publicKey) } = saying;
    const data = concat(await authenticatorData(rpId, flags | AT, signCount), new Uint8Array(16), bigEndian(id.length, 2), id, publicKey);
    const head = concat([0xa3, 0x63], utf8('fmt'), [0x64], utf8('none'), [0x67], utf8('attStmt'), [0xa0, 0x68], utf8('authData'));
    const attestationObject = encode(concat(head, [0x59, ...bigEndian(data.length, 2)], data));
    const clientDataJSON = encode(clientData({ type: 'webauthn.create', challenge, ...saying.clientData }));
    return { id: this.credentialId, rawId: this.credentialId, type: 'public-key', response: { clientDataJSON, attestationObject } };
  }

  /** Answers a challenge of a session. */
  async get(challenge: string, saying: Saying = {}): Promise<Assertion> {
    const { signCount = 0, userHandle = this.userHandle, rpId = RP_ID, flags = UP | UV } = saying;
    const data = await authenticatorData(rpId, flags, signCount);
    const client = clientData({ type: 'webauthn.get', challenge, ...saying.clientData });
    const signed = concat(data, await sha256(client));
    const raw = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, this.#keys.privateKey, signed));
    const [r, s] = [integer(raw.subarray(0, 32)), integer(raw.subarray(32))];
    const signature = encode(concat([0x30, r.length + s.length], r, s));
    const response = { clientDataJSON: encode(client), authenticatorData: encode(data), signature };
    return { id: this.credentialId, ...response, userHandle: userHandle ?? undefined };
  }
}

const clientData = (said: object): Bytes => utf8(JSON.stringify({ origin: ORIGIN, crossOrigin: false, ...said }));

const authenticatorData = async (rpId: string, flags: number, signCount: number): Promise<Bytes> =>
  concat(await sha256(utf8(rpId)), [flags], bigEndian(signCount, 4));

/** A credential as it stands in the directory, with its holder. */
export interface Registered {
  readonly id: string;
  readonly passkey: Passkey;
}

let registrations = 0;

/** Gives a user a credential, as the API does. */
export async function register(user: User, { kind = 'passkey' as CredentialKind, signCount = 0 } = {}): Promise<Registered> {
  const passkey = await Passkey.for(user.id);
  registrations += 1;
  const id = `${user.id}-${registrations}`;
  const registration = { id, userId: user.id, kind, challenge: 'challenge', rpId: RP_ID, expiresAt: Date.now() + 60_000 };
  const { credentialId, publicKey } = passkey;
  const facts = { name: 'A key', credentialId, publicKey, signCount, backupEligible: false, aaguid: '', attestationFormat: 'none' };
  await cells.user(user.cell).forget(user.id);
  if (!(await beginRegistration(env.DB, registration, Date.now()))) throw new Error('the registration was not begun');
  if (!(await addCredential(env.DB, user.id, { ...registration, ...facts }, Date.now()))) throw new Error('the credential was not added');
  await cells.user(user.cell).forget(user.id);
  return { id, passkey };
}

/** A person with a passkey. */
export async function newPasskeyUser(how: Parameters<typeof register>[1] = {}): Promise<Registered & { readonly user: User }> {
  const user = await newUser();
  return { user, ...(await register(user, how)) };
}

export const asking = (userVerification: UserVerification = 'preferred'): Partial<UpdateSession> => ({
  challenges: { webAuthN: { rpId: RP_ID, userVerification } },
});
export const giving = (assertion: Assertion | undefined, also: UpdateSession['checks'] = {}): Partial<UpdateSession> => ({
  checks: { ...also, webAuthN: { assertion } },
});

/** A login in which a challenge was opened, and what its client was told. */
export async function challenged<L extends { sessionId: string; sessionCell: string; token: string | undefined }>(
  login: L,
  within: Partial<Walk> = {},
): Promise<{ readonly login: L; readonly options: RequestOptions }> {
  const { sessionToken, handedBack } = must(await patch(login, asking(), within));
  if (handedBack.webAuthN === undefined) throw new Error('no options were handed back');
  return { login: { ...login, token: login.token && sessionToken }, options: handedBack.webAuthN };
}

/** Opens a challenge in a login and answers it; the token stays the one that the answer was given with. */
export async function answered(login: Login, passkey: Passkey, saying: Saying = {}) {
  const { login: open, options } = await challenged(login);
  const assertion = await passkey.get(options.challenge, saying);
  return { login: open, assertion, result: await patch(open, giving(assertion)) };
}

/** One request to the whole Worker, by the operator. */
export async function send(method: string, path: string, body?: object, bindings: object = {}) {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  const request = new Request(`http://sallyport.test${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const response = await app.fetch(request, { ...env, ...bindings } as typeof env, context);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
  const answer = { status: response.status, body: (await response.json()) as any, headers: response.headers };
  await waitOnExecutionContext(context);
  return answer;
}

/** Status and error id. */
export const refusal = ({ status, body }: Awaited<ReturnType<typeof send>>): [number, string | undefined] => [status, body.details?.[0]?.id];

/** The rows of a table in a user's cell that are about the user. */
export const rowsOf = (user: User, table: 'spent' | 'trail' | 'admission' | 'failure') =>
  runInDurableObject(env.USERS.getByName(user.cell), (_, { storage }) => [
    ...storage.sql.exec<Record<string, string | number | null>>(`SELECT * FROM ${table} WHERE user_id = ?`, user.id),
  ]);

/** The counters that a user's cell keeps, by credential. */
export async function countersOf(user: User): Promise<Record<string, number>> {
  const row = (await rowsOf(user, 'spent')).find(({ kind }) => kind === 'webAuthN');
  const things = row ? (JSON.parse(String(row.things)) as { thing: string; count: number }[]) : [];
  return Object.fromEntries(things.map(({ thing, count }) => [thing, count]));
}
