import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import type { OtpMethod } from '../core/session/session.ts';
import { addOtpFactor, findOtpFactor, removeOtpFactor } from '../directory/otp-factors.ts';
import { changeCredentials } from './change-credentials.ts';
import { type Operation, operation } from './operation.ts';
import { reachFactors } from './reach-factors.ts';
import type { Version } from './session-messages.ts';
import { presentDetails, userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-ieJ2e', message: 'User could not be found' };

const notReady = (id: string): Problem => ({ kind: 'failed-precondition', id, message: "Multifactor OTP (OneTimePassword) isn't ready" });
const alreadyAdded = (id: string): Problem => ({ kind: 'already-exists', id, message: 'Multifactor OTP (OneTimePassword) is already set up' });
const notExisting = (id: string): Problem => ({ kind: 'not-found', id, message: "Multifactor OTP (OneTimePassword) doesn't exist" });

/** Section 4 of Zitadel's resources. Its "no user id" is refused as a broken rule of the message before. */
const FACTORS = {
  otpSms: {
    path: 'otp_sms',
    name: 'OTPSMS',
    notReady: notReady('COMMAND-Q54j2'),
    alreadyAdded: alreadyAdded('COMMAND-Ad3g2'),
    notExisting: notExisting('COMMAND-Sr3h3'),
  },
  otpEmail: {
    path: 'otp_email',
    name: 'OTPEmail',
    notReady: notReady('COMMAND-KLJ2d'),
    alreadyAdded: alreadyAdded('COMMAND-MKL2s'),
    notExisting: notExisting('COMMAND-b312D'),
  },
} as const satisfies Record<OtpMethod, object>;

/** Ready at once: that the user reads what is sent there was proved when the address was verified. */
const add = (version: Version, method: OtpMethod): Operation => {
  const { path, name, notReady: unverified, alreadyAdded: twice } = FACTORS[method];
  return operation({
    rpc: `zitadel.user.${version}.UserService/Add${name}`,
    routes: [`POST /${version}/users/{userId}/${path}`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachFactors(call, userId, 'user.credential.write', userNotFound);
      if (!user.ok) return user;
      const added = await changeCredentials(call, user.value, () => addOtpFactor(call.db, userId, method, call.now));
      if (added) return ok({ details: presentDetails(added) });
      const factor = await findOtpFactor(call.db, userId, method);
      if (factor === undefined) return fail(userNotFound);
      return fail(factor.added ? twice : unverified);
    },
  });
};

/** To Zitadel a user who is not there has no such factor either. */
const remove = (version: Version, method: OtpMethod): Operation => {
  const { path, name, notExisting: missing } = FACTORS[method];
  return operation({
    rpc: `zitadel.user.${version}.UserService/Remove${name}`,
    routes: [`DELETE /${version}/users/{userId}/${path}`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachFactors(call, userId, 'user.write', missing);
      if (!user.ok) return user;
      const removed = await changeCredentials(call, user.value, () => removeOtpFactor(call.db, userId, method, call.now));
      return removed ? ok({ details: presentDetails(removed) }) : fail(missing);
    },
  });
};

/** zitadel.user.v2 and v2beta UserService: AddOTPSMS, RemoveOTPSMS, AddOTPEmail, RemoveOTPEmail. */
export const otpFactorOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) =>
  (['otpSms', 'otpEmail'] as const).flatMap((method) => [add(version, method), remove(version, method)]),
);
