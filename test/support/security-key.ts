import { createHash, createPrivateKey, sign } from 'node:crypto';
import { AuthenticatorEmulator, PasskeysCredentialsMemoryRepository, WebAuthnEmulator } from 'nid-webauthn-emulator';
import NoFilter from 'nofilter';

// The emulator's CBOR is written to this stream and then read whole, which since Node 26 takes a size: without one, read() gives the first piece.
const { read } = NoFilter.prototype;
NoFilter.prototype.read = function (size?: number) {
  return read.call(this, size ?? (this.length || undefined));
};

export type Algorithm = 'ES256' | 'RS256' | 'EdDSA';

/** A credential as browsers' `toJSON()` has it. */
export interface CredentialJson {
  readonly id: string;
  readonly rawId: string;
  readonly type: string;
  readonly response: Readonly<Record<string, string>>;
}

/** What is changed in an assertion before it is signed. */
export interface Forgery {
  readonly clientData?: object;
  readonly authenticatorData?: (bytes: Buffer) => Buffer;
}

/** The flags of authenticator data (WebAuthn L3 section 6.1). */
export const UP = 0x01;
export const UV = 0x04;
export const BE = 0x08;
export const BS = 0x10;

export const ORIGIN = 'https://login.example.com';
export const RP_ID = 'example.com';

/** An authenticator and its browser, by another hand than ours: it holds one credential for each RP ID and user, and can be made to sign what no real one would. */
export class SecurityKey {
  readonly #credentials = new PasskeysCredentialsMemoryRepository();
  readonly #browser: WebAuthnEmulator;
  /** Whether it verifies its user. */
  userVerified: boolean;

  constructor({ algorithm = 'ES256' as Algorithm, userVerified = true, countsBy = 1 } = {}) {
    this.userVerified = userVerified;
    const interaction = () => ({ options: { up: true, uv: this.userVerified } });
    this.#browser = new WebAuthnEmulator(
      new AuthenticatorEmulator({
        algorithmIdentifiers: [algorithm],
        signCounterIncrement: countsBy,
        credentialsRepository: this.#credentials,
        userMakeCredentialInteraction: interaction,
        userGetAssertionInteraction: interaction,
      }),
    );
  }

  create({ publicKey }: { publicKey: object }, origin = ORIGIN): CredentialJson {
    return this.#browser.createJSON(origin, publicKey as never) as unknown as CredentialJson;
  }

  get({ publicKey }: { publicKey: object }, origin = ORIGIN): CredentialJson {
    return this.#browser.getJSON(origin, publicKey as never) as unknown as CredentialJson;
  }

  /** Signs an assertion anew, after a change that the credential's holder agrees to. */
  forge(assertion: CredentialJson, { clientData = {}, authenticatorData = (bytes) => bytes }: Forgery): CredentialJson {
    const [source] = this.#credentials
      .loadCredentials()
      .filter(({ publicKeyCredentialSource }) => encode(publicKeyCredentialSource.id) === assertion.id);
    if (source === undefined) throw new Error('this key has no such credential');
    const { response } = assertion;
    const client = Buffer.from(JSON.stringify({ ...JSON.parse(decode(response.clientDataJSON).toString()), ...clientData }));
    const data = authenticatorData(decode(response.authenticatorData));
    const key = createPrivateKey({ key: Buffer.from(source.publicKeyCredentialSource.privateKey), format: 'der', type: 'pkcs8' });
    const signed = Buffer.concat([data, createHash('sha256').update(client).digest()]);
    const signature = sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', signed, key);
    return { ...assertion, response: { ...response, clientDataJSON: encode(client), authenticatorData: encode(data), signature: encode(signature) } };
  }
}

export const decode = (base64url: string | undefined): Buffer => Buffer.from(base64url ?? '', 'base64url');
export const encode = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(bytes as Uint8Array).toString('base64url');
