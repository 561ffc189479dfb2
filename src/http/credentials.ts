import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { userNotActive } from '../core/session/problems.ts';
import { isStopped } from '../core/user/lifecycle.ts';
import { type CredentialKind, MOST_CREDENTIALS } from '../core/web-authn/credential.ts';
import { rpIdOf } from '../core/web-authn/rp-id.ts';
import { newDecimalId, newSecret } from '../crypto/tokens.ts';
import { addCredential, beginRegistration, findCredentials, findRegistration, removeCredential } from '../directory/credentials.ts';
import type { User } from '../directory/users.ts';
import { proveCredential } from '../login-step/prove-credential.ts';
import { changeCredentials } from './change-credentials.ts';
import { creationOptions } from './creation-options.ts';
import { described } from './described.ts';
import { domain } from './domain.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { takePasskeyCode } from './passkey-codes.ts';
import { enumeration, type JsonObject, message, text } from './protojson.ts';
import { attestationStruct } from './public-key-credential.ts';
import { reachFactors } from './reach-factors.ts';
import { reachByProof } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails } from './user-messages.ts';

const REGISTRATION_LIFETIME_MS = 5 * 60_000;

const userNotFound = (id: string): Problem => ({ kind: 'not-found', id, message: 'User could not be found' });

const userId = text(1, 200);
const id = text(1, 200);
const name = text(1, 200);
const publicKeyCredential = attestationStruct;

/** Section 5.1 of Zitadel's resources: what the two kinds call alike things. */
const KINDS = {
  passkey: {
    rpc: 'Passkey',
    path: 'passkeys',
    id: 'passkeyId',
    userNotFound: userNotFound('COMMAND-Mv9sd'),
    verify: () =>
      message({ userId, passkeyId: id, passkeyName: name, publicKeyCredential }).transform(({ passkeyId, passkeyName, ...given }) => ({
        ...given,
        id: passkeyId,
        name: passkeyName,
      })),
    remove: () => message({ userId, passkeyId: id }).transform(({ passkeyId, ...given }) => ({ ...given, id: passkeyId })),
  },
  u2f: {
    rpc: 'U2F',
    path: 'u2f',
    id: 'u2fId',
    userNotFound: userNotFound('COMMAND-4M0ds'),
    verify: () =>
      message({ userId, u2fId: id, tokenName: name, publicKeyCredential }).transform(({ u2fId, tokenName, ...given }) => ({
        ...given,
        id: u2fId,
        name: tokenName,
      })),
    remove: () => message({ userId, u2fId: id }).transform(({ u2fId, ...given }) => ({ ...given, id: u2fId })),
  },
} as const;

const nothingPending: Problem = { kind: 'failed-precondition', id: 'WEBAU-5M9so', message: 'WebAuthN Token could not be found' };
const notRegistered: Problem = { kind: 'invalid-argument', id: 'WEBAU-3Vb9s', message: 'Error on creating credential' };
const credentialNotFound: Problem = { kind: 'not-found', id: 'COMMAND-DAfb2', message: 'WebAuthN Token could not be found' };
const tooMany: Problem = {
  kind: 'failed-precondition',
  id: 'SALLY-Credentials',
  message: `A user has at most ${MOST_CREDENTIALS} passkeys and security keys`,
};
const noDomain: Problem = { kind: 'invalid-argument', id: 'WEBAU-UX9ta', message: 'The domain is needed: the request did not come to one' };

/** Zitadel's PasskeyAuthenticator, in its order. */
const AUTHENTICATORS = [
  'PASSKEY_AUTHENTICATOR_UNSPECIFIED',
  'PASSKEY_AUTHENTICATOR_PLATFORM',
  'PASSKEY_AUTHENTICATOR_CROSS_PLATFORM',
] as const satisfies string[];
const ATTACHMENTS = { PASSKEY_AUTHENTICATOR_PLATFORM: 'platform', PASSKEY_AUTHENTICATOR_CROSS_PLATFORM: 'cross-platform' } as const;

/** An empty text is as good as none (proto3). */
const registerFields = {
  userId,
  domain: z.preprocess((value) => (value === '' ? undefined : value), domain.optional()).register(described, { type: 'string', maxLength: 200 }),
};

const registerPasskey = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RegisterPasskey`,
    routes: [`POST /${version}/users/{userId}/passkeys`],
    input: () =>
      message({
        ...registerFields,
        authenticator: enumeration(AUTHENTICATORS).optional(),
        code: message({ id: text(1, 200), code: text(1, 200) }).optional(),
      }),
    handle: async ({ userId, code, authenticator, domain: rpId }, call) => {
      const attachment = ATTACHMENTS[authenticator as keyof typeof ATTACHMENTS];
      if (code === undefined) {
        const user = await reachFactors(call, userId, 'user.credential.write', KINDS.passkey.userNotFound);
        return user.ok ? begin(call, user.value, { kind: 'passkey', rpId, attachment }) : user;
      }
      const user = await reachByProof(call, userId, KINDS.passkey.userNotFound);
      if (!user.ok) return user;
      return takePasskeyCode(call, user.value, code, () => begin(call, user.value, { kind: 'passkey', rpId, attachment }));
    },
  });

const registerU2f = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RegisterU2F`,
    routes: [`POST /${version}/users/{userId}/u2f`],
    input: () => message(registerFields),
    handle: async ({ userId, domain: rpId }, call) => {
      const user = await reachFactors(call, userId, 'user.credential.write', KINDS.u2f.userNotFound);
      return user.ok ? begin(call, user.value, { kind: 'u2f', rpId }) : user;
    },
  });

interface Wanted {
  readonly kind: CredentialKind;
  /** Where none is asked for, the domain that the request came to. */
  readonly rpId: string | undefined;
  readonly attachment?: 'platform' | 'cross-platform' | undefined;
}

/** Begins a registration. No check relies on it yet, so the user's cell need not be told. */
async function begin(call: Call, user: User, { kind, rpId: asked, attachment }: Wanted): Promise<Result<JsonObject>> {
  const { db, config, now, origin } = call;
  const rpId = asked ?? rpIdOf(new URL(origin).hostname);
  if (rpId === undefined) return fail(noDomain);
  const credentials = await findCredentials(db, user.id);
  if (credentials.length >= MOST_CREDENTIALS) return fail(tooMany);
  const registration = { id: newDecimalId(now), userId: user.id, kind, challenge: newSecret(), rpId, expiresAt: now + REGISTRATION_LIFETIME_MS };
  if (!(await beginRegistration(db, registration, now))) return fail(KINDS[kind].userNotFound);
  // Of either kind: a second discoverable credential of the same user would take the place of the first in the authenticator.
  const excluded = credentials.filter((credential) => credential.rpId === rpId);
  const options = creationOptions({ registration, user, excluded, rpName: config.webAuthN.rpName, timeoutMs: REGISTRATION_LIFETIME_MS, attachment });
  return ok({
    details: presentDetails(user),
    [KINDS[kind].id]: registration.id,
    publicKeyCredentialCreationOptions: { publicKey: options },
  });
}

/** Whoever can answer the challenge was told it by the registration: that is the proof, whether it was the user or the page that they are at. */
const verify = (version: Version, kind: CredentialKind): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/Verify${KINDS[kind].rpc}Registration`,
    routes: [`POST /${version}/users/{userId}/${KINDS[kind].path}/{${KINDS[kind].id}}`],
    input: () => KINDS[kind].verify(),
    handle: async (input, call) => {
      const user = await reachByProof(call, input.userId, KINDS[kind].userNotFound);
      if (!user.ok) return user;
      if (isStopped(user.value.state)) return fail(userNotActive);
      const { db, config, now } = call;
      const registration = await findRegistration(db, { ...input, kind }, now);
      if (registration === undefined) return fail(nothingPending);
      const proof = await proveCredential(input.publicKeyCredential, registration, config.webAuthN.origins);
      if (!proof.ok) return proof;
      const credential = { ...registration, ...proof.value, name: input.name };
      const added = await changeCredentials(call, user.value, () => addCredential(db, input.userId, credential, now));
      return added ? ok({ details: presentDetails(added) }) : fail(notRegistered);
    },
  });

const remove = (version: Version, kind: CredentialKind): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/Remove${KINDS[kind].rpc}`,
    routes: [`DELETE /${version}/users/{userId}/${KINDS[kind].path}/{${KINDS[kind].id}}`],
    input: () => KINDS[kind].remove(),
    handle: async (input, call) => {
      const user = await reachFactors(call, input.userId, 'user.write', credentialNotFound);
      if (!user.ok) return user;
      const removed = await changeCredentials(call, user.value, () => removeCredential(call.db, { ...input, kind }, call.now));
      return removed ? ok({ details: presentDetails(removed) }) : fail(credentialNotFound);
    },
  });

/** zitadel.user.v2 and v2beta UserService: Register, Verify and Remove of passkeys and of U2F keys. */
export const credentialOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [
  registerPasskey(version),
  registerU2f(version),
  ...(['passkey', 'u2f'] as const).flatMap((kind) => [verify(version, kind), remove(version, kind)]),
]);
