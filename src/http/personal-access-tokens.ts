import * as z from 'zod';
import { NOWHERE, outranks } from '../core/permission.ts';
import { noPermission, type Problem, unavailable } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { digest } from '../crypto/digest.ts';
import { newDecimalId, newPersonalAccessToken } from '../crypto/tokens.ts';
import { findMembership } from '../directory/members.ts';
import type { Found } from '../directory/page.ts';
import { deleteToken, insertToken, type PersonalAccessToken, searchTokens, type TokenSearch } from '../directory/personal-access-tokens.ts';
import { instant, int64 } from './answers.ts';
import { scopeOfCaller } from './caller.ts';
import { unbuilt } from './decode.ts';
import { FILTERS_MOST, listQuery, pageOf } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit, type JsonObject, message, text, timestamp, toInt64, toTimestamp } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import { userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-Dggw2', message: 'User could not be found' };
const notAMachine: Problem = { kind: 'failed-precondition', id: 'COMMAND-Df2f1', message: 'Only machine users have personal access tokens' };
const alreadyExpired: Problem = { kind: 'invalid-argument', id: 'DOMAIN-dv3t5', message: 'Expiration date is in the past' };
const tokenNotFound: Problem = { kind: 'not-found', id: 'COMMAND-4m77G', message: 'Personal access token could not be found' };

const expirationDate = timestamp.optional().transform((date, context) => {
  if (date !== undefined) return date;
  context.addIssue({ code: 'custom', message: 'value is required' });
  return z.NEVER;
});

const TRIES = 3;

const add = operation({
  rpc: 'zitadel.user.v2.UserService/AddPersonalAccessToken',
  routes: ['POST /v2/users/{userId}/pats'],
  input: () => message({ userId: text(1, 200), expirationDate }),
  handle: async ({ userId, expirationDate: expires }, call) => {
    const { caller, db, now } = call;
    if (expires <= now) return fail(alreadyExpired);
    const user = await reachUser(call, userId, { permission: 'user.write' }, userNotFound);
    if (!user.ok) return user;
    if (user.value.kind !== 'machine') return fail(notAMachine);
    // A token acts with its machine's roles: whoever makes one must hold them all already.
    if (!outranks(caller.membership, await findMembership(db, userId))) return fail(noPermission);
    const token = newPersonalAccessToken();
    const tokenDigest = await digest(token);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const id = newDecimalId(now);
      const inserted = await insertToken(db, { id, userId, digest: tokenDigest, expirationDate: expires }, now);
      if (inserted) return ok({ creationDate: toTimestamp(now), tokenId: id, token });
    }
    return fail(unavailable('No free id was found'));
  },
});

const remove = operation({
  rpc: 'zitadel.user.v2.UserService/RemovePersonalAccessToken',
  routes: ['DELETE /v2/users/{userId}/pats/{tokenId}'],
  input: () => message({ userId: text(1, 200), tokenId: text(1, 200) }),
  handle: async ({ userId, tokenId }, call) => {
    const user = await reachUser(call, userId, { permission: 'user.write' }, tokenNotFound);
    if (!user.ok) return user;
    const removed = await deleteToken(call.db, userId, tokenId);
    return removed ? ok({ deletionDate: toTimestamp(call.now) }) : fail(tokenNotFound);
  },
});

const filter = () =>
  message(
    {
      userIdFilter: message({ id: text(1, 200) }).optional(),
      organizationIdFilter: message({ id: text(1, 200) }).optional(),
      orFilter: unbuilt('filters.orFilter'),
      andFilter: unbuilt('filters.andFilter'),
      notFilter: unbuilt('filters.notFilter'),
      tokenIdFilter: unbuilt('filters.tokenIdFilter'),
      createdDateFilter: unbuilt('filters.createdDateFilter'),
      expirationDateFilter: unbuilt('filters.expirationDateFilter'),
    },
    [['userIdFilter', 'organizationIdFilter', 'orFilter', 'andFilter', 'notFilter', 'tokenIdFilter', 'createdDateFilter', 'expirationDateFilter']],
  ).refine((given) => Object.keys(given).length > 0, 'one filter is required');

/** Shows the tokens of users whom the caller may read, and the caller's own. */
const search = operation({
  rpc: 'zitadel.user.v2.UserService/ListPersonalAccessTokens',
  routes: ['POST /v2/users/pats/search'],
  input: () =>
    message({
      pagination: listQuery.optional(),
      filters: z.array(filter()).max(FILTERS_MOST).optional(),
      sortingColumn: unbuilt('sortingColumn'),
    }),
  handle: async ({ pagination, filters = [] }, call) => {
    const wanted: TokenSearch = {
      scope: scopeOfCaller(call.caller, 'user.read'),
      self: call.caller.userId,
      userIds: filters.flatMap(({ userIdFilter }) => (userIdFilter ? [userIdFilter.id] : [])),
      organizationIds: filters.flatMap(({ organizationIdFilter }) => (organizationIdFilter ? [organizationIdFilter.id] : [])),
    };
    const page = pageOf(pagination);
    return ok(presentTokens(await searchTokens(call.db, wanted, page), page.limit));
  },
});

/** The same for one user: a short form of ours. */
const listOfUser = operation({
  rpc: 'sallyport.user.v2.UserService/ListPersonalAccessTokensOfUser',
  routes: ['GET /v2/users/{userId}/pats'],
  input: () => userIdMessage,
  output: () =>
    z.object({
      pagination: z.object({ totalResult: int64.optional(), appliedLimit: int64 }),
      result: z
        .array(
          z.object({
            id: z.string(),
            userId: z.string(),
            organizationId: z.string(),
            creationDate: instant,
            changeDate: instant,
            expirationDate: instant,
          }),
        )
        .optional(),
    }),
  handle: async ({ userId }, call) => {
    const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
    if (!user.ok) return user;
    const page = pageOf(undefined);
    const wanted: TokenSearch = { scope: NOWHERE, self: userId, userIds: [], organizationIds: [] };
    return ok(presentTokens(await searchTokens(call.db, wanted, page), page.limit));
  },
});

const presentTokens = ({ total, rows }: Found<PersonalAccessToken>, limit: number): JsonObject =>
  emit({
    pagination: emit({ totalResult: toInt64(total), appliedLimit: String(limit) }),
    result: rows.map(presentToken),
  });

const presentToken = ({ id, userId, organizationId, creationDate, expirationDate: expires }: PersonalAccessToken): JsonObject => ({
  id,
  userId,
  organizationId,
  creationDate: toTimestamp(creationDate),
  changeDate: toTimestamp(creationDate),
  expirationDate: toTimestamp(expires),
});

/** zitadel.user.v2.UserService: the personal access tokens of machine users. */
export const personalAccessTokenOperations: readonly Operation[] = [add, search, listOfUser, remove];
