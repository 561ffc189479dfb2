import type { Scope } from '../core/permission.ts';
import { type Found, findPage, type Page } from './page.ts';

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

/** How a name is compared with the text asked for, in Zitadel's order. SQLite knows no letter case beyond ASCII. */
const NAME_TESTS = {
  TEXT_QUERY_METHOD_EQUALS: 'name = ?',
  TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE: 'lower(name) = lower(?)',
  TEXT_QUERY_METHOD_STARTS_WITH: 'instr(name, ?) = 1',
  TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE: 'instr(lower(name), lower(?)) = 1',
  TEXT_QUERY_METHOD_CONTAINS: 'instr(name, ?) > 0',
  TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE: 'instr(lower(name), lower(?)) > 0',
  TEXT_QUERY_METHOD_ENDS_WITH: 'substr(name, -length(?)) = ?',
  TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE: 'lower(substr(name, -length(?))) = lower(?)',
} as const;

export type NameMethod = keyof typeof NAME_TESTS;
export const NAME_METHODS = Object.keys(NAME_TESTS) as NameMethod[];

/** One condition of a search. */
export type OrganizationFilter = { readonly id: string } | { readonly name: string; readonly method: NameMethod };

export type OrganizationOrder = 'creation_date, id' | 'name, id' | 'name DESC, id DESC';

/** The organisations within a scope that meet every filter. */
export async function searchOrganizations(
  db: D1Database,
  scope: Scope,
  filters: readonly OrganizationFilter[],
  order: OrganizationOrder,
  page: Page,
): Promise<Found<Organization>> {
  const conditions = [
    ...(scope.everywhere ? [] : [{ test: 'id IN (SELECT value FROM json_each(?))', values: [JSON.stringify(scope.organizations)] }]),
    ...filters.map(conditionOf),
  ];
  const matching = `FROM organization WHERE ${conditions.map(({ test }) => test).join(' AND ') || 'TRUE'}`;
  const values = conditions.flatMap((condition) => condition.values);
  const { total, rows } = await findPage<OrganizationRow>(db, { columns: '*', matching, values, order }, page);
  return { total, rows: rows.map(fromRow) };
}

function conditionOf(filter: OrganizationFilter): { readonly test: string; readonly values: readonly string[] } {
  if ('id' in filter) return { test: 'id = ?', values: [filter.id] };
  const test = NAME_TESTS[filter.method];
  return { test, values: [...test].filter((character) => character === '?').map(() => filter.name) };
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
