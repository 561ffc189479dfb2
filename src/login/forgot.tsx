import type { ListUsersResponseJson } from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { Hono } from 'hono';
import type { Client, Refusal } from './client.ts';
import { errorAt, Field, Form, formText, Says } from './form.tsx';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import type { LoginEnv } from './room.ts';
import { goOn, keepVisit, type Notice } from './visit.ts';

const textsOf = textsIn({
  forgotTitle: ['Forgot your password?', 'Passwort vergessen?'],
  explain: ['We send you a link by which you can set a new one.', 'Wir senden Ihnen einen Link, mit dem Sie ein neues setzen können.'],
  loginName: ['E-mail or user name', 'E-Mail oder Benutzername'],
  send: ['Send the link', 'Link senden'],
  sentTitle: ['Look into your mail', 'Sehen Sie in Ihr Postfach'],
  sent: [
    'If there is an account of this name with a confirmed e-mail address, a link is on its way there.',
    'Wenn es ein Konto mit diesem Namen und einer bestätigten E-Mail-Adresse gibt, ist ein Link dorthin unterwegs.',
  ],
  back: ['Back to sign-in', 'Zurück zur Anmeldung'],
  setTitle: ['Choose a password', 'Passwort wählen'],
  password: ['New password', 'Neues Passwort'],
  rules: [
    'At least 8 characters, among them an upper case and a lower case letter, a number and a symbol.',
    'Mindestens 8 Zeichen, darunter Groß- und Kleinbuchstaben, eine Ziffer und ein Sonderzeichen.',
  ],
  set: ['Set password', 'Passwort setzen'],
  broken: ['This does not keep to the rules above.', 'Das hält die Regeln oben nicht ein.'],
  over: ['This link is not good any more. Please ask for a new one.', 'Dieser Link gilt nicht mehr. Bitte einen neuen anfordern.'],
  busy: ['This takes longer than it should. Please try again in a moment.', 'Das dauert länger, als es sollte. Bitte gleich noch einmal versuchen.'],
  missing: ['Please fill this in.', 'Bitte ausfüllen.'],
});

/** A new password for those who have forgotten theirs. */
export const forgot = new Hono<LoginEnv>();

forgot.get('/forgot', (context) => {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  return showPage(
    context,
    texts.forgotTitle,
    <>
      <p>{texts.explain}</p>
      <Form action="/login/forgot">
        <Field name="loginName" label={texts.loginName} value={visit.loginName} autocomplete="username" inputmode="email" autofocus />
        <button type="submit">{texts.send}</button>
      </Form>
      <Back text={texts.back} />
    </>,
  );
});

/** The answer is the same for every name, and does not wait for what becomes of it. */
forgot.post('/forgot', async (context) => {
  const loginName = await formText(context, 'loginName');
  if (loginName !== '') context.executionCtx.waitUntil(sendLink(context.var.api, loginName));
  return context.redirect('/login/forgot/sent', 303);
});

forgot.get('/forgot/sent', (context) => {
  const texts = textsOf(context.var.language);
  return showPage(
    context,
    texts.sentTitle,
    <>
      <p>{texts.sent}</p>
      <Back text={texts.back} />
    </>,
  );
});

async function sendLink(api: Client, loginName: string): Promise<void> {
  const found = await api.post<ListUsersResponseJson>('/v2/users', { queries: [{ loginNameQuery: { loginName } }] });
  const userId = found.ok ? found.value.result?.[0]?.userId : undefined;
  if (userId) await api.post(`/v2/users/${encodeURIComponent(userId)}/password_reset`, { sendLink: {} });
}

/** Where the link in the mail leads. */
forgot.get('/password/set', async (context) => {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  const { code = '', userId = '' } = context.req.query();
  if (visit.notice) await keepVisit(context, { ...visit, notice: undefined });
  return showPage(
    context,
    texts.setTitle,
    <>
      <Says notice={visit.notice} texts={texts} />
      <Form action="/login/password/set">
        <input type="hidden" name="code" value={code} />
        <input type="hidden" name="userId" value={userId} />
        <Field
          name="password"
          label={texts.password}
          type="password"
          hint={texts.rules}
          autocomplete="new-password"
          autofocus
          error={errorAt('password', visit.notice, texts)}
        />
        <button type="submit">{texts.set}</button>
      </Form>
      <Back text={texts.back} />
    </>,
  );
});

forgot.post('/password/set', async (context) => {
  const { visit, api } = context.var;
  const [code, userId, password] = [await formText(context, 'code'), await formText(context, 'userId'), await formText(context, 'password')];
  const body = { newPassword: { password }, verificationCode: code };
  const set = await api.post(`/v2/users/${encodeURIComponent(userId)}/password`, body);
  if (set.ok) return goOn(context, { returnTo: visit.returnTo, notice: { text: 'passwordSet' } });
  return goOn(context, { ...visit, notice: noticeOf(set.refusal, password) }, `/login/password/set?${new URLSearchParams({ code, userId })}`);
});

function noticeOf({ status, id = '' }: Refusal, password: string): Notice {
  if (password === '') return { text: 'missing', field: 'password' };
  if (status === 503 || status === 429) return { text: 'busy' };
  return id.startsWith('DOMAIN-') ? { text: 'broken', field: 'password' } : { text: 'over' };
}

function Back({ text }: { text: string }) {
  return (
    <p class="ways">
      <a href="/login">{text}</a>
    </p>
  );
}
