import { covers, outranks, type Permission } from '../core/permission.ts';
import { findMembership } from '../directory/members.ts';
import type { User } from '../directory/users.ts';
import { scopeOfCaller } from './caller.ts';
import type { Call } from './operation.ts';

/**
 * Whether a caller may steer a code by which one comes to sign in as somebody. Whoever is handed the code can, and whoever chooses the page that the
 * link leads to may see it come by. So neither is for users themselves, nor for a caller who would gain a permission by signing in as that user; a
 * link may also be chosen by those whose pages it is that people log in at.
 */
export async function maySteer(
  { caller, db }: Call,
  { id, organizationId }: User,
  permission: Permission,
  way: 'returned' | 'linked',
): Promise<boolean> {
  if (!covers(scopeOfCaller(caller, permission), organizationId)) return false;
  if (way === 'linked' && scopeOfCaller(caller, 'session.write').everywhere) return true;
  return outranks(caller.membership, await findMembership(db, id));
}
