import { html, raw } from 'hono/html';

/** What a mail shows, in the order in which it is read. */
export interface LetterParts {
  readonly language: string;
  readonly title: string;
  readonly greeting: string;
  readonly text: string;
  readonly code: string;
  readonly url: string | undefined;
  readonly button: string;
  readonly footer: string;
}

const STYLE = `
  :root { color-scheme: light dark; }
  body { margin: 0; padding: 32px 16px; background: #f4f5f7; color: #1c2024; font: 16px/1.5 system-ui, 'Segoe UI', Arial, sans-serif; }
  main { max-width: 480px; margin: 0 auto; padding: 32px; background: #ffffff; border-radius: 12px; }
  h1 { margin: 0 0 24px; font-size: 22px; line-height: 1.3; }
  .code { margin: 24px 0; padding: 16px; border-radius: 8px; background: #eef1f6; text-align: center; }
  .code { font: 700 28px/1.2 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 0.15em; word-break: break-all; }
  .button { display: inline-block; padding: 12px 24px; border-radius: 8px; background: #1d4ed8; color: #ffffff; }
  .button { font-weight: 600; text-decoration: none; }
  .small { font-size: 14px; color: #4b5563; word-break: break-word; }
  @media (prefers-color-scheme: dark) {
    body { background: #111418; color: #eceef0; }
    main { background: #1b1f24; }
    .code { background: #2a3038; }
    .small { color: #b0b7c0; }
  }`;

/** The mail as a page: nothing in it is fetched from elsewhere, and every value is escaped. */
export async function letterHtml({ language, title, greeting, text, code, url, button, footer }: LetterParts): Promise<string> {
  const page = await html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${raw(`<style>${STYLE}\n</style>`)}
</head>
<body>
<main>
<h1>${title}</h1>
<p>${greeting}</p>
<p>${text}</p>
${code === '' ? '' : html`<p class="code">${code}</p>`}
${url === undefined ? '' : html`<p><a class="button" href="${url}">${button}</a></p><p class="small">${url}</p>`}
<p class="small">${footer}</p>
</main>
</body>
</html>
`;
  return String(page);
}
