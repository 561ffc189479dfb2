import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { COSE_ALGORITHMS } from '../core/web-authn/cose-algorithms.ts';
import type { Credential } from '../core/web-authn/credential.ts';
import { isExpectedOrigin } from '../core/web-authn/origin.ts';
import { type Attestation, clientDataOf, isCrossOrigin } from '../core/web-authn/public-key-credential.ts';

const malformed: Problem = { kind: 'invalid-argument', id: 'WEBAU-sEr8c', message: 'Error on parsing credential data' };
const invalid: Problem = { kind: 'invalid-argument', id: 'WEBAU-3Vb9s', message: 'Error on creating credential' };

/** WebAuthn L3 section 7.1 step 25. */
const CREDENTIAL_ID_BYTES_MOST = 1023;
/** An RSA key of 8192 bits has 1 kB. What is larger would weigh on every check of its user. */
const PUBLIC_KEY_BYTES_MOST = 1200;

/**
 * Formats whose certificates the library follows to an authority: for as many as it is given, and by fetching what they name. Nobody relies on who
 * attests a credential, so of these no more is looked at than of a credential without attestation.
 */
const CHAINED = ['apple', 'android-key', 'android-safetynet'];

/** What is known of a credential once it is registered. */
export interface NewCredential extends Pick<Credential, 'credentialId' | 'publicKey' | 'signCount' | 'backupEligible'> {
  /** The kind of authenticator, as it says of itself: a UUID. */
  readonly aaguid: string;
  /** How the authenticator attested it. */
  readonly attestationFormat: string;
}

/**
 * The registration ceremony (WebAuthn L3 section 7.1) of an attestation that answers `challenge`. User verification was asked for and is not insisted
 * on, as Zitadel has it: a session says of each assertion whether the user was verified.
 */
export async function checkAttestation(
  attestation: Attestation | undefined,
  { challenge, rpId, origins }: { readonly challenge: string; readonly rpId: string; readonly origins: readonly string[] },
): Promise<Result<NewCredential>> {
  const clientData = attestation && clientDataOf(attestation.clientDataJSON);
  if (attestation === undefined || clientData === undefined) return fail(malformed);
  if (!isExpectedOrigin(clientData.origin, rpId, origins)) return fail(invalid);
  if (isCrossOrigin(clientData)) return fail(invalid);
  const registered = await verify(attestation, { challenge, rpId, origin: clientData.origin });
  if (registered === undefined) return fail(invalid);
  const { credential, credentialDeviceType, aaguid, fmt } = registered;
  if (credential.id !== attestation.id || credential.id.length > (CREDENTIAL_ID_BYTES_MOST * 4) / 3) return fail(invalid);
  if (credential.publicKey.byteLength > PUBLIC_KEY_BYTES_MOST) return fail(invalid);
  return ok({
    credentialId: credential.id,
    publicKey: credential.publicKey.toBase64({ alphabet: 'base64url', omitPadding: true }),
    signCount: credential.counter,
    backupEligible: credentialDeviceType === 'multiDevice',
    aaguid,
    attestationFormat: fmt,
  });
}

async function verify(
  { id, clientDataJSON, attestationObject }: Attestation,
  { challenge, rpId, origin }: { readonly challenge: string; readonly rpId: string; readonly origin: string },
) {
  // Loaded when the first one arrives: nobody else's cold start pays for it.
  const [library, { decodeAttestationObject, isoBase64URL, isoCBOR }] = await Promise.all([
    import('@simplewebauthn/server'),
    import('@simplewebauthn/server/helpers'),
  ]);
  try {
    const given = decodeAttestationObject(isoBase64URL.toBuffer(attestationObject));
    const fmt = given.get('fmt');
    const bare = new Map<string, unknown>([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', given.get('authData')],
    ]);
    const taken = CHAINED.includes(fmt) ? isoBase64URL.fromBuffer(isoCBOR.encode(bare as Parameters<typeof isoCBOR.encode>[0])) : attestationObject;
    const { registrationInfo } = await library.verifyRegistrationResponse({
      response: { id, rawId: id, type: 'public-key', response: { clientDataJSON, attestationObject: taken }, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: false,
      supportedAlgorithmIDs: [...COSE_ALGORITHMS],
    });
    await verifiesAtAll(registrationInfo?.credential.publicKey);
    return registrationInfo && { ...registrationInfo, fmt };
  } catch {
    return undefined;
  }
}

/** Wrong signatures of the right form: of ECDSA in its ASN.1, which RSA takes for a wrong one too, and of EdDSA. */
const WRONG_SIGNATURE = Uint8Array.of(0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01);
const WRONG_EDDSA_SIGNATURE = new Uint8Array(64);
/** Member and value of a COSE_Key that say that it is for EdDSA (RFC 9053 section 7.2). */
const [KTY, OKP] = [1, 1];

/** Without an attestation nobody has used the key yet. @throws where nothing can be verified with it */
async function verifiesAtAll(credentialPublicKey: Uint8Array<ArrayBuffer> | undefined): Promise<void> {
  if (credentialPublicKey === undefined) return;
  const { decodeCredentialPublicKey, verifySignature } = await import('@simplewebauthn/server/helpers');
  const signature = decodeCredentialPublicKey(credentialPublicKey).get(KTY) === OKP ? WRONG_EDDSA_SIGNATURE : WRONG_SIGNATURE;
  await verifySignature({ signature, data: new Uint8Array(1), credentialPublicKey });
}
