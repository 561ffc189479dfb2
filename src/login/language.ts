import { parseAccept } from 'hono/utils/accept';

/** The languages of the pages. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The language that somebody likes best, of those that there are; of what they like (`de-CH`), the language counts. */
export function languageOf(acceptLanguage = ''): Language {
  const liked = parseAccept(acceptLanguage).toSorted((one, other) => other.q - one.q);
  const known = liked.map(({ type }) => LANGUAGES.find((language) => language === type.split('-')[0]?.toLowerCase()));
  return known.find((language) => language !== undefined) ?? 'en';
}

/** Each text in each language, in the order of LANGUAGES. */
type Texts = Readonly<Record<string, readonly [en: string, de: string]>>;

/** Texts of one page: `textsOf('de').title`. */
export function textsIn<Given extends Texts>(texts: Given): (language: Language) => { readonly [Name in keyof Given]: string } {
  const inOne = (language: Language) => Object.fromEntries(Object.entries(texts).map(([name, said]) => [name, said[LANGUAGES.indexOf(language)]]));
  const known = Object.fromEntries(LANGUAGES.map((language) => [language, inOne(language)]));
  return (language) => known[language] as { readonly [Name in keyof Given]: string };
}
