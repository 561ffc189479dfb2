import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  covers,
  EVERYWHERE,
  isNowhere,
  isRole,
  type Membership,
  NOWHERE,
  outranks,
  PERMISSIONS,
  type Permission,
  type Role,
  scopeOf,
} from '../../src/core/permission.ts';
import { inOrg } from './builders.ts';

const INSTANCE_ROLES = ['IAM_OWNER', 'IAM_OWNER_VIEWER', 'IAM_ORG_MANAGER', 'IAM_USER_MANAGER', 'IAM_LOGIN_CLIENT'] as const;
const ORG_ROLES = ['ORG_OWNER', 'ORG_USER_MANAGER'] as const;
const ROLES: readonly Role[] = [...INSTANCE_ROLES, ...ORG_ROLES, 'SESSION_CLIENT'];

const onInstance = (...instance: Role[]): Membership => ({ instance, organizations: {} });
const on = (organizationId: string, ...roles: Role[]): Membership => ({ instance: [], organizations: { [organizationId]: roles } });
const NOBODY = onInstance();
const holds = (role: Role, permission: Permission): boolean => scopeOf(onInstance(role), permission).everywhere;
const permissionsOf = (role: Role): Permission[] => PERMISSIONS.filter((permission) => holds(role, permission));

describe('the roles of Zitadel hold what Zitadel gives them', () => {
  const columns = ['IAM_LOGIN_CLIENT', 'IAM_OWNER', 'IAM_USER_MANAGER', 'ORG_OWNER', 'ORG_USER_MANAGER', 'IAM_OWNER_VIEWER'] as const;
  const TABLE: readonly (readonly [Permission, string])[] = [
    ['session.read', 'x x x x x x'],
    ['session.write', 'x x - - - -'],
    ['session.link', 'x - - - - -'],
    ['session.delete', 'x x x x x -'],
    ['user.read', 'x x x x x x'],
    ['user.write', 'x x x x x -'],
    ['user.delete', '- x x x x -'],
    ['user.credential.write', 'x x - x - -'],
    ['user.passkey.write', 'x x x x - -'],
    ['policy.read', 'x x - x x x'],
    ['iam.policy.read', 'x x - - - x'],
    ['iam.idp.read', 'x x - - - x'],
  ];

  it.each(TABLE)('%s: %s', (permission, cells) => {
    const marks = cells.split(' ');
    expect(columns.filter((role) => holds(role, permission))).toEqual(columns.filter((_, index) => marks[index] === 'x'));
  });

  it.each([
    ['IAM_LOGIN_CLIENT', ['org.read']],
    ['IAM_USER_MANAGER', []],
    ['ORG_OWNER', ['org.idp.read', 'org.member.read', 'org.member.write', 'org.read']],
    ['ORG_USER_MANAGER', []],
    ['IAM_OWNER_VIEWER', ['iam.member.read', 'org.member.read', 'org.read']],
  ] as const)('and beyond that table %s holds %j', (role, rest) => {
    const inTable = TABLE.map(([permission]) => permission);
    expect(
      permissionsOf(role)
        .filter((permission) => !inTable.includes(permission))
        .sort(),
    ).toEqual(rest);
  });
});

describe('a role', () => {
  it('that only looks changes nothing', () => {
    expect(permissionsOf('IAM_OWNER_VIEWER').filter((permission) => !permission.endsWith('.read'))).toEqual([]);
  });

  it('IAM_OWNER holds everything but session.link', () => {
    expect(permissionsOf('IAM_OWNER')).toEqual(PERMISSIONS.filter((permission) => permission !== 'session.link'));
  });

  it('IAM_ORG_MANAGER owns every organisation and makes new ones', () => {
    expect(permissionsOf('IAM_ORG_MANAGER').sort()).toEqual([...permissionsOf('ORG_OWNER'), 'org.create'].sort());
  });

  it('SESSION_CLIENT carries sessions forward, looks users up and does nothing else', () => {
    expect(permissionsOf('SESSION_CLIENT').sort()).toEqual(['session.delete', 'session.link', 'session.read', 'session.write', 'user.read']);
  });

  it('IAM_LOGIN_CLIENT cannot hand out roles', () => {
    expect(permissionsOf('IAM_LOGIN_CLIENT').filter((permission) => permission.includes('member'))).toEqual([]);
  });

  it('hands out roles on the instance only as IAM_OWNER', () => {
    expect(ROLES.filter((role) => holds(role, 'iam.member.write'))).toEqual(['IAM_OWNER']);
  });
});

describe('a role may be granted', () => {
  it('on its own level only: IAM_ on the instance, ORG_ on an organisation, SESSION_CLIENT on both', () => {
    expect(ROLES.filter((role) => isRole(role, 'instance'))).toEqual([...INSTANCE_ROLES, 'SESSION_CLIENT']);
    expect(ROLES.filter((role) => isRole(role, 'organization'))).toEqual([...ORG_ROLES, 'SESSION_CLIENT']);
  });

  it.each([
    '',
    'IAM_',
    'ORG_',
    'IAM_owner',
    'iam_owner',
    'IAM_OWNER ',
    'IAM_NOBODY',
    'ORG_NOBODY',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
  ])('only when it exists: not %j', (role) => {
    expect(isRole(role, 'instance')).toBe(false);
    expect(isRole(role, 'organization')).toBe(false);
  });
});

describe('a permission', () => {
  it('holds everywhere for a role on the instance', () => {
    expect(scopeOf(onInstance('IAM_OWNER'), 'user.write')).toEqual(EVERYWHERE);
    expect(scopeOf({ ...on('o1', 'ORG_OWNER'), instance: ['IAM_OWNER'] }, 'user.write')).toEqual(EVERYWHERE);
  });

  it('holds in the organisations where a role gives it, and not in the others', () => {
    const membership: Membership = {
      instance: ['IAM_OWNER_VIEWER'],
      organizations: { o1: ['ORG_OWNER'], o2: ['ORG_USER_MANAGER'], o3: ['ORG_USER_MANAGER', 'ORG_OWNER'], o4: [] },
    };
    expect(scopeOf(membership, 'org.member.write')).toEqual(inOrg('o1', 'o3'));
    expect(scopeOf(membership, 'user.read')).toEqual(EVERYWHERE);
    expect(scopeOf(membership, 'session.write')).toEqual(NOWHERE);
  });

  it('holds nowhere without a role', () => {
    for (const permission of PERMISSIONS) expect(scopeOf(NOBODY, permission)).toEqual(NOWHERE);
  });

  it('adds up over several roles', () => {
    expect(scopeOf(onInstance('IAM_OWNER_VIEWER', 'SESSION_CLIENT'), 'session.write')).toEqual(EVERYWHERE);
  });
});

describe('a scope', () => {
  it('of everything reaches everything', () => {
    expect([covers(EVERYWHERE), covers(EVERYWHERE, 'o1')]).toEqual([true, true]);
  });

  it('of organisations reaches those, and nothing that has none', () => {
    expect([covers(inOrg('o1'), 'o1'), covers(inOrg('o1'), 'o2'), covers(inOrg('o1'))]).toEqual([true, false, false]);
  });

  it('of nothing reaches nothing', () => {
    expect([covers(NOWHERE), covers(NOWHERE, 'o1'), covers(NOWHERE, '')]).toEqual([false, false, false]);
  });

  it('is nowhere only when it reaches nothing at all', () => {
    expect([NOWHERE, EVERYWHERE, inOrg('o1')].map(isNowhere)).toEqual([true, false, false]);
  });
});

describe('who acts for somebody else', () => {
  it('must hold all that they hold', () => {
    expect(outranks(onInstance('IAM_OWNER'), onInstance('IAM_USER_MANAGER'))).toBe(true);
    expect(outranks(onInstance('IAM_USER_MANAGER'), onInstance('IAM_OWNER'))).toBe(false);
  });

  it('may not gain the one permission that the mightiest role lacks', () => {
    expect(outranks(onInstance('IAM_OWNER'), onInstance('IAM_LOGIN_CLIENT'))).toBe(false);
    expect(outranks(onInstance('IAM_OWNER', 'SESSION_CLIENT'), onInstance('IAM_LOGIN_CLIENT'))).toBe(true);
  });

  it('must hold it where they hold it', () => {
    expect(outranks(on('o1', 'ORG_OWNER'), on('o1', 'ORG_USER_MANAGER'))).toBe(true);
    expect(outranks(on('o1', 'ORG_OWNER'), on('o2', 'ORG_USER_MANAGER'))).toBe(false);
    expect(outranks(onInstance('IAM_ORG_MANAGER'), on('o2', 'ORG_OWNER'))).toBe(true);
    expect(outranks(on('o1', 'ORG_OWNER'), onInstance('IAM_OWNER_VIEWER'))).toBe(false);
    expect(outranks(on('o1', 'ORG_OWNER'), { instance: [], organizations: { o1: ['ORG_OWNER'], o2: ['ORG_OWNER'] } })).toBe(false);
  });

  it('may act for anybody without roles, and somebody without roles only for those', () => {
    expect(outranks(NOBODY, NOBODY)).toBe(true);
    expect(outranks(NOBODY, onInstance('IAM_OWNER_VIEWER'))).toBe(false);
  });

  const memberships = fc.record({
    instance: fc.uniqueArray(fc.constantFrom(...INSTANCE_ROLES, 'SESSION_CLIENT' as const), { maxLength: 2 }),
    organizations: fc.dictionary(fc.constantFrom('o1', 'o2'), fc.uniqueArray(fc.constantFrom(...ORG_ROLES, 'SESSION_CLIENT' as const)), {
      maxKeys: 2,
    }),
  });

  it('can do whatever the other can, wherever, exactly when they outrank them', () => {
    fc.assert(
      fc.property(memberships, memberships, (caller, target) => {
        const places = [undefined, 'o1', 'o2', 'o3'];
        const reach = (membership: Membership) =>
          PERMISSIONS.flatMap((permission) =>
            places.filter((place) => covers(scopeOf(membership, permission), place)).map((place) => `${permission} ${place}`),
          );
        expect(outranks(caller, target)).toBe(new Set(reach(target)).isSubsetOf(new Set(reach(caller))));
      }),
      { numRuns: 500 },
    );
  });
});
