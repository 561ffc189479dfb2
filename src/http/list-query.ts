import * as z from 'zod';
import type { Page } from '../directory/page.ts';
import { count, emit, flag, type JsonObject, message, toInt64, toTimestamp } from './protojson.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MOST = 1000;

/** Filters that one search may carry; each is a parameter of its query, of which D1 takes a hundred. */
export const FILTERS_MOST = 40;

const offset = z
  .union([z.number(), z.string().regex(/^\d{1,15}$/)], { error: 'must be a whole number' })
  .transform(Number)
  .refine((value) => Number.isSafeInteger(value) && value >= 0, 'must be a whole number, 0 or greater');

/** Zitadel's `query` (v1 and v2) and `pagination` of a search: 100 rows when no limit or 0 is given, 1000 at most. */
export const listQuery = message({
  offset: offset.optional(),
  limit: count.refine((value) => value <= LIMIT_MOST, `value must be at most ${LIMIT_MOST}`).optional(),
  asc: flag.optional(),
});

/** The page that a search asks for. */
export const pageOf = (query: z.infer<typeof listQuery> | undefined): Page => ({
  offset: query?.offset ?? 0,
  limit: query?.limit || LIMIT_DEFAULT,
});

/** The details of a list: how many rows match in all, whatever the page. */
export const presentListDetails = (total: number, now: number): JsonObject => emit({ totalResult: toInt64(total), timestamp: toTimestamp(now) });
