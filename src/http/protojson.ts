import * as z from 'zod';
import { described } from './described.ts';

export { emit, type Json, type JsonObject, toTimestamp } from '../core/json.ts';

/**
 * proto3 JSON (protobuf.dev, "ProtoJSON format") for zod: lowerCamelCase or the original snake_case in, unknown fields ignored, null the
 * same as absent, int64 as strings, bytes in either base64 alphabet; lowerCamelCase out, with zero values left out.
 * No message repeats the value that it refuses.
 */

/** A field's original name in its .proto file. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * A message with the given fields, all of them optional unless their schema says otherwise. At most one member of each oneof may be given.
 */
export function message<Fields extends z.ZodRawShape>(fields: Fields, oneofs: readonly (readonly (string & keyof Fields)[])[] = []) {
  const names = new Map(Object.keys(fields).flatMap((field) => [[field, field] as const, [snakeCase(field), field] as const]));
  return z
    .unknown()
    .register(described, { message: { fields, oneofs } })
    .transform((raw, context): Record<string, unknown> => {
      if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return refuse(context, 'must be an object');
      const known = knownFields(raw, names, context);
      const excluded = oneofs.map((oneof) => oneof.filter((field) => Object.hasOwn(known, field))).find((given) => given.length > 1);
      return excluded ? refuse(context, `excludes ${excluded[0]}: only one of them may be given`, excluded[1]) : known;
    })
    .pipe(z.object(fields));
}

/** The members that the message has, under their lowerCamelCase names. */
function knownFields(raw: object, names: ReadonlyMap<string, string>, context: z.RefinementCtx): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(raw)) {
    const field = names.get(name);
    if (field === undefined || value === null) continue;
    if (Object.hasOwn(known, field)) return refuse(context, 'given twice', field);
    known[field] = value;
  }
  return known;
}

/** Refuses a value, or one field of it, from within its schema. */
export function refuse(context: z.RefinementCtx, message: string, field?: string): never {
  context.addIssue({ code: 'custom', message, path: field === undefined ? [] : [field] });
  return z.NEVER;
}

/** A string of `least` to `most` characters (runes, as Zitadel counts). A lone surrogate is not a string. */
export function text(least: number, most: number): TextSchema {
  const bounds = `${least}-${most}`;
  const known = texts.get(bounds) ?? textOf(least, most);
  texts.set(bounds, known);
  return known;
}

type TextSchema = ReturnType<typeof textOf>;

/** Most fields are texts, of few lengths: each length is one schema, because making schemas is most of what a cold start costs. */
const texts = new Map<string, TextSchema>();

function textOf(least: number, most: number) {
  const rule = least === 0 ? `at most ${most}` : `between ${least} and ${most}`;
  return z
    .string({ error: ({ input }) => (input === undefined ? 'value is required' : 'must be a string') })
    .refine((value) => value.isWellFormed(), { error: 'must be valid Unicode', abort: true })
    .refine((value) => value.length <= most * 2 && inRange([...value].length, least, most), {
      error: `value length must be ${rule} runes, inclusive`,
    })
    .register(described, { ...(least > 0 && { minLength: least }), maxLength: most });
}

const inRange = (length: number, least: number, most: number): boolean => length >= least && length <= most;

/** true or false; absent is false. */
export const flag = z.boolean({ error: 'must be true or false' });

/** Bytes, in either base64 alphabet and with or without padding; parsed to padded standard base64. */
export const bytes = z
  .string({ error: 'must be a base64 string' })
  .register(described, { contentEncoding: 'base64' })
  .transform((value, context) => {
    try {
      return Uint8Array.fromBase64(value.replaceAll('-', '+').replaceAll('_', '/')).toBase64();
    } catch {
      return refuse(context, 'must be base64');
    }
  });

/** An unsigned integer, as a number or as a string of digits. */
export const count = z
  .union([z.number(), z.string().regex(/^\d{1,10}$/, 'must be a whole number')], { error: 'must be a whole number' })
  .transform(Number)
  .refine((value) => Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, 'must be a whole number, 0 to 4294967295');

const MAX_DURATION_SECONDS = 315_576_000_000;
const NANOS_PER_MS = 1_000_000;
const DURATION = '^\\d{1,12}(\\.\\d{1,9})?s$';

/** A google.protobuf.Duration greater than zero, such as "18000s" or "0.5s"; parsed to milliseconds, rounded up. */
export const positiveDuration = z
  .string({ error: 'must be a duration such as "300s"' })
  .register(described, { pattern: DURATION, description: 'A duration in seconds, greater than 0, such as "300s"' })
  .transform((value, context) => {
    const [, sign, whole = '', fraction = ''] = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(value) ?? [];
    if (sign === undefined || Number(whole) > MAX_DURATION_SECONDS) return refuse(context, 'value is not a valid duration');
    const nanos = Number(fraction.padEnd(9, '0'));
    if (sign === '-' || Number(whole) + nanos === 0) return refuse(context, 'value must be greater than 0s');
    return Number(whole) * 1000 + Math.ceil(nanos / NANOS_PER_MS);
  });

const RFC_3339 = /^(\d{4}-\d\d-\d\d)T(\d\d):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** A google.protobuf.Timestamp (RFC 3339); parsed to milliseconds since 1970. */
export const timestamp = z
  .string({ error: 'must be a timestamp' })
  .register(described, { format: 'date-time' })
  .transform((value, context) => {
    const [, day = '', hour] = RFC_3339.exec(value) ?? [];
    const parsed = Date.parse(value);
    const exists = hour !== undefined && hour !== '24' && !Number.isNaN(parsed) && new Date(day).toISOString().startsWith(day);
    return exists ? parsed : refuse(context, 'must be an RFC 3339 timestamp');
  });

/**
 * An enumeration, by name or by number. A name that is not known counts as absent, as the gateway has it; a number that is not known is
 * refused.
 */
export function enumeration<Name extends string>(names: readonly Name[]) {
  return z
    .union([z.string(), z.number()], { error: 'must be one of the defined enum values' })
    .register(described, { enum: [...names, ...names.keys()] })
    .transform((value, context): Name | undefined => {
      if (typeof value === 'string') return names.find((name) => name === value);
      return names[value] ?? refuse(context, 'value must be one of the defined enum values');
    });
}

/** A map, parsed to pairs; keys stay as they are, whatever their name, and null is no value. A refusal does not name the key. */
export function map<Value>(key: z.ZodType<string>, value: z.ZodType<Value>) {
  return z
    .unknown()
    .register(described, { map: { key, value } })
    .transform((raw, context): [string, Value][] => {
      if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return refuse(context, 'must be an object');
      const pairs: [string, Value][] = [];
      for (const [name, item] of Object.entries(raw)) {
        const [parsedKey, parsedValue] = [key.safeParse(name), value.safeParse(item)];
        if (!parsedKey.success) return refuse(context, `key: ${parsedKey.error.issues[0]?.message}`);
        if (!parsedValue.success) return refuse(context, `value: ${parsedValue.error.issues[0]?.message}`);
        pairs.push([parsedKey.data, parsedValue.data]);
      }
      return pairs;
    });
}

/** An int64 or uint64 on its way out: a string, and left out when it is 0. */
export const toInt64 = (value: number): string | undefined => (value === 0 ? undefined : String(value));
