/** JSON as the wire carries it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/** A google.protobuf.Timestamp on its way out. */
export const toTimestamp = (ms: number): string => new Date(ms).toISOString();

/** A message on its way out: zero values (empty strings, 0, false, empty lists and maps) are left out; empty messages that are set stay. */
export function emit(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isZero(value)));
}

function isZero(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '' || value === 0 || value === false || isEmptyList(value);
}

const isEmptyList = (value: Json): boolean => Array.isArray(value) && value.length === 0;
