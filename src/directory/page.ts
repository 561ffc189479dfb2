/** Which rows of a search to show. */
export interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** One page of a search, and how many rows match in all. */
export interface Found<Row> {
  readonly total: number;
  readonly rows: readonly Row[];
}

/**
 * Runs a search: `matching` is everything from FROM to WHERE, with the values of its parameters; `columns` and `order` are the caller's own
 * words. Count and page are read in one transaction, so that they agree.
 */
export async function findPage<Row>(
  db: D1Database,
  search: { readonly columns: string; readonly matching: string; readonly values: readonly unknown[]; readonly order: string },
  { offset, limit }: Page,
): Promise<Found<Row>> {
  const { columns, matching, values, order } = search;
  const [counted, listed] = await db.batch<Record<string, unknown>>([
    db.prepare(`SELECT COUNT(*) AS total ${matching}`).bind(...values),
    db.prepare(`SELECT ${columns} ${matching} ORDER BY ${order} LIMIT ? OFFSET ?`).bind(...values, limit, offset),
  ]);
  return { total: Number(counted?.results[0]?.total ?? 0), rows: (listed?.results ?? []) as Row[] };
}
