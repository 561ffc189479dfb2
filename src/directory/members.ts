import { isRole, type Membership, type Role } from '../core/permission.ts';
import { type Found, findPage, type Page } from './page.ts';

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

/** Selects the roles of a user (?1), everywhere. */
export const ROLES_OF = 'SELECT scope, roles FROM member WHERE user_id = ?1';

/** The roles of a user, everywhere. */
export async function findMembership(db: D1Database, userId: string): Promise<Membership> {
  const { results } = await db.prepare(ROLES_OF).bind(userId).all<{ scope: string; roles: string }>();
  return membershipOf(results);
}

/** A user's roles in one scope. Times are milliseconds since 1970. */
export interface Member {
  readonly userId: string;
  readonly roles: readonly string[];
  readonly sequence: number;
  readonly creationDate: number;
  readonly changeDate: number;
}

/** A member as a search shows it, with its user. */
export interface ListedMember extends Member {
  readonly kind: 'human' | 'machine';
  readonly username: string;
  readonly displayName: string;
  readonly givenName: string;
  readonly familyName: string;
  readonly email: string;
}

const ADD = `
  INSERT INTO member (scope, user_id, roles, creation_date, change_date)
  SELECT ?1, id, ?3, ?4, ?4 FROM user WHERE id = ?2 AND state <> 'deleted'
  ON CONFLICT DO NOTHING RETURNING *`;

/** Makes a user a member; undefined when it is one already (or the user is gone). */
export async function addMember(db: D1Database, scope: string, userId: string, roles: readonly Role[], now: number): Promise<Member | undefined> {
  const row = await db.prepare(ADD).bind(scope, userId, JSON.stringify(roles), now).first<MemberRow>();
  return row === null ? undefined : fromRow(row);
}

const CHANGE = `
  UPDATE member SET roles = ?3, sequence = sequence + (roles <> ?3), change_date = iif(roles <> ?3, ?4, change_date)
  WHERE scope = ?1 AND user_id = ?2 RETURNING *`;

/** Gives a member these roles in place of the ones it has; the same again change nothing. Undefined when there is no such member. */
export async function changeMember(db: D1Database, scope: string, userId: string, roles: readonly Role[], now: number): Promise<Member | undefined> {
  const row = await db.prepare(CHANGE).bind(scope, userId, JSON.stringify(roles), now).first<MemberRow>();
  return row === null ? undefined : fromRow(row);
}

/** Ends a membership and hands back what it was; undefined when there was none. */
export async function removeMember(db: D1Database, scope: string, userId: string): Promise<Member | undefined> {
  const row = await db.prepare('DELETE FROM member WHERE scope = ?1 AND user_id = ?2 RETURNING *').bind(scope, userId).first<MemberRow>();
  return row === null ? undefined : fromRow(row);
}

const LISTED = 'm.*, u.kind, u.username, u.display_name, u.given_name, u.family_name, u.email';

/** The members of a scope, oldest first. Each of `userIds` has to be the member's: of two different ones no member is left over. */
export async function searchMembers(db: D1Database, scope: string, userIds: readonly string[], page: Page): Promise<Found<ListedMember>> {
  const conditions = ['m.scope = ?', ...userIds.map(() => 'm.user_id = ?')];
  const matching = `FROM member m JOIN user u ON u.id = m.user_id WHERE ${conditions.join(' AND ')}`;
  const search = { columns: LISTED, matching, values: [scope, ...userIds], order: 'm.creation_date, m.user_id' };
  const { total, rows } = await findPage<ListedRow>(db, search, page);
  return { total, rows: rows.map(fromListedRow) };
}

interface MemberRow {
  user_id: string;
  roles: string;
  sequence: number;
  creation_date: number;
  change_date: number;
}

interface ListedRow extends MemberRow {
  kind: 'human' | 'machine';
  username: string | null;
  display_name: string;
  given_name: string;
  family_name: string;
  email: string;
}

const fromRow = ({ user_id, roles, sequence, creation_date, change_date }: MemberRow): Member => ({
  userId: user_id,
  roles: JSON.parse(roles),
  sequence,
  creationDate: creation_date,
  changeDate: change_date,
});

const fromListedRow = (row: ListedRow): ListedMember => ({
  ...fromRow(row),
  kind: row.kind,
  username: row.username ?? '',
  displayName: row.display_name,
  givenName: row.given_name,
  familyName: row.family_name,
  email: row.email,
});
