import type { SetSessionResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { type Context, Hono } from 'hono';
import type { Refusal } from './client.ts';
import { placeOf } from './device.ts';
import { errorAt, Field, Form, formJson, formText, Says } from './form.tsx';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import { challengeKey } from './passkey.ts';
import type { LoginEnv } from './room.ts';
import { goOn, METHODS, type Method, type Notice, type Visit } from './visit.ts';

const textsOf = textsIn({
  title: ['One more step', 'Noch ein Schritt'],
  choose: ['How do you want to confirm that it is you?', 'Wie möchten Sie bestätigen, dass Sie es sind?'],
  PASSKEY: ['Passkey', 'Passkey'],
  U2F: ['Security key', 'Sicherheitsschlüssel'],
  TOTP: ['Code from your authenticator app', 'Code aus der Authenticator-App'],
  OTP_EMAIL: ['Code by e-mail', 'Code per E-Mail'],
  OTP_SMS: ['Code by text message', 'Code per SMS'],
  RECOVERY_CODE: ['Recovery code', 'Wiederherstellungscode'],
  code: ['Code', 'Code'],
  sentEmail: ['We have sent a code to your e-mail address.', 'Ein Code ist an Ihre E-Mail-Adresse unterwegs.'],
  sentSms: ['We have sent a code to your phone.', 'Ein Code ist an Ihr Telefon unterwegs.'],
  openApp: [
    'Open your authenticator app and type the six digits that it shows.',
    'Öffnen Sie die Authenticator-App und geben Sie die sechs Ziffern ein.',
  ],
  useRecovery: ['Each of these codes works once.', 'Jeder dieser Codes gilt einmal.'],
  touchKey: ['Have your passkey or security key at hand.', 'Halten Sie Passkey oder Sicherheitsschlüssel bereit.'],
  useKey: ['Use passkey or key', 'Passkey oder Schlüssel verwenden'],
  needsScript: ['This way needs JavaScript.', 'Dieser Weg braucht JavaScript.'],
  confirm: ['Confirm', 'Bestätigen'],
  again: ['Send it again', 'Noch einmal senden'],
  another: ['Try another way', 'Anderer Weg'],
  restart: ['Start over', 'Neu beginnen'],
  wrong: ['This code is not right.', 'Dieser Code ist nicht richtig.'],
  wrongKey: ['That did not work. Please try again.', 'Das hat nicht geklappt. Bitte noch einmal versuchen.'],
  wait: ['Too many tries. Please wait {seconds} seconds.', 'Zu viele Versuche. Bitte {seconds} Sekunden warten.'],
  waitToSend: [
    'A code was sent a moment ago. The next can be sent in {seconds} seconds.',
    'Gerade wurde ein Code gesendet. Der nächste geht in {seconds} Sekunden.',
  ],
  notSent: ['The code could not be sent. Please try another way.', 'Der Code konnte nicht gesendet werden. Bitte einen anderen Weg wählen.'],
  busy: ['This takes longer than it should. Please try again in a moment.', 'Das dauert länger, als es sollte. Bitte gleich noch einmal versuchen.'],
  missing: ['Please fill this in.', 'Bitte ausfüllen.'],
});
type Texts = ReturnType<typeof textsOf>;

/** What a code is checked as, and what is to be asked of the person. */
const CODES: Partial<Record<Method, { readonly check: string; readonly says: keyof Texts; readonly sends?: string; readonly digits: boolean }>> = {
  TOTP: { check: 'totp', says: 'openApp', digits: true },
  OTP_EMAIL: { check: 'otpEmail', says: 'sentEmail', sends: 'otpEmail', digits: true },
  OTP_SMS: { check: 'otpSms', says: 'sentSms', sends: 'otpSms', digits: true },
  RECOVERY_CODE: { check: 'recoveryCode', says: 'useRecovery', digits: false },
};

/** The second factor: which one, if there are several; then that one. */
export function showSecondFactor(context: Context<LoginEnv>, methods: readonly Method[]): Promise<Response> {
  const { language, visit } = context.var;
  const texts = textsOf(language);
  const method = visit.method ?? only(methods);
  const shown =
    method === undefined ? (
      <Choice methods={methods} texts={texts} />
    ) : (
      <OneMethod method={method} texts={texts} notice={visit.notice} filledIn={visit.code} />
    );
  return showPage(
    context,
    texts.title,
    <>
      <Says notice={visit.notice} texts={texts} />
      {shown}
      <ul class="ways">
        {methods.length > 1 && method && (
          <li>
            <Form action="/login/factor">
              <button type="submit" class="link">
                {texts.another}
              </button>
            </Form>
          </li>
        )}
        <li>
          <Form action="/login/restart">
            <button type="submit" class="link">
              {texts.restart}
            </button>
          </Form>
        </li>
      </ul>
    </>,
  );
}

/** The one that can be asked for at once, without anything being sent. */
const only = (methods: readonly Method[]): Method | undefined =>
  methods.length === 1 && !CODES[methods[0] ?? 'TOTP']?.sends ? methods[0] : undefined;

function Choice({ methods, texts }: { methods: readonly Method[]; texts: Texts }) {
  return (
    <Form action="/login/factor" class="choice">
      <p>{texts.choose}</p>
      {methods.map((method) => (
        <button type="submit" name="method" value={method} class="quiet">
          {texts[method]}
        </button>
      ))}
    </Form>
  );
}

interface OneMethodProps {
  readonly method: Method;
  readonly texts: Texts;
  readonly notice: Notice | undefined;
  /** A code that came by a link. */
  readonly filledIn: string | undefined;
}

function OneMethod({ method, texts, notice, filledIn }: OneMethodProps) {
  const code = CODES[method];
  if (code === undefined) return <KeyForm texts={texts} />;
  return (
    <>
      <p>{texts[code.says]}</p>
      <Form action="/login/code" once={crypto.randomUUID()}>
        <Field
          name="code"
          label={texts[method]}
          autocomplete={code.digits ? 'one-time-code' : 'off'}
          inputmode={code.digits ? 'numeric' : 'text'}
          autofocus
          value={filledIn}
          error={errorAt('code', notice, texts)}
        />
        <button type="submit">{texts.confirm}</button>
      </Form>
      {code.sends && (
        <Form action="/login/factor">
          <button type="submit" name="method" value={method} class="link">
            {texts.again}
          </button>
        </Form>
      )}
    </>
  );
}

function KeyForm({ texts }: { texts: Texts }) {
  return (
    <>
      <p>{texts.touchKey}</p>
      <noscript>
        <p class="notice">{texts.needsScript}</p>
      </noscript>
      <Form action="/login/key" data-passkey="/login/key/options">
        <input type="hidden" name="assertion" />
        <button type="submit">{texts.useKey}</button>
      </Form>
    </>
  );
}

/** Second factors, in a session whose user has proved one. */
export const secondFactor = new Hono<LoginEnv>();

/** A method is chosen, and its code sent where it has one; or none, to choose again. */
secondFactor.post('/factor', async (context) => {
  const { visit } = context.var;
  const chosen = await formText(context, 'method');
  const method = METHODS.find((known) => known === chosen);
  if (method === undefined) return goOn(context, { ...visit, method: undefined });
  const sends = CODES[method]?.sends;
  if (sends === undefined) return goOn(context, { ...visit, method });
  return carryOn(context, { challenges: { [sends]: sends === 'otpEmail' ? { sendCode: {} } : {} } }, { method }, ({ status, retryAfterSeconds }) =>
    status === 429 ? { text: 'waitToSend', seconds: retryAfterSeconds } : { text: status === 503 ? 'busy' : 'notSent' },
  );
});

secondFactor.post('/code', async (context) => {
  const { visit } = context.var;
  const [code, once] = [(await formText(context, 'code')).replace(/\s/g, ''), await formText(context, 'once')];
  const check = CODES[visit.method ?? 'TOTP']?.check ?? 'totp';
  if (code === '') return goOn(context, { ...visit, notice: { text: 'missing', field: 'code' } });
  return carryOn(context, { checks: { [check]: { code } }, metadata: placeOf(context) }, {}, refusedCode, once);
});

const refusedCode = ({ status, retryAfterSeconds }: Refusal): Notice => {
  if (status === 429 || retryAfterSeconds !== undefined) return { text: status === 503 ? 'busy' : 'wait', seconds: retryAfterSeconds };
  return { text: 'wrong', field: 'code' };
};

secondFactor.post('/key/options', (context) => challengeKey(context, 'PREFERRED'));

secondFactor.post('/key', async (context) => {
  const credentialAssertionData = await formJson(context, 'assertion');
  return carryOn(context, { checks: { webAuthN: { credentialAssertionData } }, metadata: placeOf(context) }, {}, () => ({ text: 'wrongKey' }));
});

/** Carries the session one step further, and the browser with it. A step that fails leaves everything as it was, and says why. */
async function carryOn(
  context: Context<LoginEnv>,
  body: object,
  then: Partial<Visit>,
  refused: (refusal: Refusal) => Notice,
  once?: string,
): Promise<Response> {
  const { visit, api } = context.var;
  if (visit.session === undefined) return goOn(context, visit);
  const { id, token } = visit.session;
  const set = await api.patch<SetSessionResponseJson>(`/v2/sessions/${id}`, { ...body, sessionToken: token }, once);
  if (!set.ok) return goOn(context, { ...visit, notice: refused(set.refusal) });
  return goOn(context, { ...visit, ...then, notice: undefined, code: undefined, session: { id, token: set.value.sessionToken ?? token } });
}
