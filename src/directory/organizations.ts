import type { Scope } from '../core/permission.ts';
import { all, oneOf } from './condition.ts';
import { type Found, findPage, type Page } from './page.ts';
import { type TextMethod, textCondition } from './text-method.ts';

/** An organisation as the directory records it. Times are milliseconds since 1970. */
export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly state: 'active' | 'inactive';
  readonly creationDate: number;
  readonly changeDate: number;
}

/** Enters an organisation; nothing is written when its id or name is taken already. */
export async function insertOrganization(db: D1Database, id: string, name: string, now: number): Promise<'created' | 'id-taken' | 'name-taken'> {
  const inserted = await db
    .prepare('INSERT INTO organization (id, name, creation_date, change_date) VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING RETURNING id')
    .bind(id, name, now)
    .first();
  if (inserted !== null) return 'created';
  return (await organizationExists(db, id)) ? 'id-taken' : 'name-taken';
}

export async function organizationExists(db: D1Database, id: string): Promise<boolean> {
  return (await db.prepare('SELECT 1 FROM organization WHERE id = ?1').bind(id).first()) !== null;
}

/** The organisation that was there first, if there is one at all. */
export async function oldestOrganization(db: D1Database): Promise<string | undefined> {
  const row = await db.prepare('SELECT id FROM organization ORDER BY creation_date, id LIMIT 1').first<{ id: string }>();
  return row?.id;
}

/** One condition of a search. */
export type OrganizationFilter = { readonly id: string } | { readonly name: string; readonly method: TextMethod };

export type OrganizationOrder = 'creation_date, id' | 'name, id' | 'name DESC, id DESC';

/** The organisations within a scope that meet every filter. */
export async function searchOrganizations(
  db: D1Database,
  scope: Scope,
  filters: readonly OrganizationFilter[],
  order: OrganizationOrder,
  page: Page,
): Promise<Found<Organization>> {
  const { test, values } = all(
    [
      scope.everywhere ? [] : [oneOf('id', scope.organizations)],
      filters.map((filter) => ('id' in filter ? { test: 'id = ?', values: [filter.id] } : textCondition('name', filter.method, filter.name))),
    ].flat(),
  );
  const { total, rows } = await findPage<OrganizationRow>(db, { columns: '*', matching: `FROM organization WHERE ${test}`, values, order }, page);
  return { total, rows: rows.map(fromRow) };
}

interface OrganizationRow {
  id: string;
  name: string;
  state: 'active' | 'inactive';
  creation_date: number;
  change_date: number;
}

const fromRow = ({ id, name, state, creation_date, change_date }: OrganizationRow): Organization => ({
  id,
  name,
  state,
  creationDate: creation_date,
  changeDate: change_date,
});
