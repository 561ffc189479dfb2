import * as z from 'zod';
import { json } from './setting.ts';

const COLOR_RULE = 'colours are #rrggbb';
const LINK_RULE = 'links are https URLs of at most 500 characters';
const IMAGE_RULE = 'pictures and fonts are https URLs, or paths of this host, of at most 500 characters';

const color = z.string(COLOR_RULE).regex(/^#[0-9a-fA-F]{6}$/, COLOR_RULE);
const link = z
  .string(LINK_RULE)
  .max(500, LINK_RULE)
  .refine((text) => /^https:\/\//.test(text) && URL.canParse(text), LINK_RULE);
const file = z
  .string(IMAGE_RULE)
  .max(500, IMAGE_RULE)
  .refine((text) => /^\/[^/\\]/.test(text) || (/^https:\/\//.test(text) && URL.canParse(text)), IMAGE_RULE);
const text = (rule: string) => z.string(rule).min(1, rule).max(200, rule);

const theme = (primaryColor: string, backgroundColor: string, warnColor: string, fontColor: string) =>
  z
    .strictObject({
      primaryColor: color.default(primaryColor),
      backgroundColor: color.default(backgroundColor),
      warnColor: color.default(warnColor),
      fontColor: color.default(fontColor),
      logoUrl: file.optional(),
      iconUrl: file.optional(),
    })
    .prefault({});

const BRANDING_RULE = 'an object of lightTheme, darkTheme, fontUrl, hideLoginNameSuffix, disableWatermark and themeMode, in JSON';

/** How login pages are to look (Zitadel's BrandingSettings, and its default colours). */
const branding = z.strictObject(
  {
    lightTheme: theme('#5469d4', '#fafafa', '#cd3d56', '#000000'),
    darkTheme: theme('#2073c4', '#111827', '#ff3b5b', '#ffffff'),
    fontUrl: file.optional(),
    hideLoginNameSuffix: z.boolean('hideLoginNameSuffix is true or false').default(false),
    disableWatermark: z.boolean('disableWatermark is true or false').default(false),
    themeMode: z
      .enum(['THEME_MODE_AUTO', 'THEME_MODE_LIGHT', 'THEME_MODE_DARK'], 'themeMode is one of THEME_MODE_AUTO, _LIGHT, _DARK')
      .default('THEME_MODE_AUTO'),
  },
  BRANDING_RULE,
);

const LEGAL_RULE = 'an object of tosLink, privacyPolicyLink, helpLink, supportEmail, docsLink, customLink and customLinkText, in JSON';

/** Where login pages lead people who have questions (Zitadel's LegalAndSupportSettings). */
const legalAndSupport = z.strictObject(
  {
    tosLink: link.optional(),
    privacyPolicyLink: link.optional(),
    helpLink: link.optional(),
    supportEmail: z.email('supportEmail is an e-mail address').max(200).optional(),
    docsLink: link.optional(),
    customLink: link.optional(),
    customLinkText: text('customLinkText is a text of 1 to 200 characters').optional(),
  },
  LEGAL_RULE,
);

export type Branding = z.infer<typeof branding>;
export type LegalAndSupport = z.infer<typeof legalAndSupport>;

/** Settings for login pages. */
export const BRANDING_SHAPE = {
  /** How login pages are to look, as JSON text or an object: `{"lightTheme":{"primaryColor":"#5469d4"}}`. */
  BRANDING: json(branding).prefault({}),
  /** Where login pages lead people who have questions, likewise: `{"helpLink":"https://help.example"}`. */
  LEGAL_AND_SUPPORT: json(legalAndSupport).prefault({}),
};
