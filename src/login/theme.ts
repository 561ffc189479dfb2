import type { Branding } from '../branding.ts';

/** The colours of a deployment (setting BRANDING), for the pages' stylesheet; Zitadel's colours are the pages' own where it sets none. */
export function themeOf({ lightTheme, darkTheme, themeMode }: Branding): string {
  const scheme = { THEME_MODE_AUTO: 'light dark', THEME_MODE_LIGHT: 'light', THEME_MODE_DARK: 'dark' }[themeMode];
  const pair = (color: 'primaryColor' | 'backgroundColor' | 'warnColor' | 'fontColor') => `light-dark(${lightTheme[color]}, ${darkTheme[color]})`;
  return `:root {
  color-scheme: ${scheme};
  --accent: ${pair('primaryColor')};
  --page: ${pair('backgroundColor')};
  --warn: ${pair('warnColor')};
  --text: ${pair('fontColor')};
}
`;
}
