import type { SetSessionResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import type {
  ListAuthenticationFactorsResponseJson,
  ListPasskeysResponseJson,
  RegisterTOTPResponseJson,
} from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { type Context, Hono } from 'hono';
import { raw } from 'hono/html';
import { renderSVG } from 'uqr';
import type { Client } from './client.ts';
import { Credentials } from './credentials.tsx';
import { Field, Form, formText } from './form.tsx';
import { textsIn } from './language.ts';
import type { LoginEnv } from './room.ts';
import { said, signedIn, withOwn } from './signed-in.ts';
import { goOn, keepVisit, type Visit } from './visit.ts';

const textsOf = textsIn({
  remove: ['Remove', 'Entfernen'],
  app: ['Authenticator app', 'Authenticator-App'],
  hasApp: ['An app is set up.', 'Eine App ist eingerichtet.'],
  addApp: ['Set up an app', 'App einrichten'],
  scan: [
    'Scan this with your app, or type the key in, and then type the code that it shows.',
    'Mit der App scannen oder den Schlüssel eingeben; danach den angezeigten Code eingeben.',
  ],
  key: ['Key', 'Schlüssel'],
  qr: ['QR code for your authenticator app', 'QR-Code für die Authenticator-App'],
  code: ['Code', 'Code'],
  confirm: ['Confirm', 'Bestätigen'],
  codes: ['Codes by message', 'Codes per Nachricht'],
  emailOn: ['Get codes by e-mail', 'Codes per E-Mail erhalten'],
  emailOff: ['Stop codes by e-mail', 'Keine Codes per E-Mail mehr'],
  smsOn: ['Get codes by text message', 'Codes per SMS erhalten'],
  smsOff: ['Stop codes by text message', 'Keine Codes per SMS mehr'],
  recovery: ['Recovery codes', 'Wiederherstellungscodes'],
  recoveryFor: [
    'For the day when your phone is gone. A new set takes the place of the one before.',
    'Für den Tag, an dem das Telefon fehlt. Neue Codes ersetzen die alten.',
  ],
  makeCodes: ['Make new codes', 'Neue Codes erzeugen'],
  keepCodes: ['Write these down now: they are not shown again.', 'Jetzt notieren: Sie werden nicht wieder angezeigt.'],
});
type Texts = ReturnType<typeof textsOf>;

/** The factors of whoever is signed in, and what is under way with them. */
export async function showFactors(context: Context<LoginEnv>, userId: string, own: Client) {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  const [passkeys, factors] = await Promise.all([
    own.post<ListPasskeysResponseJson>(`/v2/users/${userId}/passkeys/_search`),
    own.post<ListAuthenticationFactorsResponseJson>(`/v2/users/${userId}/authentication_factors/_search`),
  ]);
  const ready = factors.ok ? (factors.value.result ?? []) : [];
  const has = (factor: 'otp' | 'otpEmail' | 'otpSms') => ready.some((one) => factor in one);
  if (visit.codes) await keepVisit(context, { ...visit, codes: undefined, notice: undefined });
  return (
    <>
      <Credentials kind="passkeys" found={passkeys.ok ? (passkeys.value.result ?? []) : []} language={language} />
      <Credentials kind="u2f" found={ready.flatMap(({ u2f }) => (u2f ? [u2f] : []))} language={language} />
      <section aria-labelledby="app">
        <h2 id="app">{texts.app}</h2>
        <App has={has('otp')} enrolling={visit.enrolling} texts={texts} />
      </section>
      <section aria-labelledby="codes">
        <h2 id="codes">{texts.codes}</h2>
        <Toggle path="otp_email" on={has('otpEmail')} says={has('otpEmail') ? texts.emailOff : texts.emailOn} />
        <Toggle path="otp_sms" on={has('otpSms')} says={has('otpSms') ? texts.smsOff : texts.smsOn} />
      </section>
      <section aria-labelledby="recovery">
        <h2 id="recovery">{texts.recovery}</h2>
        <p>{texts.recoveryFor}</p>
        {visit.codes && (
          <>
            <p class="notice" role="status">
              {texts.keepCodes}
            </p>
            <ul class="codes">
              {visit.codes.map((code) => (
                <li>
                  <code>{code}</code>
                </li>
              ))}
            </ul>
          </>
        )}
        <Form action="/login/account/recovery-codes">
          <button type="submit" class="quiet">
            {texts.makeCodes}
          </button>
        </Form>
      </section>
    </>
  );
}

function App({ has, enrolling, texts }: { has: boolean; enrolling: Visit['enrolling']; texts: Texts }) {
  if (enrolling) {
    return (
      <>
        <p>{texts.scan}</p>
        <div class="qr" role="img" aria-label={texts.qr}>
          {raw(renderSVG(enrolling.uri, { border: 2 }))}
        </div>
        <p>
          {texts.key} <code>{enrolling.secret}</code>
        </p>
        <Form action="/login/account/totp/verify">
          <Field name="code" label={texts.code} autocomplete="one-time-code" inputmode="numeric" />
          <button type="submit">{texts.confirm}</button>
        </Form>
      </>
    );
  }
  return (
    <>
      {has && <p>{texts.hasApp}</p>}
      <Form action={has ? '/login/account/totp/remove' : '/login/account/totp'}>
        <button type="submit" class={has ? 'link' : 'quiet'}>
          {has ? texts.remove : texts.addApp}
        </button>
      </Form>
    </>
  );
}

function Toggle({ path, on, says }: { path: 'otp_email' | 'otp_sms'; on: boolean; says: string }) {
  return (
    <Form action={`/login/account/${path}`}>
      <button type="submit" name="turn" value={on ? 'off' : 'on'} class={on ? 'link' : 'quiet'}>
        {says}
      </button>
    </Form>
  );
}

/** What one does with one's own factors. */
export const factors = new Hono<LoginEnv>();

for (const path of ['otp_email', 'otp_sms']) {
  factors.post(`/${path}`, (context) =>
    withOwn(context, async ({ own, userId }) => {
      const turnedOff = (await formText(context, 'turn')) === 'off';
      const turned = turnedOff ? await own.delete(`/v2/users/${userId}/${path}`) : await own.post(`/v2/users/${userId}/${path}`);
      return turned.ok ? { text: turnedOff ? 'removed' : 'added' } : { text: turnedOff ? 'failed' : 'noAddress' };
    }),
  );
}

factors.post('/totp', async (context) => {
  const found = await signedIn(context);
  if (found === undefined) return context.redirect('/login', 303);
  const begun = await found.own.post<RegisterTOTPResponseJson>(`/v2/users/${found.userId}/totp`);
  const { visit } = context.var;
  if (!begun.ok) return goOn(context, { ...visit, notice: { text: 'failed' } }, '/login/account');
  const { uri = '', secret = '' } = begun.value;
  return goOn(context, { ...visit, enrolling: { uri, secret } }, '/login/account#app');
});

factors.post('/totp/verify', async (context) => {
  const found = await signedIn(context);
  if (found === undefined) return context.redirect('/login', 303);
  const { visit, api } = context.var;
  const code = (await formText(context, 'code')).replace(/\s/g, '');
  const verified = await found.own.post(`/v2/users/${found.userId}/totp/verify`, { code });
  if (!verified.ok) return goOn(context, { ...visit, notice: { text: 'wrongCode' } }, '/login/account');
  // From now on the app is asked for: the code that proved it proves it in this session as well.
  const { id = '', token = '' } = visit.session ?? {};
  const proved = await api.patch<SetSessionResponseJson>(`/v2/sessions/${id}`, { sessionToken: token, checks: { totp: { code } } });
  const session = { id, token: (proved.ok && proved.value.sessionToken) || token };
  return goOn(context, { ...visit, session, enrolling: undefined, notice: { text: 'added' } }, '/login/account');
});

factors.post('/totp/remove', (context) =>
  withOwn(context, async ({ own, userId }) => said((await own.delete(`/v2/users/${userId}/totp`)).ok, 'removed')),
);

factors.post('/recovery-codes', async (context) => {
  const found = await signedIn(context);
  if (found === undefined) return context.redirect('/login', 303);
  const made = await found.own.post<{ readonly recoveryCodes?: string[] }>(`/v2/users/${found.userId}/recovery_codes`);
  const then: Partial<Visit> = made.ok ? { codes: made.value.recoveryCodes } : { notice: { text: 'failed' } };
  return goOn(context, { ...context.var.visit, ...then }, '/login/account#recovery');
});
