import type { SessionJson } from '@zitadel/proto/zitadel/session/v2/session_pb.js';
import type { ListSessionsResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { type Context, Hono } from 'hono';
import { seenAt } from './device.ts';
import { showFactors } from './factors.tsx';
import { Form, formText, Says } from './form.tsx';
import { type Language, textsIn } from './language.ts';
import { showPage } from './page.tsx';
import type { LoginEnv } from './room.ts';
import { said, signedIn, withOwn } from './signed-in.ts';
import { goOn, keepVisit } from './visit.ts';

const textsOf = textsIn({
  title: ['Your account', 'Ihr Konto'],
  signedInAs: ['Signed in as', 'Angemeldet als'],
  signOut: ['Sign out', 'Abmelden'],
  sessions: ['Where you are signed in', 'Wo Sie angemeldet sind'],
  thisOne: ['this browser', 'dieser Browser'],
  unknown: ['Unknown device', 'Unbekanntes Gerät'],
  seen: ['last seen', 'zuletzt gesehen'],
  end: ['Sign out there', 'Dort abmelden'],
  endOthers: ['Sign out everywhere else', 'Überall sonst abmelden'],
  ended: ['That session is over.', 'Diese Sitzung ist beendet.'],
  endedOthers: ['All other sessions are over.', 'Alle anderen Sitzungen sind beendet.'],
  failed: ['That did not work. Please try again.', 'Das hat nicht geklappt. Bitte noch einmal versuchen.'],
  added: ['Added.', 'Hinzugefügt.'],
  removed: ['Removed.', 'Entfernt.'],
  noAddress: ['For that, your address has to be confirmed first.', 'Dafür muss Ihre Adresse erst bestätigt sein.'],
  wrongCode: ['This code is not right.', 'Dieser Code ist nicht richtig.'],
});
type Texts = ReturnType<typeof textsOf>;

/** My sessions, my factors. */
export async function showAccount(context: Context<LoginEnv>): Promise<Response> {
  const found = await signedIn(context);
  if (found === undefined) return context.redirect('/login', 303);
  const { language, visit } = context.var;
  const texts = textsOf(language);
  const { session, userId, own } = found;
  const [sessions, ways] = await Promise.all([
    own.post<ListSessionsResponseJson>('/v2/sessions/search', { queries: [{ userIdQuery: { id: userId } }] }),
    showFactors(context, userId, own),
  ]);
  if (visit.notice) await keepVisit(context, { ...visit, notice: undefined });
  // The index of the search is a moment behind: this session may not be in it yet.
  const others = sessions.ok ? (sessions.value.sessions ?? []).filter(({ id }) => id !== session.id) : [];
  const listed = [session, ...others];
  const { displayName, loginName } = session.factors?.user ?? {};
  return showPage(
    context,
    texts.title,
    <>
      <Says notice={visit.notice} texts={texts} />
      <p class="who">
        {texts.signedInAs} <strong>{displayName || loginName}</strong>
      </p>
      <Form action="/login/account/sign-out">
        <button type="submit" class="quiet">
          {texts.signOut}
        </button>
      </Form>
      {ways}
      <section aria-labelledby="sessions">
        <h2 id="sessions">{texts.sessions}</h2>
        <ul class="list">
          {listed.map((one) => (
            <Session session={one} current={one.id === session.id} texts={texts} language={language} />
          ))}
        </ul>
        {listed.length > 1 && (
          <Form action="/login/account/sessions/others">
            <button type="submit" class="quiet">
              {texts.endOthers}
            </button>
          </Form>
        )}
      </section>
    </>,
    { wide: true },
  );
}

function Session({ session, current, texts, language }: { session: SessionJson; current: boolean; texts: Texts; language: Language }) {
  const { id, changeDate, userAgent, metadata } = session;
  const place = seenAt(metadata);
  const when = new Date(changeDate ?? 0);
  return (
    <li>
      <div>
        <strong>{userAgent?.description || texts.unknown}</strong> {current && <span class="tag">{texts.thisOne}</span>}
        <p class="hint">
          {texts.seen}{' '}
          <time datetime={when.toISOString()}>{when.toLocaleString(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })} UTC</time>
          {place && `, ${place}`}
        </p>
      </div>
      {!current && (
        <Form action="/login/account/sessions/end">
          <button type="submit" name="id" value={id} class="link">
            {texts.end}
          </button>
        </Form>
      )}
    </li>
  );
}

/** What one does with one's own sessions. */
export const account = new Hono<LoginEnv>();

account.post('/sign-out', async (context) => {
  const { visit, api } = context.var;
  if (visit.session) await api.delete(`/v2/sessions/${visit.session.id}`, { sessionToken: visit.session.token });
  return goOn(context, { notice: { text: 'signedOut' } });
});

account.post('/sessions/end', (context) =>
  withOwn(context, async ({ own }) => said((await own.delete(`/v2/sessions/${await idOf(context)}`)).ok, 'ended')),
);

account.post('/sessions/others', (context) =>
  withOwn(context, async ({ own, userId, session }) =>
    said((await own.delete(`/v2/users/${userId}/sessions`, { exceptSessionId: session.id })).ok, 'endedOthers'),
  ),
);

const idOf = async (context: Context<LoginEnv>): Promise<string> => encodeURIComponent(await formText(context, 'id'));
