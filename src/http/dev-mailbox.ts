import type { Context } from 'hono';
import { html, raw } from 'hono/html';
import { configOf } from '../config.ts';
import { isLoopback } from '../core/loopback.ts';
import { type DevMail, readDevMailbox } from '../notify/dev-mailbox.ts';
import type { Env } from './exchange.ts';

const STYLE = `
  :root { color-scheme: light dark; }
  body { max-width: 44rem; margin: 0 auto; padding: 2rem 1rem; font: 16px/1.5 system-ui, sans-serif; }
  header { display: flex; align-items: baseline; justify-content: space-between; }
  article { margin: 1rem 0; padding: 1rem 1.25rem; border: 1px solid #8886; border-radius: 10px; }
  h1 { font-size: 1.5rem; }
  h2 { margin: 0; font-size: 1.1rem; }
  .about { margin: 0; opacity: 0.75; font-size: 0.9rem; overflow-wrap: anywhere; }
  .code { margin: 0.75rem 0; font: 700 1.75rem/1.2 ui-monospace, monospace; letter-spacing: 0.12em; overflow-wrap: anywhere; }
  .url { overflow-wrap: anywhere; }
  pre { margin: 0.5rem 0 0; font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; }
`;

/**
 * GET /dev/mailbox: what was sent on a developer's machine, newest first; `?to=` shows one address only, `Accept: application/json` gives
 * `{messages}`. It is not there (404) unless DEV_MAILBOX is on, nor under any name but this machine's own, so that neither a deployment by
 * mistake nor a page elsewhere that has its own name point here can read it.
 */
export async function devMailbox(context: Context<Env>): Promise<Response> {
  const { notify } = configOf(context.env);
  if (!notify.devMailbox || !isLoopback(new URL(context.req.url).hostname)) return context.notFound();
  context.set('route', 'GET /dev/mailbox');
  const to = context.req.query('to');
  const messages = (await readDevMailbox(context.env.DB)).filter(({ recipient }) => to === undefined || recipient === to);
  if (context.req.header('accept')?.includes('application/json')) return context.json({ messages });
  return context.html(page(messages), 200, {
    'content-security-policy': `default-src 'none'; style-src '${await hashOf(STYLE)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  });
}

async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}

const page = (messages: readonly DevMail[]) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header><h1>Mailbox</h1><a href="">Look again</a></header>
<main>
${messages.length === 0 ? html`<p>Nothing has been sent yet.</p>` : messages.map(article)}
</main>
</body>
</html>
`;

const article = ({ channel, recipient, sentAt, subject, code, url, text }: DevMail) => html`<article>
<h2>${channel === 'sms' ? 'SMS' : subject}</h2>
<p class="about">to ${recipient}, <time datetime="${timeOf(sentAt)}">${timeOf(sentAt).slice(0, 19).replace('T', ' ')} UTC</time></p>
${code === '' ? '' : html`<p class="code">${code}</p>`}
${url === null ? '' : html`<p class="url"><a href="${url}" rel="noreferrer">${url}</a></p>`}
<pre>${text}</pre>
</article>
`;

const timeOf = (ms: number): string => new Date(ms).toISOString();
