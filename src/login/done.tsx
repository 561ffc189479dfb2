import type { Context } from 'hono';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import type { LoginEnv } from './room.ts';
import { keepVisit } from './visit.ts';

const textsOf = textsIn({ title: ['You are signed in', 'Angemeldet'], goOn: ['Continue', 'Weiter'] });

/**
 * The end of a login: on to where it was begun for, or to the account. Not by a redirect: the answer to a form may lead to this place alone
 * (`form-action` of CSP), and so may what follows it.
 */
export async function showDone(context: Context<LoginEnv>): Promise<Response> {
  const { language, visit } = context.var;
  const { returnTo, ...rest } = visit;
  if (returnTo === undefined) return context.redirect('/login/account', 303);
  await keepVisit(context, rest);
  const texts = textsOf(language);
  context.header('refresh', `0; url=${new URL(returnTo, context.req.url)}`);
  return showPage(
    context,
    texts.title,
    <p>
      <a class="button" href={returnTo}>
        {texts.goOn}
      </a>
    </p>,
  );
}
