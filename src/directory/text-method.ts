import type { Condition } from './condition.ts';

/** How a column is compared with the text asked for, in Zitadel's order; no character is a wildcard. SQLite knows no letter case beyond ASCII. */
const TESTS = {
  TEXT_QUERY_METHOD_EQUALS: (column: string) => `${column} = ?`,
  TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE: (column: string) => `lower(${column}) = lower(?)`,
  TEXT_QUERY_METHOD_STARTS_WITH: (column: string) => `instr(${column}, ?) = 1`,
  TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE: (column: string) => `instr(lower(${column}), lower(?)) = 1`,
  TEXT_QUERY_METHOD_CONTAINS: (column: string) => `instr(${column}, ?) > 0`,
  TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE: (column: string) => `instr(lower(${column}), lower(?)) > 0`,
  TEXT_QUERY_METHOD_ENDS_WITH: (column: string) => `substr(${column}, length(${column}) - length(?) + 1) = ?`,
  TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE: (column: string) => `lower(substr(${column}, length(${column}) - length(?) + 1)) = lower(?)`,
} as const;

export type TextMethod = keyof typeof TESTS;

/** Zitadel's TextQueryMethod, in its order. */
export const TEXT_METHODS = Object.keys(TESTS) as TextMethod[];

/** Compares a column (our own word) with a caller's text. */
export function textCondition(column: string, method: TextMethod, text: string): Condition {
  const test = TESTS[method](column);
  return { test, values: Array(test.split('?').length - 1).fill(text) };
}
