import * as z from 'zod';
import { MESSAGE_KINDS } from './message.ts';
import { faultIn } from './placeholders.ts';

/** The operator's own wording of one kind in one language. Without `html` the mail is plain text. */
export interface Override {
  readonly email: { readonly subject: string; readonly text: string; readonly html: string | undefined } | undefined;
  readonly sms: string | undefined;
}

const wording = z
  .string()
  .superRefine((text, context) => {
    const fault = faultIn(text);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  })
  .optional();

const OVERRIDE = z.strictObject({ subject: wording, text: wording, html: wording, sms: wording }).transform((given, context): Override => {
  const { subject, text, html, sms } = given;
  if (subject !== undefined && text !== undefined) return { email: { subject, text, html }, sms };
  const parts = [subject, text, html].filter((part) => part !== undefined).length;
  if (parts > 0 || sms === undefined) context.addIssue({ code: 'custom', message: 'needs subject and text for a mail, or sms, or both' });
  return { email: undefined, sms };
});

const LANGUAGE = z
  .string()
  .refine(isLanguage, 'is no language')
  .transform((tag) => tag.toLowerCase());

const OVERRIDES = z.partialRecord(z.enum(MESSAGE_KINDS), z.record(LANGUAGE, OVERRIDE));

/** The operator's own wordings, by kind and language. */
export type Overrides = z.infer<typeof OVERRIDES>;

/** MESSAGE_TEMPLATES: JSON, kind -> language -> {subject, text, html, sms}. A fault is named by its place, without what stands there. */
export const messageTemplates = z.string().transform((json, context): Overrides => {
  const read = OVERRIDES.safeParse(parse(json));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const place = issue?.code === 'custom' ? issue.path.join('.') : '';
  const message = place ? `${place}: ${issue?.message}` : 'JSON of the form {kind: {language: {subject, text, html, sms}}}';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

/** What `find` finds for a reader: in the language asked for, else in the same without its region, else in English. */
export function nearest<Found>(language: string, find: (tag: string) => Found | undefined): { tag: string; found: Found } | undefined {
  const asked = isLanguage(language) ? language.toLowerCase() : 'en';
  for (const tag of [asked, asked.split('-')[0] ?? '', 'en']) {
    const found = find(tag);
    if (found !== undefined) return { tag, found };
  }
  return undefined;
}
