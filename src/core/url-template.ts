import type { Problem } from './problem.ts';
import { fail, ok, type Result } from './result.ts';

/** The fields that a link may name. */
export type TemplateField = 'Code' | 'UserID' | 'OrgID' | 'CodeID' | 'LoginName' | 'DisplayName' | 'PreferredLanguage' | 'SessionID';

const templateMalformed: Problem = { kind: 'invalid-argument', id: 'DOMAIN-oGh5e', message: 'URL Template is invalid' };
const fieldUnknown: Problem = { kind: 'invalid-argument', id: 'DOMAIN-ieYa7', message: 'URL Template is invalid' };

const ACTION = /(?<!\{)\{\{\s*\.([A-Za-z][A-Za-z0-9_]*)\s*\}\}/g;

/** Checks a link's template: Go's `{{.Field}}` with these fields, and no other action. Pure. */
export function urlTemplate(template: string, fields: readonly TemplateField[]): Result<string> {
  const named = [...template.matchAll(ACTION)].map(([, field]) => field);
  if (template.replace(ACTION, '').includes('{{')) return fail(templateMalformed);
  if (named.some((field) => !fields.some((known) => known === field))) return fail(fieldUnknown);
  return ok(template);
}

/** The link that a template makes of these values, each escaped for a URL. A field without a value is left empty. Pure. */
export function renderUrl(template: string, values: Readonly<Partial<Record<TemplateField, string>>>): string {
  return template.replace(ACTION, (_, field: TemplateField) => encodeURIComponent(values[field] ?? ''));
}
