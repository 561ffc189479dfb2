import { type Problem, unavailable } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { changed } from './answers.ts';
import { type Operation, operation } from './operation.ts';
import { message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import { userDetails } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

/** Ours: ends all sessions of a user, also those that are being made, but for one that may be spared. */
const end = operation({
  rpc: 'sallyport.user.v2.UserService/EndUserSessions',
  routes: ['DELETE /v2/users/{userId}/sessions'],
  input: () => message({ userId: text(1, 200), exceptSessionId: text(1, 200).optional() }),
  output: () => changed,
  handle: async ({ userId, exceptSessionId }, call) => {
    const user = await reachUser(call, userId, { permission: 'session.delete', orSelf: true }, userNotFound);
    if (!user.ok) return user;
    const { state, epoch, cell: name } = user.value;
    const cell = call.cells.user(name);
    if (!(await cell.endSessions({ userId, seen: { state, epoch }, callerId: call.caller.id, exceptSessionId }))) return fail(userNotFound);
    if (!(await cell.finish(userId))) return fail(unavailable('The sessions are over, and this is still being passed on'));
    return ok({ details: await userDetails(call, user.value) });
  },
});

export const userSessionOperations: readonly Operation[] = [end];
