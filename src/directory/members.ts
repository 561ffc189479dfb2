import { isRole, type Membership, type Role } from '../core/permission.ts';

/** The scope of a role on the whole instance; any other scope is an organisation's id. */
export const INSTANCE_SCOPE = '';

/** Rows of `member` (of one user) as roles; rows of an outer join without any are allowed. A role that is no longer known counts for nothing. */
export function membershipOf(rows: readonly { readonly scope: string | null; readonly roles: string | null }[]): Membership {
  const instance: Role[] = [];
  const organizations: Record<string, Role[]> = {};
  for (const { scope, roles } of rows) {
    if (scope === null || roles === null) continue;
    const level = scope === INSTANCE_SCOPE ? 'instance' : 'organization';
    const known = (JSON.parse(roles) as string[]).filter((role) => isRole(role, level)) as Role[];
    if (level === 'instance') instance.push(...known);
    else organizations[scope] = known;
  }
  return { instance, organizations };
}
