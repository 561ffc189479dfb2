import { covers } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { findProvider } from '../directory/identity-providers.ts';
import { isFreshlyProved } from '../directory/intents.ts';
import { addLink, findLinks, LINKS_MOST, removeLink } from '../directory/links.ts';
import { scopeOfCaller } from './caller.ts';
import { idpLink, idpUnknown, linkTaken } from './idp-link.ts';
import { listQuery, pageOf, presentListDetails } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit, message, text } from './protojson.ts';
import { reachFactors } from './reach-factors.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails } from './user-messages.ts';

const userNotFound: Problem = { kind: 'failed-precondition', id: 'COMMAND-vzktar7b7f', message: 'User could not be found' };
const readUserNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };
const tooMany: Problem = { kind: 'failed-precondition', id: 'SALLY-Links', message: `A user has at most ${LINKS_MOST} linked accounts` };
const linkNotFound: Problem = { kind: 'not-found', id: 'COMMAND-1M9xR', message: 'External IDP could not be found' };

/**
 * Whoever holds the account at the provider can sign in as the user. Users themselves link no account by its mere name, or they could keep its holder
 * from ever linking it: somebody has to have just come back from the provider with it. Linking the same account again is fine.
 */
const add = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/AddIDPLink`,
    routes: [`POST /${version}/users/{userId}/links`],
    input: () => message({ userId: text(1, 200), idpLink }),
    handle: async ({ userId, idpLink: link }, call) => {
      const user = await reachFactors(call, userId, 'user.write', userNotFound);
      if (!user.ok) return user;
      if ((await findProvider(call.db, link.idpId)) === undefined) return fail(idpUnknown);
      const trusted = covers(scopeOfCaller(call.caller, 'user.write'), user.value.organizationId);
      if (!trusted && !(await isFreshlyProved(call.db, link, call.config.directoryGeneration, call.now))) return fail(noPermission);
      const holder = await addLink(call.db, userId, link, call.now);
      if (holder?.userId === userId) return ok({ details: presentDetails(holder) });
      return fail(holder === undefined ? tooMany : linkTaken);
    },
  });

const list = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/ListIDPLinks`,
    routes: [`POST /${version}/users/{userId}/links/_search`],
    input: () => message({ userId: text(1, 200), query: listQuery.optional() }),
    handle: async ({ userId, query }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, readUserNotFound);
      if (!user.ok) return user;
      const links = await findLinks(call.db, userId);
      const { offset, limit } = pageOf(query);
      const result = links
        .slice(offset, offset + limit)
        .map(({ idpId, idpUserId, idpUserName }) => ({ idpId, userId: idpUserId, userName: idpUserName }));
      return ok(emit({ details: presentListDetails(links.length, call.now), result }));
    },
  });

const remove = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RemoveIDPLink`,
    routes: [`DELETE /${version}/users/{userId}/links/{idpId}/{linkedUserId}`],
    input: () => message({ userId: text(1, 200), idpId: text(1, 200), linkedUserId: text(1, 200) }),
    handle: async ({ userId, idpId, linkedUserId }, call) => {
      const user = await reachFactors(call, userId, 'user.write', linkNotFound);
      if (!user.ok) return user;
      const removed = await removeLink(call.db, userId, { idpId, idpUserId: linkedUserId }, call.now);
      return removed ? ok({ details: presentDetails(removed) }) : fail(linkNotFound);
    },
  });

/** zitadel.user.v2 and v2beta UserService: AddIDPLink, ListIDPLinks, RemoveIDPLink. */
export const userLinkOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [
  add(version),
  list(version),
  remove(version),
]);
