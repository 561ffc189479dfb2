import type { Facts } from '../cells/user-protocol.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { userNotActive } from '../core/session/problems.ts';
import { isStopped } from '../core/user/lifecycle.ts';
import { findFacts } from '../directory/facts.ts';
import type { User } from '../directory/users.ts';
import { type CodeOrder, guessCode, issueCode, spendCode } from '../login-step/user-codes.ts';
import { defaultLink, linkTemplate } from './links.ts';
import { maySteer } from './may-steer.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { type JsonObject, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails } from './user-messages.ts';
import { walkOf } from './walk-of.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-Mv9sd', message: 'User could not be found' };
const noAddress: Problem = { kind: 'failed-precondition', id: 'SALLY-NoAddress', message: 'User has no verified e-mail address' };
/** Zitadel does not tell a wrong code from an expired one, nor from none. */
const codeInvalid: Problem = { kind: 'invalid-argument', id: 'COMMAND-Eeb2a', message: 'Code is invalid' };

const PURPOSE = 'passkeyRegistration';

const createLink = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/CreatePasskeyRegistrationLink`,
    routes: [`POST /${version}/users/{userId}/passkeys/registration_link`],
    input: () =>
      message(
        {
          userId: text(1, 200),
          sendLink: message({ urlTemplate: linkTemplate('UserID', 'OrgID', 'CodeID', 'Code').optional() }).optional(),
          returnCode: message({}).optional(),
        },
        [['sendLink', 'returnCode']],
      ),
    handle: async ({ userId, sendLink, returnCode }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.passkey.write' }, userNotFound);
      if (!user.ok) return user;
      if (user.value.kind === 'machine') return fail(userNotFound);
      const order = await (returnCode === undefined ? sent(call, user.value, sendLink?.urlTemplate) : returned(call, user.value));
      if (!order.ok) return order;
      const issued = await issueCode(walkOf(call), user.value, { purpose: PURPOSE, basis: order.value.to, channel: 'email', ...order.value });
      if (!issued.ok) return issued;
      const { id, code } = issued.value;
      return ok({ details: presentDetails(user.value), ...(code !== undefined && { code: { id, code } }) });
    },
  });

type Order = Pick<CodeOrder, 'to' | 'way'>;

const returned = async (call: Call, user: User): Promise<Result<Order>> =>
  (await maySteer(call, user, 'user.passkey.write', 'returned')) ? ok({ to: '', way: { kind: 'returned' } }) : fail(noPermission);

async function sent(call: Call, user: User, ownLink: string | undefined): Promise<Result<Order>> {
  if (ownLink !== undefined && !(await maySteer(call, user, 'user.passkey.write', 'linked'))) return fail(noPermission);
  const to = await addressOf(call, user);
  if (to === undefined) return fail(noAddress);
  return ok({ to, way: { kind: 'sent', urlTemplate: ownLink ?? defaultLink(call, 'passkey'), ownLink: ownLink !== undefined } });
}

/**
 * Where a link goes by which one comes to sign in as a user: to the verified address; or, while the user has nothing yet to sign in with, to the
 * one that is not, as an invitation.
 */
async function addressOf({ db }: Call, { id, email, emailVerified }: User): Promise<string | undefined> {
  if (email === '' || emailVerified) return email || undefined;
  const facts = await findFacts(db, id);
  return facts && hasNothing(facts) ? email : undefined;
}

const hasNothing = ({ passwordHash, credentials, totp, otpSms, otpEmail, recoveryCodes }: Facts): boolean =>
  [passwordHash, totp, otpSms, otpEmail].every((factor) => factor === undefined) && credentials.length + recoveryCodes.length === 0;

/** What a code allows it allows only as long as its link would still go where it went. */
const stillGood = async (call: Call, user: User, to: string): Promise<boolean> => to === '' || to === (await addressOf(call, user));

/**
 * Begins what a code allows, for the address that it went to. The code is spent once that is written and before it is told, so that of many who
 * come with one code at once one is told.
 */
export async function takePasskeyCode(
  call: Call,
  user: User,
  { id, code }: { readonly id: string; readonly code: string },
  begin: () => Promise<Result<JsonObject>>,
): Promise<Result<JsonObject>> {
  if (isStopped(user.state)) return fail(userNotActive);
  const guess = await guessCode(walkOf(call), user, PURPOSE, code, id);
  if (guess.kind !== 'right' || !(await stillGood(call, user, guess.basis))) return fail(codeInvalid);
  const begun = await begin();
  if (!begun.ok) return begun;
  return (await spendCode(walkOf(call), user, PURPOSE, guess.id)) ? begun : fail(codeInvalid);
}

/** zitadel.user.v2 and v2beta UserService: CreatePasskeyRegistrationLink. */
export const passkeyCodeOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(createLink);
