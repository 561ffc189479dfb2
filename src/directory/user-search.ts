import type { Scope } from '../core/permission.ts';
import { all, any, type Condition, oneOf } from './condition.ts';
import { type Found, findPage, type Page } from './page.ts';
import { type UserFilter, userCondition } from './user-filter.ts';
import { type User, type UserRow, userFromRow } from './users.ts';

/** What users can be sorted by; letter case does not count. */
const SORTED_BY = {
  id: 'id',
  userName: 'login_name_key',
  firstName: 'lower(given_name)',
  lastName: 'lower(family_name)',
  nickName: 'lower(nick_name)',
  displayName: 'lower(display_name)',
  email: 'lower(email)',
  state: 'state',
  type: 'kind',
  creationDate: 'creation_date',
} as const;

export type UserOrder = keyof typeof SORTED_BY;

/** Which users a search is about: those of organisations in `scope` and `self`, of them the ones that meet every filter, and in which order. */
export interface UserSearch {
  readonly scope: Scope;
  readonly self: string | undefined;
  readonly filters: readonly UserFilter[];
  readonly order: UserOrder;
  readonly ascending: boolean;
}

/** The users whom a caller may see; never a deleted one. Users of equal rank stand in the order of their ids, so that no page shows one twice. */
export async function searchUsers(db: D1Database, { scope, self, filters, order, ascending }: UserSearch, page: Page): Promise<Found<User>> {
  const { test, values } = all([{ test: "state <> 'deleted'", values: [] }, seenBy(scope, self), ...filters.map(userCondition)]);
  const direction = ascending ? 'ASC' : 'DESC';
  const search = { columns: '*', matching: `FROM user WHERE ${test}`, values, order: `${SORTED_BY[order]} ${direction}, id ${direction}` };
  const { total, rows } = await findPage<UserRow>(db, search, page);
  return { total, rows: rows.map(userFromRow) };
}

function seenBy(scope: Scope, self: string | undefined): Condition {
  if (scope.everywhere) return all([]);
  return any([oneOf('organization_id', scope.organizations), ...(self === undefined ? [] : [{ test: 'id = ?', values: [self] }])]);
}
