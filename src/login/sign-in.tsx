import type { CreateSessionResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { type Context, Hono } from 'hono';
import { agentOf, placeOf } from './device.ts';
import { errorAt, Field, Form, formText, Says } from './form.tsx';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import { ProviderButtons } from './providers.tsx';
import type { LoginEnv } from './room.ts';
import { SIGN_IN_FAILED_MS, slowly } from './slowly.ts';
import { begunAs, goOn } from './visit.ts';

const textsOf = textsIn({
  title: ['Sign in', 'Anmelden'],
  loginName: ['E-mail or user name', 'E-Mail oder Benutzername'],
  next: ['Continue', 'Weiter'],
  passkey: ['Use a passkey', 'Passkey verwenden'],
  or: ['or', 'oder'],
  phone: ['Sign in with your phone', 'Mit dem Telefon anmelden'],
  password: ['Password', 'Passwort'],
  welcome: ['Signing in as', 'Anmeldung als'],
  other: ['Use another name', 'Anderen Namen verwenden'],
  forgot: ['Forgot your password?', 'Passwort vergessen?'],
  signIn: ['Sign in', 'Anmelden'],
  wrong: [
    'This name and password do not fit. After several tries, wait a minute before the next.',
    'Name und Passwort passen nicht zusammen. Nach mehreren Versuchen hilft es, eine Minute zu warten.',
  ],
  wrongPasskey: ['The passkey was not accepted. Please try again.', 'Der Passkey wurde nicht angenommen. Bitte noch einmal versuchen.'],
  lost: [
    'This sign-in is over, or went on in another window. Please begin again.',
    'Diese Anmeldung ist beendet oder ging in einem anderen Fenster weiter. Bitte neu beginnen.',
  ],
  busy: ['This takes longer than it should. Please try again in a moment.', 'Das dauert länger, als es sollte. Bitte gleich noch einmal versuchen.'],
  missing: ['Please fill this in.', 'Bitte ausfüllen.'],
  verified: ['Your e-mail address is confirmed.', 'Ihre E-Mail-Adresse ist bestätigt.'],
  passkeySet: ['Your passkey is set up. Please sign in with it.', 'Der Passkey ist eingerichtet. Bitte damit anmelden.'],
  providerFailed: [
    'Signing in at your provider did not work. Please try again.',
    'Die Anmeldung beim Anbieter hat nicht geklappt. Bitte noch einmal versuchen.',
  ],
  providerUnknown: ['Nobody here is linked to that account.', 'Mit diesem Konto ist hier niemand verknüpft.'],
  signedOut: ['You are signed out.', 'Abgemeldet.'],
  passwordSet: ['Your password is set. Please sign in with it.', 'Das Passwort ist gesetzt. Bitte damit anmelden.'],
});

/** The first page: who is it? Or whoever the passkey says. */
export function showStart(context: Context<LoginEnv>): Promise<Response> {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  if (visit.loginName !== undefined) return showPassword(context, visit.loginName);
  const error = errorAt('loginName', visit.notice, texts);
  return showPage(
    context,
    texts.title,
    <>
      <Says notice={visit.notice} texts={texts} />
      <Form action="/login/name">
        <Field name="loginName" label={texts.loginName} autocomplete="username webauthn" inputmode="email" autofocus error={error} />
        <button type="submit">{texts.next}</button>
      </Form>
      <PasskeyForm text={texts.passkey} or={texts.or} conditional={!visit.lent} />
      {!visit.lent && (
        <>
          <ProviderButtons context={context} />
          <p class="ways">
            <a href="/login/phone">{texts.phone}</a>
          </p>
        </>
      )}
    </>,
  );
}

/** A button for those who have a passkey; it is of use to scripts alone, and hidden without. `conditional` offers passkeys in the name field as well. */
export function PasskeyForm({ text, or, conditional = false }: { text: string; or: string; conditional?: boolean }) {
  return (
    <Form action="/login/passkey" class="passkey" hidden data-passkey="/login/passkey/options" data-conditional={conditional ? '' : undefined}>
      <p class="or">{or}</p>
      <input type="hidden" name="assertion" />
      <button type="submit" class="quiet">
        {text}
      </button>
    </Form>
  );
}

function showPassword(context: Context<LoginEnv>, loginName: string): Promise<Response> {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  const error = errorAt('password', visit.notice, texts);
  return showPage(
    context,
    texts.title,
    <>
      <Says notice={visit.notice} texts={texts} />
      <p class="who">
        {texts.welcome} <strong>{loginName}</strong>
      </p>
      <Form action="/login/password" once={crypto.randomUUID()}>
        <input
          class="visually-hidden"
          name="loginName"
          autocomplete="username"
          value={loginName}
          readonly
          tabindex={-1}
          aria-label={texts.loginName}
        />
        <Field name="password" label={texts.password} type="password" autocomplete="current-password" autofocus error={error} />
        <button type="submit">{texts.signIn}</button>
      </Form>
      <PasskeyForm text={texts.passkey} or={texts.or} />
      <ul class="ways">
        <li>
          <a href="/login/forgot">{texts.forgot}</a>
        </li>
        <li>
          <Form action="/login/restart">
            <button type="submit" class="link">
              {texts.other}
            </button>
          </Form>
        </li>
      </ul>
    </>,
  );
}

/** Name and password. Nothing that these pages do tells whether there is somebody of a name: it is looked up together with the password. */
export const signIn = new Hono<LoginEnv>();

signIn.post('/name', async (context) => {
  const { visit } = context.var;
  const loginName = await formText(context, 'loginName');
  if (loginName === '') return goOn(context, { ...visit, notice: { text: 'missing', field: 'loginName' } });
  return goOn(context, { ...begunAs(visit), loginName });
});

signIn.post('/restart', (context) => goOn(context, begunAs(context.var.visit)));

signIn.post('/password', async (context) => {
  const { visit, api } = context.var;
  const [loginName, password, once] = [visit.loginName, await formText(context, 'password'), await formText(context, 'once')];
  if (loginName === undefined) return goOn(context, visit);
  if (password === '') return goOn(context, { ...visit, notice: { text: 'missing', field: 'password' } });
  const checks = { user: { loginName }, password: { password } };
  const { id = '', token = '' } = visit.session ?? {};
  const proved = await slowly(SIGN_IN_FAILED_MS, () =>
    visit.lent
      ? api.patch<Proved>(`/v2/sessions/${id}`, { sessionToken: token, checks }, once)
      : api.post<Proved>('/v2/sessions', { checks, userAgent: agentOf(context), metadata: placeOf(context) }, once),
  );
  if (!proved.ok) {
    const text = proved.refusal.status === 503 ? 'busy' : 'wrong';
    return goOn(context, { ...visit, notice: { text, field: 'password' } });
  }
  const { sessionId = id, sessionToken = '' } = proved.value;
  return goOn(context, { ...begunAs(visit), session: { id: sessionId, token: sessionToken } });
});

/** A session that was begun with a password; or one that was there, without its id. */
type Proved = Pick<CreateSessionResponseJson, 'sessionId' | 'sessionToken'>;
