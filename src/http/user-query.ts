import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { TEXT_METHODS } from '../directory/text-method.ts';
import { filterSize, type PersonalField, type UserFilter } from '../directory/user-filter.ts';
import { refuseBy } from './decode.ts';
import { described } from './described.ts';
import { FILTERS_MOST } from './list-query.ts';
import { enumeration, message, text } from './protojson.ts';

const NESTING_MOST = 20;
const LISTED_MOST = 1000;

const nestedTooDeep: Problem = { kind: 'invalid-argument', id: 'USER-zsQ97', message: 'Too many nesting levels of queries' };
const queryMissing: Problem = { kind: 'invalid-argument', id: 'GRPC-vR9nC', message: 'List query is invalid' };

const STATES = [
  'USER_STATE_UNSPECIFIED',
  'USER_STATE_ACTIVE',
  'USER_STATE_INACTIVE',
  'USER_STATE_DELETED',
  'USER_STATE_LOCKED',
  'USER_STATE_INITIAL',
] as const;
const TYPES = ['TYPE_UNSPECIFIED', 'TYPE_HUMAN', 'TYPE_MACHINE'] as const;

/** A list that is counted before any of it is looked at. */
const listOf = <Item extends z.ZodType>(least: number, most: number, item: Item) =>
  z.array(z.unknown()).min(least).max(most).register(described, { list: item }).pipe(z.array(item));

const method = enumeration(TEXT_METHODS)
  .optional()
  .transform((given) => given ?? 'TEXT_QUERY_METHOD_EQUALS');

type Compared = z.infer<typeof method>;
const personal = (field: PersonalField, sought: string, how: Compared): UserFilter => ({ field, text: sought, method: how });
const loginName = (sought: string, how: Compared): UserFilter => ({ loginName: sought, method: how });

/** The queries that hold no other. The login name is the user name here, so both ask for the same. */
const simple = () => ({
  userNameQuery: message({ userName: text(1, 200), method }).transform((query) => loginName(query.userName, query.method)),
  loginNameQuery: message({ loginName: text(1, 200), method }).transform((query) => loginName(query.loginName, query.method)),
  firstNameQuery: message({ firstName: text(1, 200), method }).transform((query) => personal('givenName', query.firstName, query.method)),
  lastNameQuery: message({ lastName: text(1, 200), method }).transform((query) => personal('familyName', query.lastName, query.method)),
  nickNameQuery: message({ nickName: text(1, 200), method }).transform((query) => personal('nickName', query.nickName, query.method)),
  displayNameQuery: message({ displayName: text(1, 200), method }).transform((query) => personal('displayName', query.displayName, query.method)),
  emailQuery: message({ emailAddress: text(0, 200), method }).transform((query) => personal('email', query.emailAddress, query.method)),
  phoneQuery: message({ number: text(0, 20), method }).transform((query) => personal('phone', query.number, query.method)),
  inUserIdsQuery: message({ userIds: listOf(1, LISTED_MOST, text(0, 200)) }),
  inUserEmailsQuery: message({ userEmails: listOf(1, LISTED_MOST, text(0, 200)) }).transform(({ userEmails }) => ({ emails: userEmails })),
  organizationIdQuery: message({ organizationId: text(1, 200) }),
  stateQuery: message({ state: enumeration(STATES).optional() }).transform(({ state = 'USER_STATE_UNSPECIFIED' }) => ({
    state: state.replace('USER_STATE_', '').toLowerCase(),
  })),
  typeQuery: message({ type: enumeration(TYPES).optional() }).transform(({ type = 'TYPE_UNSPECIFIED' }) => ({
    kind: type.replace('TYPE_', '').toLowerCase(),
  })),
});

/** A query at a level of nesting: exactly one of its members is given. */
function queryAt(level: number): z.ZodType<UserFilter> {
  const nested = queryInside(level);
  const queries = listOf(1, FILTERS_MOST, nested);
  const members = {
    ...simple(),
    orQuery: message({ queries }).transform((query) => ({ any: query.queries })),
    andQuery: message({ queries }).transform((query) => ({ all: query.queries })),
    notQuery: message({ query: nested.optional() }).transform(({ query }, context) => ({ not: query ?? refuseBy(context, queryMissing) })),
  };
  const names = Object.keys(members) as (keyof typeof members)[];
  const optional = Object.fromEntries(names.map((name) => [name, members[name].optional()])) as Record<string, z.ZodType<UserFilter | undefined>>;
  return message(optional, [names]).transform((given, context) => Object.values(given).find(Boolean) ?? refuseBy(context, queryMissing));
}

/**
 * A query inside one of that level. Its schema is made when a request goes as deep for the first time, and what lies too deep is refused
 * unread. Not by z.lazy: at every parse zod looks for cycles through lazy schemas, and of three on each level it tries every combination.
 */
function queryInside(level: number): z.ZodType<UserFilter> {
  let schema: z.ZodType<UserFilter> | undefined;
  const within = z.unknown().register(described, { type: 'object', description: 'A query, as those that it stands among' });
  return within.transform((raw, context): UserFilter => {
    if (level === NESTING_MOST) return refuseBy(context, nestedTooDeep);
    schema ??= queryAt(level + 1);
    const parsed = schema.safeParse(raw);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) context.addIssue({ ...issue, path: [...issue.path] });
    return z.NEVER;
  });
}

/** The queries of a search for users, all of which are to be met; those inside others count as well. */
export const userQueries = () =>
  listOf(0, FILTERS_MOST, queryAt(0)).refine(
    (filters) => filters.reduce((size, filter) => size + filterSize(filter), 0) <= FILTERS_MOST,
    `must hold at most ${FILTERS_MOST} queries in all`,
  );
