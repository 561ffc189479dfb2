import type { SessionJson } from '@zitadel/proto/zitadel/session/v2/session_pb.js';
import type {
  CreateSessionResponseJson,
  GetSessionResponseJson,
  SetSessionResponseJson,
} from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { type Context, Hono } from 'hono';
import { raw } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import { renderSVG } from 'uqr';
import { configOf } from '../config.ts';
import { seal, unseal } from '../crypto/sealed-box.ts';
import { agentOf, placeOf, seenAt } from './device.ts';
import { Form, formText } from './form.tsx';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import { SESSION_LIFETIME } from './passkey.ts';
import type { LoginEnv } from './room.ts';
import { goOn, keepVisit, type Visit } from './visit.ts';

const textsOf = textsIn({
  title: ['Sign in with your phone', 'Mit dem Telefon anmelden'],
  scan: ['Scan this with your phone, and sign in there.', 'Scannen Sie dies mit dem Telefon und melden Sie sich dort an.'],
  number: ['Your phone asks whether this number is shown here:', 'Ihr Telefon fragt, ob hier diese Zahl steht:'],
  qr: ['QR code that opens the sign-in on your phone', 'QR-Code, der die Anmeldung auf dem Telefon öffnet'],
  done: ['I have signed in on my phone', 'Ich habe mich am Telefon angemeldet'],
  back: ['Back', 'Zurück'],
  joinTitle: ['Sign in on another device?', 'Auf einem anderen Gerät anmelden?'],
  joinFor: ['You are about to sign in on:', 'Sie melden sich an auf:'],
  unknown: ['an unknown device', 'einem unbekannten Gerät'],
  joinNumber: [
    'Go on only if you have it in front of you, and this number is shown there:',
    'Nur fortfahren, wenn Sie es vor sich haben und dort diese Zahl steht:',
  ],
  join: ['The number is the same', 'Die Zahl stimmt'],
  notMine: ['This was not me', 'Das war nicht ich'],
  over: [
    'This code is not good any more. Please begin again on the other device.',
    'Dieser Code gilt nicht mehr. Bitte am anderen Gerät neu beginnen.',
  ],
  doneTitle: ['Done', 'Fertig'],
  handedOver: ['You are signed in on the other device.', 'Sie sind auf dem anderen Gerät angemeldet.'],
});

const LABEL = { purpose: 'login-phone', owner: 'browser' };
const WAITING_SECONDS = 600;
const HANDED_OVER = 'login.handed-over';
const YES = btoa('yes');

/** What the QR code says, sealed. */
interface Invitation {
  readonly id: string;
  readonly token: string;
  readonly number: string;
}

/** One device waits for another to sign in in its place. The session is the waiting one's own; the other carries it forward, and lets go of it. */
export const phone = new Hono<LoginEnv>();

phone.get('/phone', async (context) => {
  const { visit, language } = context.var;
  const texts = textsOf(language);
  const waiting = visit.waiting && visit.waiting.until > Date.now() ? visit.waiting : await beginToWait(context);
  if (waiting === undefined) return goOn(context, { ...visit, notice: { text: 'busy' } });
  await keepVisit(context, { ...visit, waiting });
  const box = await seal(configOf(context.env).sealKeys, LABEL, JSON.stringify(waiting satisfies Invitation));
  const url = new URL(`/login/phone/join?${new URLSearchParams({ c: box })}`, context.req.url).href;
  return showPage(
    context,
    texts.title,
    <>
      <p>{texts.scan}</p>
      <div class="qr" role="img" aria-label={texts.qr}>
        {raw(renderSVG(url, { border: 2 }))}
      </div>
      <p>
        {texts.number} <strong class="number">{waiting.number}</strong>
      </p>
      <Form action="/login/phone/done" data-wait="/login/phone/wait">
        <button type="submit" class="quiet">
          {texts.done}
        </button>
      </Form>
      <Form action="/login/phone/stop" class="ways">
        <button type="submit" class="link">
          {texts.back}
        </button>
      </Form>
    </>,
  );
});

async function beginToWait(context: Context<LoginEnv>): Promise<Visit['waiting']> {
  const begun = await context.var.api.post<CreateSessionResponseJson>('/v2/sessions', {
    userAgent: agentOf(context),
    metadata: placeOf(context),
    lifetime: `${WAITING_SECONDS}s`,
  });
  if (!begun.ok) return undefined;
  const number = String((crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % 100).padStart(2, '0');
  const until = Date.now() + WAITING_SECONDS * 1000;
  return { id: begun.value.sessionId ?? '', token: begun.value.sessionToken ?? '', number, until };
}

phone.post('/phone/stop', (context) => goOn(context, { ...context.var.visit, waiting: undefined }));

/** Tells the waiting browser when it is its turn: the watch of its session, relayed, because the browser has no token. */
phone.get('/phone/wait', (context) => {
  const { visit, watch } = context.var;
  return streamSSE(context, async (stream) => {
    const socket = visit.waiting && (await watch(visit.waiting.id));
    if (!socket) return;
    const isReady = await new Promise<boolean>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        if (isHandedOver((JSON.parse(String(data)) as { session?: SessionJson }).session)) resolve(true);
      });
      socket.addEventListener('close', () => resolve(false));
      stream.onAbort(() => resolve(false));
      socket.accept();
    });
    if (isReady) await stream.writeSSE({ event: 'ready', data: '' });
    socket.close();
  });
});

const isHandedOver = (session: SessionJson | undefined): boolean => session?.metadata?.[HANDED_OVER] === YES;

/** The waiting browser takes over what has become of its session. */
phone.post('/phone/done', async (context) => {
  const { visit, api } = context.var;
  const { waiting, ...rest } = visit;
  if (waiting === undefined) return goOn(context, rest);
  const read = await api.get<GetSessionResponseJson>(`/v2/sessions/${waiting.id}`);
  if (!read.ok) return goOn(context, { ...rest, notice: { text: 'lost' } });
  if (!isHandedOver(read.value.session)) return context.redirect('/login/phone', 303);
  const taken = await api.patch<SetSessionResponseJson>(`/v2/sessions/${waiting.id}`, {
    metadata: { [HANDED_OVER]: '' },
    lifetime: SESSION_LIFETIME,
  });
  if (!taken.ok) return goOn(context, { ...rest, notice: { text: 'lost' } });
  return goOn(context, { returnTo: visit.returnTo, session: { id: waiting.id, token: taken.value.sessionToken ?? '' } });
});

async function invitationOf(context: Context<LoginEnv>, box: string): Promise<Invitation | undefined> {
  const opened = await unseal(configOf(context.env).sealKeys, LABEL, box);
  return opened === undefined ? undefined : (JSON.parse(opened) as Invitation);
}

/** On the phone: for whom is this? Nobody signs in for a device that they do not see. */
phone.get('/phone/join', async (context) => {
  const texts = textsOf(context.var.language);
  const box = context.req.query('c') ?? '';
  const invitation = await invitationOf(context, box);
  const query = new URLSearchParams({ sessionToken: invitation?.token ?? '' });
  const read = invitation && (await context.var.api.get<GetSessionResponseJson>(`/v2/sessions/${invitation.id}?${query}`));
  if (!read?.ok) return showPage(context, texts.joinTitle, <p>{texts.over}</p>);
  const { userAgent, metadata } = read.value.session ?? {};
  return showPage(
    context,
    texts.joinTitle,
    <>
      <p>
        {texts.joinFor} <strong>{[userAgent?.description || texts.unknown, seenAt(metadata)].filter(Boolean).join(', ')}</strong>
      </p>
      <p>
        {texts.joinNumber} <strong class="number">{invitation?.number}</strong>
      </p>
      <Form action="/login/phone/join">
        <input type="hidden" name="c" value={box} />
        <button type="submit">{texts.join}</button>
      </Form>
      <p class="ways">
        <a href="/login">{texts.notMine}</a>
      </p>
    </>,
  );
});

phone.post('/phone/join', async (context) => {
  const invitation = await invitationOf(context, await formText(context, 'c'));
  if (invitation === undefined) return goOn(context, { notice: { text: 'lost' } });
  const { id, token } = invitation;
  return goOn(context, { session: { id, token }, lent: true, kept: context.var.visit.session });
});

/** The phone has signed in for the other device: it says so, and has no more part in it. What it was signed in with before is its own again. */
export async function handOver(context: Context<LoginEnv>): Promise<Response> {
  const { visit, api, language } = context.var;
  const texts = textsOf(language);
  const { id, token } = visit.session ?? { id: '', token: '' };
  const handed = await api.patch(`/v2/sessions/${id}`, { sessionToken: token, metadata: { [HANDED_OVER]: YES } });
  await keepVisit(context, { session: visit.kept });
  return showPage(context, handed.ok ? texts.doneTitle : texts.joinTitle, <p>{handed.ok ? texts.handedOver : texts.over}</p>);
}
