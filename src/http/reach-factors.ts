import { outranks, type Permission } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, type Result } from '../core/result.ts';
import { findMembership } from '../directory/members.ts';
import type { User } from '../directory/users.ts';
import type { Call } from './operation.ts';
import { reachUser } from './reach-user.ts';

/**
 * The person whose factors a caller may set up or take away: the caller, or somebody else for whom they hold the permission. Whoever changes
 * another's factors comes closer to signing in as that person, so it is done by nobody who would gain a permission by it.
 */
export async function reachFactors(call: Call, userId: string, permission: Permission, unknown: Problem): Promise<Result<User>> {
  const user = await reachUser(call, userId, { permission, orSelf: true }, unknown);
  if (!user.ok) return user;
  if (user.value.kind === 'machine') return fail(unknown);
  const { caller, db } = call;
  if (caller.userId === userId || outranks(caller.membership, await findMembership(db, userId))) return user;
  return fail(noPermission);
}
