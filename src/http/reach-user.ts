import { covers, isNowhere, type Permission } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { findUser, type User } from '../directory/users.ts';
import { scopeOfCaller } from './caller.ts';
import type { Call } from './operation.ts';

/** What a caller must hold to act on a user; with `orSelf` a user may act on itself without it. */
export interface Need {
  readonly permission: Permission;
  readonly orSelf?: true;
}

/**
 * Looks up the user whom a request is about, for a caller who may act on somebody at all. A user outside the caller's organisations is
 * answered as one who does not exist.
 */
export async function reachUser(call: Call, userId: string, { permission, orSelf }: Need, unknown: Problem): Promise<Result<User>> {
  const scope = scopeOfCaller(call.caller, permission);
  const self = orSelf === true && call.caller.userId === userId;
  if (!self && isNowhere(scope)) return fail(noPermission);
  const user = await findUser(call.db, { userId });
  if (user === undefined || !(self || covers(scope, user.organizationId))) return fail(unknown);
  return ok(user);
}

/**
 * The person on whom a caller acts by a proof of that person's: the user itself, or whoever may write the user or its sessions. To Zitadel any
 * caller will do; but a wrong proof counts, and enough of them stand in the person's way, so that is not left to strangers.
 */
export async function reachByProof(call: Call, userId: string, unknown: Problem): Promise<Result<User>> {
  const permission = isNowhere(scopeOfCaller(call.caller, 'user.write')) ? 'session.write' : 'user.write';
  const user = await reachUser(call, userId, { permission, orSelf: true }, unknown);
  return user.ok && user.value.kind === 'machine' ? fail(unknown) : user;
}
