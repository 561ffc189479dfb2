import { type TemplateField, urlTemplate } from '../core/url-template.ts';
import { refuseBy } from './decode.ts';
import type { Call } from './operation.ts';
import { text } from './protojson.ts';

/** The pages that messages lead to, below the login pages: Zitadel's paths. */
const PAGES = {
  otp: '/otp/email?code={{.Code}}&userId={{.UserID}}&sessionId={{.SessionID}}',
  verify: '/verify?code={{.Code}}&userId={{.UserID}}&organization={{.OrgID}}',
  password: '/password/set?code={{.Code}}&userId={{.UserID}}&organization={{.OrgID}}',
  passkey: '/passkey/set?codeId={{.CodeID}}&code={{.Code}}&userId={{.UserID}}&organization={{.OrgID}}',
} as const;

/** The template of the link in a message whose caller gives none: on the pages that LOGIN_URL names, or at `/login` where the request came to. */
export const defaultLink = ({ config, origin }: Pick<Call, 'config' | 'origin'>, page: keyof typeof PAGES): string =>
  `${config.loginUrl ?? `${origin}/login`}${PAGES[page]}`;

/** A caller's own link, which may name these fields: anything else is refused before anything is done. */
export const linkTemplate = (...fields: readonly TemplateField[]) =>
  text(1, 200).transform((template, context) => {
    const checked = urlTemplate(template, fields);
    return checked.ok ? checked.value : refuseBy(context, checked.problem);
  });
