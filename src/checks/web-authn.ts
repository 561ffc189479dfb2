import type { Problem } from '../core/problem.ts';
import type { OpenAssertion } from '../core/session/session.ts';
import { type Credential, usableCredentials } from '../core/web-authn/credential.ts';
import { isExpectedOrigin } from '../core/web-authn/origin.ts';
import { type Assertion, clientDataOf, isCrossOrigin } from '../core/web-authn/public-key-credential.ts';
import { userHandleOf } from '../core/web-authn/user-handle.ts';
import type { Finding } from './finding.ts';

const noChallenge: Problem = { kind: 'failed-precondition', id: 'COMMAND-Ioqu5', message: 'Session without WebAuthN challenge' };
const malformed: Problem = { kind: 'invalid-argument', id: 'WEBAU-ADgv4', message: 'Error on validate login credentials' };
const invalid: Problem = { kind: 'invalid-argument', id: 'WEBAU-3M9si', message: 'Error on validate login credentials' };
const unknownCredential: Problem = { kind: 'failed-precondition', id: 'COMMAND-Aej7i', message: 'WebAuthN Token could not be found' };

/** Against whom and what an assertion is checked. */
export interface AssertionGround {
  readonly userId: string;
  readonly credentials: readonly Credential[];
  readonly open: readonly OpenAssertion[];
  /** Origins that are expected beside those of the RP ID itself. */
  readonly origins: readonly string[];
  readonly now: number;
}

/** The WebAuthN check: WebAuthn L3 section 7.2, steps 5 to 22, in their order. Whether the counter advances is for the user's cell to say. */
export async function checkWebAuthN(assertion: Assertion | undefined, ground: AssertionGround): Promise<Finding> {
  const { userId, credentials, origins, now } = ground;
  const open = ground.open.filter(({ expiresAt }) => now < expiresAt);
  if (open.length === 0) return { kind: 'not-ready', problem: noChallenge };
  const clientData = assertion && clientDataOf(assertion.clientDataJSON);
  if (assertion === undefined || clientData === undefined) return { kind: 'wrong', problem: malformed };
  const challenge = open.find((each) => each.challenge === clientData.challenge);
  if (challenge === undefined) return { kind: 'wrong', problem: invalid };

  const credential = offered(challenge, credentials).find(({ credentialId }) => credentialId === assertion.id);
  if (credential === undefined) return { kind: 'wrong', problem: unknownCredential };
  if (!namesUser(assertion, challenge, userId)) return { kind: 'wrong', problem: invalid };
  if (!isExpectedOrigin(clientData.origin, challenge.rpId, origins)) return { kind: 'wrong', problem: invalid };
  if (isCrossOrigin(clientData)) return { kind: 'wrong', problem: invalid };
  const verified = await verify(assertion, challenge, credential, clientData.origin);
  if (verified === undefined) return { kind: 'wrong', problem: invalid };
  if (verified.backupEligible !== credential.backupEligible) return { kind: 'wrong', problem: invalid };

  const { id, kind, signCount } = credential;
  return {
    kind: 'passed',
    signCount: { tokenId: id, kind, count: verified.signCount, registered: signCount },
    assertion: { challengeId: challenge.id, userVerified: verified.userVerified },
  };
}

/** Steps 5 and 6: a credential that the challenge was offered to; or, where it was offered to none by name, one of its RP ID. */
const offered = ({ rpId, userVerification, offeredTo }: OpenAssertion, credentials: readonly Credential[]): readonly Credential[] =>
  usableCredentials(credentials, rpId, userVerification).filter(({ id }) => offeredTo === undefined || offeredTo.includes(id));

/** Step 6: the user handle is the user's, and is there where nothing else said who the user is. */
const namesUser = ({ userHandle }: Assertion, { offeredTo }: OpenAssertion, userId: string): boolean =>
  userHandle === undefined ? offeredTo !== undefined : userHandle === userHandleOf(userId);

/**
 * Steps 10 to 18, 20 and 21: type, challenge, origin, RP ID, user present and, where required, verified, no backup of what cannot be backed up,
 * signature. The library throws at the first that does not hold. The counter that it is told of is one that any other goes beyond.
 */
async function verify(
  { id, userHandle: _, ...response }: Assertion,
  { challenge, rpId, userVerification }: OpenAssertion,
  credential: Credential,
  origin: string,
) {
  // Loaded when the first one arrives: nobody else's cold start pays for it.
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: userVerification === 'required',
      credential: { id, publicKey: Uint8Array.fromBase64(credential.publicKey, { alphabet: 'base64url' }), counter: 0 },
    });
    const { newCounter: signCount, userVerified, credentialDeviceType } = authenticationInfo;
    return verified ? { signCount, userVerified, backupEligible: credentialDeviceType === 'multiDevice' } : undefined;
  } catch {
    return undefined;
  }
}
