import { covers, outranks } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { emailAddress } from '../core/user/email-address.ts';
import { phoneNumber } from '../core/user/phone-number.ts';
import { type AddressKind, changeAddress, type NewAddress } from '../directory/addresses.ts';
import { findMembership } from '../directory/members.ts';
import { findUser, type User } from '../directory/users.ts';
import { scopeOfCaller } from './caller.ts';
import { changeCredentials } from './change-credentials.ts';
import { unbuilt } from './decode.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { flag, type JsonObject, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { userDetails, userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-ieJ2e', message: 'User could not be found' };
const notChanged: Record<AddressKind, Problem> = {
  email: { kind: 'failed-precondition', id: 'COMMAND-Uch5e', message: 'Email is the current one' },
  phone: { kind: 'failed-precondition', id: 'COMMAND-Uch5e', message: 'Phone is the current one' },
};

const VERIFICATION = ['sendCode', 'returnCode', 'isVerified'] as const;

/** Codes are neither sent nor returned yet: without a word on its verification an address is entered unverified. */
const verification = {
  sendCode: unbuilt('sendCode'),
  returnCode: unbuilt('returnCode'),
  isVerified: flag.refine((verified) => verified, 'value must equal true').optional(),
};

const setEmail = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/SetEmail`,
    routes: [`POST /${version}/users/{userId}/email`],
    input: message({ userId: text(1, 200), email: text(1, 200), ...verification }, [VERIFICATION]),
    handle: async ({ userId, email, isVerified }, call) => {
      const address = emailAddress(email);
      return address.ok ? set(call, userId, { kind: 'email', address: address.value, verified: isVerified === true }) : address;
    },
  });

const setPhone = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/SetPhone`,
    routes: [`POST /${version}/users/{userId}/phone`],
    input: message({ userId: text(1, 200), phone: text(1, 200), ...verification }, [VERIFICATION]),
    handle: async ({ userId, phone, isVerified }, call) => {
      const number = phoneNumber(phone);
      return number.ok ? set(call, userId, { kind: 'phone', address: number.value, verified: isVerified === true }) : number;
    },
  });

/** Removing a number that is not there is no failure, as Zitadel has it; nothing is written then. */
const removePhone = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RemovePhone`,
    routes: [`DELETE /${version}/users/{userId}/phone`],
    input: userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachPerson(call, userId);
      if (!user.ok) return user;
      if (user.value.phone !== '') await write(call, user.value, { kind: 'phone', address: '', verified: false });
      return ok({ details: await userDetails(call.db, userId) });
    },
  });

async function set(call: Call, userId: string, address: NewAddress): Promise<Result<JsonObject>> {
  const user = await reachPerson(call, userId);
  if (!user.ok) return user;
  if (!(await maySet(call, user.value, address.verified))) return fail(noPermission);
  if (user.value[address.kind] === address.address) return fail(notChanged[address.kind]);
  if (await write(call, user.value, address)) return ok({ details: await userDetails(call.db, userId) });
  return fail((await findUser(call.db, { userId })) ? notChanged[address.kind] : userNotFound);
}

async function reachPerson(call: Call, userId: string): Promise<Result<User>> {
  const user = await reachUser(call, userId, { permission: 'user.write', orSelf: true }, userNotFound);
  return user.ok && user.value.kind === 'machine' ? fail(userNotFound) : user;
}

/**
 * Nobody vouches for an address of their own without `user.write`; and whoever gives somebody else an address can have that user's codes
 * sent there, so it is given by nobody who would gain a permission by signing in as that user.
 */
async function maySet({ caller, db }: Call, { id, organizationId }: User, verified: boolean): Promise<boolean> {
  if (verified && !covers(scopeOfCaller(caller, 'user.write'), organizationId)) return false;
  return caller.userId === id || outranks(caller.membership, await findMembership(db, id));
}

const write = (call: Call, user: User, address: NewAddress): Promise<boolean> =>
  changeCredentials(call, user, () => changeAddress(call.db, user.id, address, call.now));

/** zitadel.user.v2 and v2beta UserService: SetEmail, SetPhone, RemovePhone. */
export const userAddressOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [
  setEmail(version),
  setPhone(version),
  removePhone(version),
]);
