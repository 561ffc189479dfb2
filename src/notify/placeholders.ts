import { oneLine } from './one-line.ts';

/** What a wording may name. */
export const PLACEHOLDERS = [
  'Code',
  'OTP',
  'DisplayName',
  'LoginName',
  'PreferredLoginName',
  'PreferredLanguage',
  'UserID',
  'OrgID',
  'SessionID',
  'URL',
  'Domain',
  'Expiry',
] as const;

export type Values = Readonly<Record<(typeof PLACEHOLDERS)[number], string>>;

const PLACEHOLDER = /\{\{\s*\.(\w+)\s*\}\}/g;
const KNOWN = new Set<string>(PLACEHOLDERS);

/** What is wrong with a wording, or undefined: it is filled without a look at each placeholder, so it is looked over once, at the start. */
export function faultIn(wording: string): string | undefined {
  const unknown = [...wording.matchAll(PLACEHOLDER)].some(([, name = '']) => !KNOWN.has(name));
  if (unknown) return `has a placeholder that is none of ${PLACEHOLDERS.join(', ')}`;
  return /\{\{|\}\}/.test(wording.replaceAll(PLACEHOLDER, '')) ? 'has braces that are no placeholder of the form {{.Name}}' : undefined;
}

/** Puts the values into a wording, each as one line and then through `written`; what a value itself looks like does not matter. */
export const fill = (wording: string, values: Values, written: (value: string) => string = (value) => value): string =>
  wording.replaceAll(PLACEHOLDER, (_, name: keyof Values) => written(oneLine(values[name])));
