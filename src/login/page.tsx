import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import { configOf } from '../config.ts';
import { textsIn } from './language.ts';
import type { LoginEnv } from './room.ts';

const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const textsOf = textsIn({ skip: ['Skip to content', 'Zum Inhalt'] });

/** The picture of BRANDING, where it is a path of this place: from nowhere else is anything loaded. */
function Logo({ context }: { context: Context<LoginEnv> }) {
  const { lightTheme, darkTheme } = configOf(context.env).branding;
  const [light, dark] = [lightTheme.logoUrl, darkTheme.logoUrl].map((url) => (url?.startsWith('/') ? url : undefined));
  if (light === undefined) return null;
  return (
    <picture>
      {dark && <source srcset={dark} media="(prefers-color-scheme: dark)" />}
      <img src={light} alt="" />
    </picture>
  );
}

/** A page around what it has to say. */
export async function showPage(context: Context<LoginEnv>, title: string, content: Child, { wide = false } = {}): Promise<Response> {
  context.header('content-security-policy', POLICY);
  const { language } = context.var;
  const { loginName } = configOf(context.env);
  const page = (
    <html lang={language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${title} · ${loginName}`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/login/style.css" />
        <link rel="stylesheet" href="/login/theme.css" />
        <script type="module" src="/login/login.client.js" />
      </head>
      <body>
        <a class="skip" href="#content">
          {textsOf(language).skip}
        </a>
        <header class="brand">
          <a href="/login">
            <Logo context={context} />
            {loginName}
          </a>
        </header>
        <main id="content" class={wide ? 'card wide' : 'card'}>
          <h1>{title}</h1>
          {content}
        </main>
      </body>
    </html>
  );
  return context.html(`<!doctype html>${await page.toString()}`);
}
