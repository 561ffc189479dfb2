import { noPermission, unavailable } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { type Transition, transit, unknownUser } from '../core/user/lifecycle.ts';
import { type Operation, operation, type Route } from './operation.ts';
import { type Need, reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { userDetails, userIdMessage } from './user-messages.ts';

/** Each transition's method, path (`DELETE` of the user itself for the last) and what it takes. */
const TRANSITIONS: Record<Transition, { readonly rpc: string; readonly route: (version: Version) => Route; readonly need: Need }> = {
  lock: { rpc: 'LockUser', route: (version) => `POST /${version}/users/{userId}/lock`, need: { permission: 'user.write', orSelf: true } },
  unlock: { rpc: 'UnlockUser', route: (version) => `POST /${version}/users/{userId}/unlock`, need: { permission: 'user.write', orSelf: true } },
  deactivate: {
    rpc: 'DeactivateUser',
    route: (version) => `POST /${version}/users/{userId}/deactivate`,
    need: { permission: 'user.write', orSelf: true },
  },
  reactivate: {
    rpc: 'ReactivateUser',
    route: (version) => `POST /${version}/users/{userId}/reactivate`,
    need: { permission: 'user.write', orSelf: true },
  },
  delete: { rpc: 'DeleteUser', route: (version) => `DELETE /${version}/users/{userId}`, need: { permission: 'user.delete' } },
};

/**
 * The user's cell decides on the change, so that it is in force from that moment on; then every session cell and the directory are told,
 * and only then is the caller.
 */
const change = (version: Version, transition: Transition): Operation => {
  const { rpc, route, need } = TRANSITIONS[transition];
  return operation({
    rpc: `zitadel.user.${version}.UserService/${rpc}`,
    routes: [route(version)],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachUser(call, userId, need, unknownUser(transition));
      if (!user.ok) return user;
      const { state, epoch, cell: name } = user.value;
      const seen = { state, epoch };
      if (resumes(transition) && call.caller.userId === userId) {
        const refusal = transit(seen, transition);
        return refusal.ok ? fail(noPermission) : refusal;
      }
      const cell = call.cells.user(name);
      const standing = await cell.transit({ userId, seen, transition });
      if (!standing.ok) return standing;
      if (!(await cell.finish(userId))) return fail(unavailable('The change is in force, and is still being passed on'));
      return ok({ details: await userDetails(call, user.value) });
    },
  });
};

/** A stopped user's token may be remembered for a moment longer, so nobody ends a stop of their own. */
const resumes = (transition: Transition): boolean => transition === 'unlock' || transition === 'reactivate';

/** zitadel.user.v2 and v2beta UserService: LockUser, UnlockUser, DeactivateUser, ReactivateUser, DeleteUser. */
export const userStateOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) =>
  (Object.keys(TRANSITIONS) as Transition[]).map((transition) => change(version, transition)),
);
