import { ok } from '../core/result.ts';
import { searchUsers, type UserOrder } from '../directory/user-search.ts';
import { scopeOfCaller } from './caller.ts';
import { listQuery, pageOf, presentListDetails } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit, enumeration, message } from './protojson.ts';
import type { Version } from './session-messages.ts';
import { presentUser } from './user-messages.ts';
import { userQueries } from './user-query.ts';

/** Zitadel's UserFieldName, in its order. */
const ORDERS = {
  USER_FIELD_NAME_UNSPECIFIED: 'id',
  USER_FIELD_NAME_USER_NAME: 'userName',
  USER_FIELD_NAME_FIRST_NAME: 'firstName',
  USER_FIELD_NAME_LAST_NAME: 'lastName',
  USER_FIELD_NAME_NICK_NAME: 'nickName',
  USER_FIELD_NAME_DISPLAY_NAME: 'displayName',
  USER_FIELD_NAME_EMAIL: 'email',
  USER_FIELD_NAME_STATE: 'state',
  USER_FIELD_NAME_TYPE: 'type',
  USER_FIELD_NAME_CREATION_DATE: 'creationDate',
} as const satisfies Record<string, UserOrder>;

type SortingColumn = keyof typeof ORDERS;
const UNSORTED: SortingColumn = 'USER_FIELD_NAME_UNSPECIFIED';

/** Shows the users whom the caller may read, and the caller: without any role nobody else. Descending unless asked otherwise, as Zitadel has it. */
const list = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/ListUsers`,
    routes: [`POST /${version}/users`],
    input: () =>
      message({
        query: listQuery.optional(),
        sortingColumn: enumeration(Object.keys(ORDERS) as SortingColumn[]).optional(),
        queries: userQueries().optional(),
      }),
    handle: async ({ query, sortingColumn = UNSORTED, queries = [] }, { caller, db, now }) => {
      const search = {
        scope: scopeOfCaller(caller, 'user.read'),
        self: caller.userId,
        filters: queries,
        order: ORDERS[sortingColumn],
        ascending: query?.asc === true,
      };
      const { total, rows } = await searchUsers(db, search, pageOf(query));
      return ok(
        emit({
          details: presentListDetails(total, now),
          sortingColumn: sortingColumn === UNSORTED ? undefined : sortingColumn,
          result: rows.map(presentUser),
        }),
      );
    },
  });

/** zitadel.user.v2 and v2beta UserService: ListUsers. */
export const listUsersOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(list);
