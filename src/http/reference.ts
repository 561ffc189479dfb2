import { type Context, Hono } from 'hono';
import type { Env } from './exchange.ts';
import type { Document } from './openapi.ts';
import type { Operation } from './operation.ts';

const POLICY = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `GET /openapi.json` and `GET /docs`, for everybody. What they need is loaded, and the document made, when somebody first asks. */
export function referenceOf(operations: readonly Operation[]): Hono<Env> {
  const app = new Hono<Env>();
  let made: Promise<Document> | undefined;
  const document = (): Promise<Document> => {
    made ??= import('./openapi.ts').then(({ documentOf }) => documentOf(operations));
    return made;
  };
  app.get('/openapi.json', async (context) => context.json(await document()));
  app.get('/docs', async (context) => {
    const { DocsPage } = await import('./docs.tsx');
    return context.html(`<!doctype html>${DocsPage({ document: await document(), origin: new URL(context.req.url).origin })}`, 200, {
      'content-security-policy': POLICY,
    });
  });
  app.get('/docs/style.css', async (context: Context<Env>) => {
    const { default: style } = await import('./docs.css');
    return context.body(style, 200, { 'content-type': 'text/css; charset=utf-8' });
  });
  return app;
}
