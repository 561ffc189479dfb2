import { covers, type Membership, type Role, type RoleLevel } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { INSTANCE_SCOPE } from '../directory/members.ts';
import { scopeOfCaller } from './caller.ts';
import type { Call } from './operation.ts';
import { targetOrganization } from './target-organization.ts';

/** What differs between the members of the instance and those of an organisation; ids are Zitadel's. */
export interface MemberLevel {
  readonly level: RoleLevel;
  readonly service: string;
  readonly rpc: string;
  readonly path: `/${string}`;
  /** The scope whose members a request is about, if the caller may. */
  readonly scope: (call: Call, permission: 'read' | 'write') => Promise<Result<string>>;
  readonly membership: (scope: string, roles: readonly Role[]) => Membership;
  readonly rolesInvalid: Problem;
  readonly userNotFound: Problem;
  readonly alreadyMember: Problem;
  readonly memberNotFound: Problem;
}

const rolesInvalid = (id: string): Problem => ({ kind: 'invalid-argument', id, message: 'Roles must be one or more that exist on this level' });
const userNotFound = (id: string): Problem => ({ kind: 'failed-precondition', id, message: 'User could not be found' });
const alreadyMember = (id: string): Problem => ({ kind: 'already-exists', id, message: 'Member already exists' });
const memberNotFound = (id: string): Problem => ({ kind: 'not-found', id, message: 'Member could not be found' });

export const INSTANCE: MemberLevel = {
  level: 'instance',
  service: 'zitadel.admin.v1.AdminService',
  rpc: 'IAMMember',
  path: '/admin/v1/members',
  scope: async ({ caller }, access) => (covers(scopeOfCaller(caller, `iam.member.${access}`)) ? ok(INSTANCE_SCOPE) : fail(noPermission)),
  membership: (_, roles) => ({ instance: roles, organizations: {} }),
  rolesInvalid: rolesInvalid('INSTANCE-4m0fS'),
  userNotFound: userNotFound('INSTA-GSXOn'),
  alreadyMember: alreadyMember('INSTA-pFDwe'),
  memberNotFound: memberNotFound('INSTANCE-D8JxR'),
};

export const ORGANIZATION: MemberLevel = {
  level: 'organization',
  service: 'zitadel.management.v1.ManagementService',
  rpc: 'OrgMember',
  path: '/management/v1/orgs/me/members',
  scope: (call, access) => targetOrganization(call, `org.member.${access}`),
  membership: (organizationId, roles) => ({ instance: [], organizations: { [organizationId]: roles } }),
  rolesInvalid: rolesInvalid('Org-4N8es'),
  userNotFound: userNotFound('ORG-GoXOn'),
  alreadyMember: alreadyMember('ORG-poWwe'),
  memberNotFound: memberNotFound('Org-D8JxR'),
};
