import { COSE_ALGORITHMS } from '../core/web-authn/cose-algorithms.ts';
import type { Credential } from '../core/web-authn/credential.ts';
import { userHandleOf } from '../core/web-authn/user-handle.ts';
import type { Registration } from '../directory/credentials.ts';
import type { User } from '../directory/users.ts';
import { emit, type JsonObject } from './protojson.ts';

/** What the options of a registration are made of. */
export interface Creation {
  readonly registration: Registration;
  readonly user: User;
  /** Credentials of which an authenticator must not have one already. */
  readonly excluded: readonly Credential[];
  readonly rpName: string;
  readonly timeoutMs: number;
  readonly attachment: 'platform' | 'cross-platform' | undefined;
}

/**
 * PublicKeyCredentialCreationOptionsJSON (WebAuthn L3 section 5.4), as Zitadel makes them; and a discoverable credential is preferred, so that people
 * can sign in without a user name. Of a second factor the user's verification is preferred only: browsers turn away the many keys that cannot.
 */
export const creationOptions = ({ registration, user, excluded, rpName, timeoutMs, attachment }: Creation): JsonObject => ({
  rp: { id: registration.rpId, name: rpName },
  user: { id: userHandleOf(user.id), name: user.username || user.email, displayName: user.displayName },
  challenge: registration.challenge,
  pubKeyCredParams: COSE_ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
  timeout: timeoutMs,
  excludeCredentials: excluded.map(({ credentialId }) => ({ type: 'public-key', id: credentialId })),
  authenticatorSelection: emit({
    authenticatorAttachment: attachment,
    residentKey: 'preferred',
    userVerification: registration.kind === 'passkey' ? 'required' : 'preferred',
  }),
  attestation: 'none',
});
