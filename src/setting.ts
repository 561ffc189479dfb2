import * as z from 'zod';

/** A setting that is a whole number within bounds, given as text or as a number. */
export const whole = (fallback: number, least: number, most: number) =>
  z
    .union([z.number(), z.string().regex(/^\d{1,10}$/)], `a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => Number.isInteger(value) && value >= least && value <= most, `a whole number from ${least} to ${most}`)
    .default(fallback);

/** A setting in seconds, read as milliseconds. */
export const seconds = (fallback: number, least = 0, most = 100 * 365 * 86_400) => whole(fallback, least, most).transform((value) => value * 1000);

/** A setting that is on or off; off by default. */
export const flag = () =>
  z
    .union([z.boolean(), z.enum(['true', 'false'])], 'true or false')
    .transform((value) => String(value) === 'true')
    .default(false);

/** A setting that is given as JSON text, or as what that text would say. A text that is no JSON stays what it is, which no schema here takes. */
export const json = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (typeof value === 'string' ? parsed(value) : value), schema);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
