import type { Scope } from '../core/permission.ts';
import { all, any, type Condition, oneOf } from './condition.ts';

/** How a date is compared with the one asked for, in Zitadel's order. */
const COMPARISONS = {
  TIMESTAMP_QUERY_METHOD_EQUALS: '=',
  TIMESTAMP_QUERY_METHOD_GREATER: '>',
  TIMESTAMP_QUERY_METHOD_GREATER_OR_EQUALS: '>=',
  TIMESTAMP_QUERY_METHOD_LESS: '<',
  TIMESTAMP_QUERY_METHOD_LESS_OR_EQUALS: '<=',
} as const;
export type DateMethod = keyof typeof COMPARISONS;
export const DATE_METHODS = Object.keys(COMPARISONS) as DateMethod[];

/** What a search asks of a session. Dates are milliseconds since 1970. */
export type SessionFilter =
  | { readonly ids: readonly string[] }
  | { readonly userId: string }
  | { readonly creator: string }
  | { readonly fingerprintId: string }
  | { readonly created: number; readonly method: DateMethod }
  | { readonly expires: number; readonly method: DateMethod }
  | { readonly status: 'active' | 'expired' | 'stopped' };

/** Who searches: what they created and what is theirs they see anywhere; other sessions where they may read them. */
export interface Searcher {
  readonly callerId: string;
  /** The agent of the searcher's own session: those of the same agent are seen, too. */
  readonly fingerprintId?: string | undefined;
  readonly read: Scope;
}

/** Where a page ends: the place of its last session in the order. */
export interface Cursor {
  readonly creationDate: number;
  readonly id: string;
}

/** A page of a search: after a cursor, or from an offset. */
export interface SessionPage {
  readonly ascending: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly after: Cursor | undefined;
}

/** Sessions that match, by id, and whether there are more after them. */
export interface FoundSessions {
  readonly total: number;
  readonly rows: readonly Cursor[];
  readonly more: boolean;
}

const DELETED = "(s.user_id IS NOT NULL AND (u.id IS NULL OR u.state = 'deleted'))";
const STOPPED = '(s.user_id IS NOT NULL AND s.epoch < u.epoch)';

/** What nobody is shown: ended sessions, those of deleted users, and stopped ones unless they are asked for. */
function shown(filters: readonly SessionFilter[]): Condition {
  const asked = filters.some((filter) => 'status' in filter && filter.status === 'stopped');
  return { test: `s.ended = 0 AND NOT ${DELETED}${asked ? '' : ` AND NOT ${STOPPED}`}`, values: [] };
}

function conditionOf(filter: SessionFilter, now: number): Condition {
  if ('ids' in filter) return oneOf('s.id', filter.ids);
  if ('userId' in filter) return { test: 's.user_id = ?', values: [filter.userId] };
  if ('creator' in filter) return { test: 's.creator = ?', values: [filter.creator] };
  if ('fingerprintId' in filter) return { test: 's.fingerprint_id = ?', values: [filter.fingerprintId] };
  if ('created' in filter) return { test: `s.creation_date ${COMPARISONS[filter.method]} ?`, values: [filter.created] };
  if ('expires' in filter) return { test: `s.expiration_date ${COMPARISONS[filter.method]} ?`, values: [filter.expires] };
  if (filter.status === 'stopped') return { test: STOPPED, values: [] };
  return { test: `s.expiration_date ${filter.status === 'active' ? '>' : '<='} ?`, values: [now] };
}

const visible = ({ callerId, fingerprintId, read }: Searcher): Condition =>
  read.everywhere
    ? all([])
    : any([
        { test: 's.creator = ?', values: [callerId] },
        { test: 's.user_id = ?', values: [callerId] },
        ...(fingerprintId ? [{ test: 's.fingerprint_id = ?', values: [fingerprintId] }] : []),
        ...(read.organizations.length > 0 ? [oneOf('s.organization_id', read.organizations)] : []),
      ]);

/**
 * Searches the index for what the searcher may see and only that, so that nobody counts anything else. The order is that of creation, then of ids;
 * a page that begins after a cursor is the same whatever has come or gone before it. Count and page are read in one transaction.
 */
export async function searchSessions(
  db: D1Database,
  searcher: Searcher,
  filters: readonly SessionFilter[],
  { ascending, limit, offset, after }: SessionPage,
  now: number,
): Promise<FoundSessions> {
  const matching = all([...filters.map((filter) => conditionOf(filter, now)), visible(searcher), shown(filters)]);
  const rest: Condition = after
    ? { test: `(s.creation_date, s.id) ${ascending ? '>' : '<'} (?, ?)`, values: [after.creationDate, after.id] }
    : all([]);
  const page = all([matching, rest]);
  const from = 'FROM session_index s LEFT JOIN user u ON u.id = s.user_id WHERE';
  const order = ascending ? 's.creation_date, s.id' : 's.creation_date DESC, s.id DESC';
  const [counted, listed] = await db.batch<Record<string, unknown>>([
    db.prepare(`SELECT COUNT(*) AS total ${from} ${matching.test}`).bind(...matching.values),
    db
      .prepare(`SELECT s.id, s.creation_date AS creationDate ${from} ${page.test} ORDER BY ${order} LIMIT ? OFFSET ?`)
      .bind(...page.values, limit + 1, offset),
  ]);
  const rows = (listed?.results ?? []) as unknown as Cursor[];
  return { total: Number(counted?.results[0]?.total ?? 0), rows: rows.slice(0, limit), more: rows.length > limit };
}
