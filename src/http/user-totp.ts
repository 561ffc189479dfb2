import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { toBase32 } from '../crypto/base32.ts';
import { otpauthUri } from '../crypto/totp.ts';
import { findTotp, type RecordedTotp, registerTotp, removeTotp, verifyTotp } from '../directory/totp.ts';
import { findUser } from '../directory/users.ts';
import { proveSeed, sealSeed, wrongTotp } from '../login-step/totp-seed.ts';
import { changeCredentials } from './change-credentials.ts';
import { type Operation, operation } from './operation.ts';
import { message, text } from './protojson.ts';
import { reachFactors } from './reach-factors.ts';
import type { Version } from './session-messages.ts';
import { presentDetails, userIdMessage } from './user-messages.ts';

/** As many as SHA-1 puts out (RFC 4226 section 4, R6, recommends them). */
const SEED_BYTES = 20;

const userNotFound: Problem = { kind: 'failed-precondition', id: 'COMMAND-SqyJz', message: 'User could not be found' };
const readyBefore: Problem = { kind: 'already-exists', id: 'COMMAND-do9se', message: 'Multifactor OTP (OneTimePassword) is already set up' };
const nothingToVerify: Problem = { kind: 'not-found', id: 'COMMAND-3Mif9s', message: "Multifactor OTP (OneTimePassword) doesn't exist" };
const verifiedBefore: Problem = { kind: 'failed-precondition', id: 'COMMAND-qx4ls', message: 'Multifactor OTP (OneTimePassword) is already set up' };
const nothingToRemove: Problem = { kind: 'not-found', id: 'COMMAND-Hd9sd', message: "Multifactor OTP (OneTimePassword) doesn't exist" };

/** No check relies on a seed that is yet to be verified, so the user's cell need not be told of one. */
const register = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RegisterTOTP`,
    routes: [`POST /${version}/users/{userId}/totp`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachFactors(call, userId, 'user.credential.write', userNotFound);
      if (!user.ok) return user;
      const { config, db, now } = call;
      const secret = toBase32(crypto.getRandomValues(new Uint8Array(SEED_BYTES)));
      const seed = await sealSeed(config.sealKeys, userId, secret);
      const begun = await registerTotp(db, userId, seed, now);
      if (begun === undefined) return fail((await findUser(db, { userId })) ? readyBefore : userNotFound);
      return ok({ details: presentDetails(begun), uri: otpauthUri(config.totpIssuer, user.value.username, secret), secret });
    },
  });

/** The code spends nothing: it proves that the app holds the seed, and signs nobody in. */
const verify = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/VerifyTOTPRegistration`,
    routes: [`POST /${version}/users/{userId}/totp/verify`],
    input: () => message({ userId: text(1, 200), code: text(1, 20) }),
    handle: async ({ userId, code }, call) => {
      const user = await reachFactors(call, userId, 'user.credential.write', nothingToVerify);
      if (!user.ok) return user;
      const pending = pendingOf(await findTotp(call.db, userId));
      if (!pending.ok) return pending;
      const proof = await proveSeed(call.config.sealKeys, userId, pending.value, code);
      if (!proof.ok) return proof;
      const verified = await changeCredentials(call, user.value, () => verifyTotp(call.db, userId, pending.value, call.now));
      if (verified) return ok({ details: presentDetails(verified) });
      // Somebody was faster; of a seed that has come in the place of the one read, this is no code.
      const now = pendingOf(await findTotp(call.db, userId));
      return now.ok ? fail(wrongTotp) : now;
    },
  });

/** The sealed seed that is waiting to be verified. */
function pendingOf(totp: RecordedTotp | undefined): Result<string> {
  if (totp === undefined) return fail(nothingToVerify);
  return totp.verified ? fail(verifiedBefore) : ok(totp.seed);
}

const remove = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RemoveTOTP`,
    routes: [`DELETE /${version}/users/{userId}/totp`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachFactors(call, userId, 'user.write', nothingToRemove);
      if (!user.ok) return user;
      const removed = await changeCredentials(call, user.value, () => removeTotp(call.db, userId, call.now));
      return removed ? ok({ details: presentDetails(removed) }) : fail(nothingToRemove);
    },
  });

/** zitadel.user.v2 and v2beta UserService: RegisterTOTP, VerifyTOTPRegistration, RemoveTOTP. */
export const userTotpOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [
  register(version),
  verify(version),
  remove(version),
]);
