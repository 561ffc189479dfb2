import { all, any, type Condition, not, oneOf } from './condition.ts';
import { type TextMethod, textCondition } from './text-method.ts';
import { foldLoginName, foldText } from './users.ts';

/** What a search asks of a user. Letter case and Unicode form never count in a login name; the other texts belong to people only. */
export type UserFilter =
  | { readonly all: readonly UserFilter[] }
  | { readonly any: readonly UserFilter[] }
  | { readonly not: UserFilter }
  | { readonly loginName: string; readonly method: TextMethod }
  | { readonly field: PersonalField; readonly text: string; readonly method: TextMethod }
  | { readonly userIds: readonly string[] }
  | { readonly emails: readonly string[] }
  | { readonly organizationId: string }
  | { readonly state: string }
  | { readonly kind: string };

const COLUMNS = {
  givenName: 'given_name',
  familyName: 'family_name',
  nickName: 'nick_name',
  displayName: 'display_name',
  email: 'email',
  phone: 'phone',
} as const;

/** A text that people have and machines have not. */
export type PersonalField = keyof typeof COLUMNS;

/** The filter as SQL over the columns of `user`. */
export function userCondition(filter: UserFilter): Condition {
  if ('all' in filter) return all(filter.all.map(userCondition));
  if ('any' in filter) return any(filter.any.map(userCondition));
  if ('not' in filter) return not(userCondition(filter.not));
  if ('loginName' in filter) return loginNameCondition(filter.loginName, filter.method);
  if ('field' in filter) return all([PERSON, textCondition(COLUMNS[filter.field], filter.method, filter.text)]);
  if ('userIds' in filter) return oneOf('id', filter.userIds);
  if ('emails' in filter) return all([PERSON, oneOf('email', filter.emails)]);
  if ('organizationId' in filter) return { test: 'organization_id = ?', values: [filter.organizationId] };
  if ('state' in filter) return { test: 'state = ?', values: [filter.state] };
  return { test: 'kind = ?', values: [filter.kind] };
}

const PERSON: Condition = { test: "kind = 'human'", values: [] };

/** Both sides are folded, so that a method which ignores case has nothing left to ignore, and one that does not can still use the index. */
function loginNameCondition(loginName: string, method: TextMethod): Condition {
  const whole = method.startsWith('TEXT_QUERY_METHOD_EQUALS');
  return textCondition('login_name_key', method.replace('_IGNORE_CASE', '') as TextMethod, whole ? foldLoginName(loginName) : foldText(loginName));
}

/** How many filters this one is made of, itself included. */
export function filterSize(filter: UserFilter): number {
  if ('not' in filter) return 1 + filterSize(filter.not);
  const parts = 'all' in filter ? filter.all : 'any' in filter ? filter.any : [];
  return parts.reduce((size, part) => size + filterSize(part), 1);
}
