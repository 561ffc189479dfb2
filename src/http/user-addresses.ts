import { covers, outranks } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { emailAddress } from '../core/user/email-address.ts';
import { phoneNumber } from '../core/user/phone-number.ts';
import { type AddressKind, changeAddress, type NewAddress } from '../directory/addresses.ts';
import { findMembership } from '../directory/members.ts';
import { findUser, type User, type UserDetails } from '../directory/users.ts';
import type { CodeWay } from '../login-step/user-codes.ts';
import { openAddressCode } from './address-codes.ts';
import { scopeOfCaller } from './caller.ts';
import { changeCredentials } from './change-credentials.ts';
import { EMAIL_WAYS, PHONE_WAYS, wayOf } from './code-way.ts';
import { defaultLink } from './links.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, flag, type JsonObject, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails, userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-ieJ2e', message: 'User could not be found' };
const notChanged: Record<AddressKind, Problem> = {
  email: { kind: 'failed-precondition', id: 'COMMAND-Uch5e', message: 'Email is the current one' },
  phone: { kind: 'failed-precondition', id: 'COMMAND-Uch5e', message: 'Phone is the current one' },
};

const VERIFICATION = ['sendCode', 'returnCode', 'isVerified'] as const;
const isVerified = flag.refine((verified) => verified, 'value must equal true').optional();

const setEmail = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/SetEmail`,
    routes: [`POST /${version}/users/{userId}/email`],
    input: () => message({ userId: text(1, 200), email: text(1, 200), ...EMAIL_WAYS, isVerified }, [VERIFICATION]),
    handle: async (input, call) => {
      const address = emailAddress(input.email);
      return address.ok ? set(call, input.userId, { kind: 'email', address: address.value }, howOf(input, call)) : address;
    },
  });

const setPhone = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/SetPhone`,
    routes: [`POST /${version}/users/{userId}/phone`],
    input: () => message({ userId: text(1, 200), phone: text(1, 200), ...PHONE_WAYS, isVerified }, [VERIFICATION]),
    handle: async (input, call) => {
      const number = phoneNumber(input.phone);
      return number.ok ? set(call, input.userId, { kind: 'phone', address: number.value }, howOf(input, call)) : number;
    },
  });

/** Removing a number that is not there is no failure, as Zitadel has it; nothing is written then. */
const removePhone = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RemovePhone`,
    routes: [`DELETE /${version}/users/{userId}/phone`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachPerson(call, userId);
      if (!user.ok) return user;
      const removed = user.value.phone === '' ? undefined : await write(call, user.value, { kind: 'phone', address: '', verified: false });
      return ok({ details: presentDetails(removed ?? user.value) });
    },
  });

type How = CodeWay | 'verified';

const howOf = ({ isVerified: verified, ...ways }: Parameters<typeof wayOf>[0] & { isVerified?: boolean | undefined }, call: Call): How =>
  verified ? 'verified' : wayOf(ways, defaultLink(call, 'verify'));

/** The code comes before the address is written: where no more may be sent to it, nothing has changed. It verifies that address and no other. */
async function set(call: Call, userId: string, { kind, address }: Omit<NewAddress, 'verified'>, how: How): Promise<Result<JsonObject>> {
  const user = await reachPerson(call, userId);
  if (!user.ok) return user;
  if (!(await mayGiveAddress(call, user.value, how))) return fail(noPermission);
  if (user.value[kind] === address) return fail(notChanged[kind]);
  const opened = how === 'verified' ? ok(undefined) : await openAddressCode(call, user.value, { kind, address, way: how });
  if (!opened.ok) return opened;
  const changed = await write(call, user.value, { kind, address, verified: how === 'verified' });
  if (changed) return ok(emit({ details: presentDetails(changed), verificationCode: opened.value }));
  return fail((await findUser(call.db, { userId })) ? notChanged[kind] : userNotFound);
}

/** The person whose addresses a caller may write, or their own. */
export async function reachPerson(call: Call, userId: string): Promise<Result<User>> {
  const user = await reachUser(call, userId, { permission: 'user.write', orSelf: true }, userNotFound);
  return user.ok && user.value.kind === 'machine' ? fail(userNotFound) : user;
}

/**
 * Nobody vouches for an address of their own without `user.write`, nor takes the code that would, nor has mail with a link of their choice sent
 * to whomever they name. And whoever gives somebody else an address can have that user's codes sent there, so it is given by nobody who would
 * gain a permission by signing in as that user.
 */
export async function mayGiveAddress({ caller, db }: Call, { id, organizationId }: User, how: How): Promise<boolean> {
  const ownWay = how === 'verified' || how.kind === 'returned' || how.ownLink;
  if (ownWay && !covers(scopeOfCaller(caller, 'user.write'), organizationId)) return false;
  return caller.userId === id || outranks(caller.membership, await findMembership(db, id));
}

const write = (call: Call, user: User, address: NewAddress): Promise<UserDetails | undefined> =>
  changeCredentials(call, user, () => changeAddress(call.db, user.id, address, call.now));

/** zitadel.user.v2 and v2beta UserService: SetEmail, SetPhone, RemovePhone. */
export const userAddressOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [
  setEmail(version),
  setPhone(version),
  removePhone(version),
]);
