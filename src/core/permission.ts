/** What a caller may do, in Zitadel's names. */
export const PERMISSIONS = [
  'session.read',
  'session.write',
  'session.link',
  'session.delete',
  'user.read',
  'user.write',
  'user.delete',
  'user.credential.write',
  'user.passkey.write',
  'policy.read',
  'iam.policy.read',
  'iam.idp.read',
  'iam.idp.write',
  'iam.member.read',
  'iam.member.write',
  'org.read',
  'org.create',
  'org.idp.read',
  'org.member.read',
  'org.member.write',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const LOGIN: Permission[] = ['session.read', 'session.write', 'session.link', 'session.delete'];
const USER_MANAGER: Permission[] = ['session.read', 'session.delete', 'user.read', 'user.write', 'user.delete'];
const ORG_OWNER: Permission[] = [
  ...USER_MANAGER,
  'user.credential.write',
  'user.passkey.write',
  'policy.read',
  'org.read',
  'org.idp.read',
  'org.member.read',
  'org.member.write',
];

/**
 * Zitadel's default roles, cut down to the permissions that exist here, and one of our own: SESSION_CLIENT, for a login page that needs to
 * carry sessions forward and look users up, and nothing else. One cut is deliberate: IAM_LOGIN_CLIENT cannot hand out roles.
 */
const ROLES = {
  IAM_OWNER: PERMISSIONS.filter((permission) => permission !== 'session.link'),
  IAM_OWNER_VIEWER: ['session.read', 'user.read', 'policy.read', 'iam.policy.read', 'iam.idp.read', 'iam.member.read', 'org.read', 'org.member.read'],
  IAM_ORG_MANAGER: [...ORG_OWNER, 'org.create'],
  IAM_USER_MANAGER: [...USER_MANAGER, 'user.passkey.write'],
  IAM_LOGIN_CLIENT: [
    ...LOGIN,
    'user.read',
    'user.write',
    'user.credential.write',
    'user.passkey.write',
    'policy.read',
    'iam.policy.read',
    'iam.idp.read',
    'org.read',
  ],
  ORG_OWNER,
  ORG_USER_MANAGER: [...USER_MANAGER, 'policy.read'],
  SESSION_CLIENT: [...LOGIN, 'user.read'],
} satisfies Record<string, Permission[]>;

export type Role = keyof typeof ROLES;

/** Where a role may be granted: on the whole instance, or on one organisation. */
export type RoleLevel = 'instance' | 'organization';

/** Whether `role` is a role that exists and may be granted on `level`. */
export function isRole(role: string, level: RoleLevel): role is Role {
  if (!Object.hasOwn(ROLES, role)) return false;
  return role === 'SESSION_CLIENT' || role.startsWith(level === 'instance' ? 'IAM_' : 'ORG_');
}

/** The roles of one caller. `organizations` maps an organisation's id to the roles held there. */
export interface Membership {
  readonly instance: readonly Role[];
  readonly organizations: Readonly<Record<string, readonly Role[]>>;
}

/** Where a permission holds: on the whole instance, or on the organisations listed (none at all when the list is empty). */
export interface Scope {
  readonly everywhere: boolean;
  readonly organizations: readonly string[];
}

export const EVERYWHERE: Scope = { everywhere: true, organizations: [] };
export const NOWHERE: Scope = { everywhere: false, organizations: [] };

const grants = (roles: readonly Role[], permission: Permission): boolean =>
  roles.some((role) => (ROLES[role] as readonly Permission[]).includes(permission));

/** Where `membership` gives `permission`. */
export function scopeOf(membership: Membership, permission: Permission): Scope {
  if (grants(membership.instance, permission)) return EVERYWHERE;
  const organizations = Object.entries(membership.organizations)
    .filter(([, roles]) => grants(roles, permission))
    .map(([organizationId]) => organizationId);
  return { everywhere: false, organizations };
}

/** Whether a scope reaches an organisation; without one, only the whole instance does. */
export function covers(scope: Scope, organizationId?: string): boolean {
  return scope.everywhere || (organizationId !== undefined && scope.organizations.includes(organizationId));
}

export const isNowhere = (scope: Scope): boolean => !scope.everywhere && scope.organizations.length === 0;

/**
 * Whether `caller` holds at least every permission of `target`, where `target` holds it. Who may act for somebody else (make a token for a
 * machine, set a password) must not gain by it.
 */
export function outranks(caller: Membership, target: Membership): boolean {
  return PERMISSIONS.every((permission) => {
    const mine = scopeOf(caller, permission);
    const theirs = scopeOf(target, permission);
    return mine.everywhere || (!theirs.everywhere && theirs.organizations.every((id) => mine.organizations.includes(id)));
  });
}
