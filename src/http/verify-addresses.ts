import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { codeEmpty } from '../core/user/codes.ts';
import { type AddressKind, verifyAddress } from '../directory/addresses.ts';
import { type CodeWay, endCode, guessCode } from '../login-step/user-codes.ts';
import { openAddressCode, PURPOSES } from './address-codes.ts';
import { changeCredentials } from './change-credentials.ts';
import { EMAIL_WAYS, PHONE_WAYS, wayOf } from './code-way.ts';
import { defaultLink } from './links.ts';
import { type Call, type Operation, operation, type Route } from './operation.ts';
import { emit, type JsonObject, message, text } from './protojson.ts';
import { reachByProof } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { mayGiveAddress, reachPerson } from './user-addresses.ts';
import { presentDetails } from './user-messages.ts';
import { walkOf } from './walk-of.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-ieJ2e', message: 'User could not be found' };
/** Zitadel does not tell a wrong code from an expired one, nor from none. */
const codeInvalid: Problem = { kind: 'invalid-argument', id: 'COMMAND-eis9R', message: 'Code is invalid' };

const WAYS = [['sendCode', 'returnCode']] as const;

/** A new code for the e-mail address that a user has: in the place of one that is open (resend), or whether there is one or not (send). */
const sendEmailCode = (rpc: string, route: Route, again: boolean): Operation =>
  operation({
    rpc,
    routes: [route],
    input: () => message({ userId: text(1, 200), ...EMAIL_WAYS }, WAYS),
    handle: (input, call) => open(call, input.userId, 'email', wayOf(input, defaultLink(call, 'verify')), again),
  });

const resendPhoneCode = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/ResendPhoneCode`,
    routes: [`POST /${version}/users/{userId}/phone/resend`],
    input: () => message({ userId: text(1, 200), ...PHONE_WAYS }, WAYS),
    handle: (input, call) => open(call, input.userId, 'phone', wayOf(input, defaultLink(call, 'verify')), true),
  });

async function open(call: Call, userId: string, kind: AddressKind, way: CodeWay, again: boolean): Promise<Result<JsonObject>> {
  const user = await reachPerson(call, userId);
  if (!user.ok) return user;
  if (!(await mayGiveAddress(call, user.value, way))) return fail(noPermission);
  const address = user.value[kind];
  if (address === '') return fail(codeEmpty);
  const code = await openAddressCode(call, user.value, { kind, address, way, again });
  return code.ok ? ok(emit({ details: presentDetails(user.value), verificationCode: code.value })) : code;
}

const verify = (version: Version, kind: AddressKind, rpc: string): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/${rpc}`,
    routes: [`POST /${version}/users/{userId}/${kind}/verify`],
    input: () => message({ userId: text(1, 200), verificationCode: text(1, 20) }),
    handle: async ({ userId, verificationCode }, call) => {
      const reached = await reachByProof(call, userId, userNotFound);
      if (!reached.ok) return reached;
      const user = reached.value;
      const guess = await guessCode(walkOf(call), user, PURPOSES[kind], verificationCode);
      if (guess.kind !== 'right') return fail(codeInvalid);
      const verified = await changeCredentials(call, user, () => verifyAddress(call.db, userId, { kind, address: guess.basis }, call.now));
      if (!verified) return fail(codeInvalid);
      await endCode(walkOf(call), user, PURPOSES[kind], guess.id);
      return ok({ details: presentDetails(verified) });
    },
  });

/** zitadel.user.v2 and v2beta UserService: ResendEmailCode, ResendPhoneCode, VerifyEmail, VerifyPhone; v2 only: SendEmailCode. */
export const verifyAddressOperations: readonly Operation[] = [
  ...(['v2', 'v2beta'] as const).flatMap((version) => [
    sendEmailCode(`zitadel.user.${version}.UserService/ResendEmailCode`, `POST /${version}/users/{userId}/email/resend`, true),
    resendPhoneCode(version),
    verify(version, 'email', 'VerifyEmail'),
    verify(version, 'phone', 'VerifyPhone'),
  ]),
  sendEmailCode('zitadel.user.v2.UserService/SendEmailCode', 'POST /v2/users/{userId}/email/send', false),
];
