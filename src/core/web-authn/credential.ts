/** What a credential was registered as: one that signs in by itself, or a second factor. */
export type CredentialKind = 'passkey' | 'u2f';

/** WebAuthn L3 section 5.8.6. */
export type UserVerification = 'required' | 'preferred' | 'discouraged';

/** A credential record (WebAuthn L3 section 4), as far as an assertion is checked against it. Bytes are base64url without padding. */
export interface Credential {
  /** Zitadel's passkeyId or u2fId. */
  readonly id: string;
  readonly kind: CredentialKind;
  /** The user's own word for it. */
  readonly name: string;
  readonly credentialId: string;
  /** COSE_Key. */
  readonly publicKey: string;
  /** Where its signature counter stood when it was registered; where it stands now is known to the user's cell. */
  readonly signCount: number;
  readonly rpId: string;
  /** The BE flag, which never changes. */
  readonly backupEligible: boolean;
}

/** How often a credential has signed by now, and had when it was registered, as its authenticator counts (WebAuthn L3 section 6.1.1). */
export interface SignCount {
  /** Zitadel's passkeyId or u2fId. */
  readonly tokenId: string;
  readonly kind: CredentialKind;
  readonly count: number;
  readonly registered: number;
}

/** More than these a user cannot have: every check of theirs carries them all. */
export const MOST_CREDENTIALS = 50;

/** The credentials that a challenge offers: those of its RP ID, and only passkeys where the user has to be verified. Pure. */
export const usableCredentials = (credentials: readonly Credential[], rpId: string, userVerification: UserVerification): readonly Credential[] =>
  credentials.filter((credential) => credential.rpId === rpId && (userVerification !== 'required' || credential.kind === 'passkey'));
