import { type Context, Hono } from 'hono';
import { csrf } from 'hono/csrf';
import { HTTPException } from 'hono/http-exception';
import { configOf } from '../config.ts';
import { account, showAccount } from './account.tsx';
import { clientOf, type Dispatch, watchOf } from './client.ts';
import { credentials } from './credentials.tsx';
import { showDone } from './done.tsx';
import { factors } from './factors.tsx';
import { forgot } from './forgot.tsx';
import { languageOf } from './language.ts';
import { links } from './links.tsx';
import { passkey } from './passkey.ts';
import { handOver, phone } from './phone.tsx';
import { providers } from './providers.tsx';
import { isAllowedReturn } from './return-to.ts';
import type { LoginEnv } from './room.ts';
import { secondFactor, showSecondFactor } from './second-factor.tsx';
import { showStart, signIn } from './sign-in.tsx';
import { stepOf } from './step.ts';
import { themeOf } from './theme.ts';
import { goOn, keepVisit, readVisit } from './visit.ts';

/** The login pages, at `/login`. `dispatch` takes their requests to the public API: they do nothing that another client could not do. */
export function loginPages(dispatch: Dispatch): Hono<LoginEnv> {
  const app = new Hono<LoginEnv>();

  app.use(async (context, next) => {
    if (configOf(context.env).loginClientTokens.length === 0) return context.notFound();
    context.set('language', languageOf(context.req.header('accept-language')));
    context.set('visit', await readVisit(context));
    context.set('api', clientOf(dispatch, context));
    context.set('apiAs', (bearer) => clientOf(dispatch, context, bearer));
    context.set('watch', (sessionId) => watchOf(dispatch, context, sessionId));
    await next();
  });
  app.use(csrf());

  // Of this, and of a form that is none.
  app.onError((error, context) => {
    if (error instanceof HTTPException) return context.text('This request cannot be taken.', error.status);
    console.error(error);
    return goOnLater(context);
  });

  app.get('/style.css', async (context) =>
    context.body((await import('./public/style.css')).default, 200, { 'content-type': 'text/css; charset=utf-8' }),
  );
  app.get('/login.client.js', async (context) =>
    context.body((await import('./public/login.client.js')).default, 200, { 'content-type': 'text/javascript; charset=utf-8' }),
  );

  app.get('/theme.css', (context) => context.body(themeOf(configOf(context.env).branding), 200, { 'content-type': 'text/css; charset=utf-8' }));

  app.get('/', show);
  for (const pages of [signIn, passkey, secondFactor, forgot, links, providers, phone]) app.route('/', pages);
  app.get('/account', showAccount);
  for (const pages of [account, credentials, factors]) app.route('/account', pages);
  return app;
}

/** The page that a login has come to. What it had to say is said once. */
async function show(context: Context<LoginEnv>): Promise<Response> {
  const { visit } = context.var;
  const asked = context.req.query('return_to');
  if (asked !== undefined && asked !== visit.returnTo) {
    return goOn(context, { ...visit, returnTo: isAllowedReturn(context, asked) ? asked : undefined });
  }
  const step = await stepOf(context, visit);
  if (visit.notice) await keepVisit(context, { ...visit, notice: undefined });
  switch (step.at) {
    case 'start':
      return showStart(context);
    case 'second-factor':
      return showSecondFactor(context, step.methods);
    case 'done':
      return visit.lent ? handOver(context) : showDone(context);
    case 'lost':
      return goOn(context, { returnTo: visit.returnTo, session: visit.kept, notice: { text: 'lost' } });
    case 'nowhere':
      return goOnLater(context);
  }
}

/** The stores do not answer: the same page again, by hand. */
const goOnLater = (context: Context<LoginEnv>): Response => context.text('Please try again in a moment.', 503, { 'retry-after': '5' });
