import * as z from 'zod';
import { covers, isRole, outranks, type Role } from '../core/permission.ts';
import { noPermission } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { addMember, changeMember, INSTANCE_SCOPE, type ListedMember, type Member, removeMember, searchMembers } from '../directory/members.ts';
import { findUser } from '../directory/users.ts';
import { changed, details, instant, int64 } from './answers.ts';
import { scopeOfCaller } from './caller.ts';
import { unbuilt } from './decode.ts';
import { FILTERS_MOST, listQuery, pageOf } from './list-query.ts';
import { INSTANCE, type MemberLevel, ORGANIZATION } from './member-level.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, type JsonObject, message, text, toInt64, toTimestamp } from './protojson.ts';

const ROLES_MOST = 50;
const rolesMessage = message({ userId: text(1, 200), roles: z.array(text(0, 200)).max(ROLES_MOST).optional() });

/** Where the roles of a request hold and what they are, if the caller may hand out every one of them: nobody gives more than they hold. */
async function grantOf(
  at: MemberLevel,
  call: Call,
  roles: readonly string[] = [],
): Promise<Result<{ readonly scope: string; readonly roles: Role[] }>> {
  const known = [...new Set(roles)].filter((role) => isRole(role, at.level)) as Role[];
  if (known.length === 0 || roles.some((role) => !isRole(role, at.level))) return fail(at.rolesInvalid);
  const scope = await at.scope(call, 'write');
  if (!scope.ok) return scope;
  if (!outranks(call.caller.membership, at.membership(scope.value, known))) return fail(noPermission);
  return ok({ scope: scope.value, roles: known });
}

const add = (at: MemberLevel): Operation =>
  operation({
    rpc: `${at.service}/Add${at.rpc}`,
    routes: [`POST ${at.path}`],
    input: () => rolesMessage,
    output: () => changed,
    handle: async ({ userId, roles }, call) => {
      const grant = await grantOf(at, call, roles);
      if (!grant.ok) return grant;
      const user = await findUser(call.db, { userId });
      // A user whom the caller may not read is answered as one who does not exist.
      if (user === undefined || !covers(scopeOfCaller(call.caller, 'user.read'), user.organizationId)) return fail(at.userNotFound);
      const member = await addMember(call.db, grant.value.scope, userId, grant.value.roles, call.now);
      return member ? ok({ details: presentDetails(member, grant.value.scope, call) }) : fail(at.alreadyMember);
    },
  });

const update = (at: MemberLevel): Operation =>
  operation({
    rpc: `${at.service}/Update${at.rpc}`,
    routes: [`PUT ${at.path}/{userId}`],
    input: () => rolesMessage,
    output: () => changed,
    handle: async ({ userId, roles }, call) => {
      const grant = await grantOf(at, call, roles);
      if (!grant.ok) return grant;
      const member = await changeMember(call.db, grant.value.scope, userId, grant.value.roles, call.now);
      return member ? ok({ details: presentDetails(member, grant.value.scope, call) }) : fail(at.memberNotFound);
    },
  });

const remove = (at: MemberLevel): Operation =>
  operation({
    rpc: `${at.service}/Remove${at.rpc}`,
    routes: [`DELETE ${at.path}/{userId}`],
    input: () => message({ userId: text(1, 200) }),
    output: () => changed,
    handle: async ({ userId }, call) => {
      const scope = await at.scope(call, 'write');
      if (!scope.ok) return scope;
      const member = await removeMember(call.db, scope.value, userId);
      if (member === undefined) return fail(at.memberNotFound);
      return ok({ details: presentDetails({ ...member, sequence: member.sequence + 1, changeDate: call.now }, scope.value, call) });
    },
  });

const QUERIES = ['userIdQuery', 'firstNameQuery', 'lastNameQuery', 'emailQuery'] as const;
const query = () =>
  message(
    {
      userIdQuery: message({ userId: text(1, 200) }).optional(),
      firstNameQuery: unbuilt('queries.firstNameQuery'),
      lastNameQuery: unbuilt('queries.lastNameQuery'),
      emailQuery: unbuilt('queries.emailQuery'),
    },
    [QUERIES],
  ).refine((given) => Object.keys(given).length > 0, 'one query is required');

const memberAnswer = () =>
  z.object({
    userId: z.string(),
    details,
    roles: z.array(z.string()),
    preferredLoginName: z.string(),
    ...Object.fromEntries(['email', 'firstName', 'lastName', 'displayName'].map((name) => [name, z.string().optional()])),
    userType: z.enum(['TYPE_HUMAN', 'TYPE_MACHINE']),
  });

const search = (at: MemberLevel): Operation =>
  operation({
    rpc: `${at.service}/List${at.rpc}s`,
    routes: [`POST ${at.path}/_search`],
    input: () =>
      message({ query: listQuery.optional(), queries: z.array(query()).max(FILTERS_MOST).optional(), sortingColumn: unbuilt('sortingColumn') }),
    output: () =>
      z.object({
        details: z.object({ totalResult: int64.optional(), viewTimestamp: instant }),
        result: z.array(memberAnswer()).optional(),
      }),
    handle: async (input, call) => {
      const scope = await at.scope(call, 'read');
      if (!scope.ok) return scope;
      const userIds = (input.queries ?? []).flatMap(({ userIdQuery }) => (userIdQuery ? [userIdQuery.userId] : []));
      const { total, rows } = await searchMembers(call.db, scope.value, userIds, pageOf(input.query));
      const details = emit({ totalResult: toInt64(total), viewTimestamp: toTimestamp(call.now) });
      return ok(emit({ details, result: rows.map((member) => presentMember(member, scope.value, call)) }));
    },
  });

const presentDetails = ({ sequence, creationDate, changeDate }: Member, scope: string, { config }: Call): JsonObject => ({
  sequence: String(sequence),
  creationDate: toTimestamp(creationDate),
  changeDate: toTimestamp(changeDate),
  resourceOwner: scope === INSTANCE_SCOPE ? config.instanceId : scope,
});

const presentMember = (member: ListedMember, scope: string, call: Call): JsonObject =>
  emit({
    userId: member.userId,
    details: presentDetails(member, scope, call),
    roles: member.roles,
    preferredLoginName: member.username,
    email: member.email,
    firstName: member.givenName,
    lastName: member.familyName,
    displayName: member.displayName,
    userType: member.kind === 'human' ? 'TYPE_HUMAN' : 'TYPE_MACHINE',
  });

/** zitadel.admin.v1 and zitadel.management.v1: who holds which roles, on the instance and in an organisation. */
export const memberOperations: readonly Operation[] = [INSTANCE, ORGANIZATION].flatMap((at) => [add(at), search(at), update(at), remove(at)]);
