import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { ok } from '../core/result.ts';
import { instant, listDetails } from './answers.ts';
import { presentListDetails } from './list-query.ts';
import { operation } from './operation.ts';
import { emit, toTimestamp } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import { userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

/** What happened to a user, as it is told. */
export const userEvent = z.object({ type: z.string(), creationDate: instant, webAuthNTokenId: z.string().optional() });

/** Ours: what happened to a user beside any session, the oldest first. */
export const userEventOperations = [
  operation({
    rpc: 'sallyport.user.v2.UserService/ListUserEvents',
    routes: ['GET /v2/users/{userId}/events'],
    input: () => userIdMessage,
    output: () => z.object({ details: listDetails, events: z.array(userEvent) }),
    handle: async ({ userId }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
      if (!user.ok) return user;
      const events = await call.cells.user(user.value.cell).events(userId);
      return ok({
        details: presentListDetails(events.length, call.now),
        events: events.map(({ type, at, tokenId }) => emit({ type, creationDate: toTimestamp(at), webAuthNTokenId: tokenId })),
      });
    },
  }),
];
