import { checkAttestation, type NewCredential } from '../checks/attestation.ts';
import type { Result } from '../core/result.ts';
import type { Attestation } from '../core/web-authn/public-key-credential.ts';
import type { Registration } from '../directory/credentials.ts';

/** Proves that an authenticator has made a credential for a registration. It signs nobody in. */
export const proveCredential = (
  attestation: Attestation | undefined,
  { challenge, rpId }: Registration,
  origins: readonly string[],
): Promise<Result<NewCredential>> => checkAttestation(attestation, { challenge, rpId, origins });
