import type { CreateSessionResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import type { GetActiveIdentityProvidersResponseJson } from '@zitadel/proto/zitadel/settings/v2/settings_service_pb.js';
import type {
  RetrieveIdentityProviderIntentResponseJson,
  StartIdentityProviderIntentResponseJson,
} from '@zitadel/proto/zitadel/user/v2/user_service_pb.js';
import { type Context, Hono } from 'hono';
import type { Client } from './client.ts';
import { agentOf, placeOf } from './device.ts';
import { Form, formText } from './form.tsx';
import { textsIn } from './language.ts';
import { showPage } from './page.tsx';
import type { LoginEnv } from './room.ts';
import { goOn, keepVisit } from './visit.ts';

const textsOf = textsIn({
  with: ['Continue with', 'Weiter mit'],
  onwards: ['On to your provider', 'Weiter zum Anbieter'],
  goOn: ['Continue', 'Weiter'],
});

/** A button for each identity provider that is in use. */
export async function ProviderButtons({ context }: { context: Context<LoginEnv> }) {
  const listed = await context.var.api.get<GetActiveIdentityProvidersResponseJson>('/v2/settings/login/idps');
  const found = listed.ok ? (listed.value.identityProviders ?? []) : [];
  if (found.length === 0) return null;
  const texts = textsOf(context.var.language);
  return (
    <Form action="/login/provider" class="choice">
      {found.map(({ id, name }) => (
        <button type="submit" name="idpId" value={id} class="quiet">
          {texts.with} {name}
        </button>
      ))}
    </Form>
  );
}

/** Signing in with an account at an identity provider. */
export const providers = new Hono<LoginEnv>();

providers.post('/provider', async (context) => {
  const { visit, api, language } = context.var;
  const idpId = await formText(context, 'idpId');
  // Ties what comes back to this browser, whoever else may have been sent to our return address.
  const trip = crypto.randomUUID();
  const back = new URL(`/login/provider/return?trip=${trip}`, context.req.url).href;
  const started = await api.post<StartIdentityProviderIntentResponseJson>('/v2/idp_intents', { idpId, urls: { successUrl: back, failureUrl: back } });
  const authUrl = started.ok ? started.value.authUrl : undefined;
  if (authUrl === undefined) return goOn(context, { ...visit, notice: { text: 'providerFailed' } });
  await keepVisit(context, { returnTo: visit.returnTo, trip: { id: trip, idpId } });
  const texts = textsOf(language);
  context.header('refresh', `0; url=${authUrl}`);
  return showPage(
    context,
    texts.onwards,
    <p>
      <a class="button" href={authUrl}>
        {texts.goOn}
      </a>
    </p>,
  );
});

providers.get('/provider/return', async (context) => {
  const { visit, api } = context.var;
  const { trip, id = '', token = '', user } = context.req.query();
  const { trip: begun, ...rest } = visit;
  if (begun === undefined || begun.id !== trip || token === '') return goOn(context, { ...rest, notice: { text: 'providerFailed' } });
  const userId = user ?? (await newcomer(api, begun.idpId, id, token));
  if (userId === undefined) return goOn(context, { ...rest, notice: { text: 'providerUnknown' } });
  const created = await api.post<CreateSessionResponseJson>('/v2/sessions', {
    checks: { user: { userId }, idpIntent: { idpIntentId: id, idpIntentToken: token } },
    userAgent: agentOf(context),
    metadata: placeOf(context),
  });
  if (!created.ok) return goOn(context, { ...rest, notice: { text: 'providerFailed' } });
  const { sessionId = '', sessionToken = '' } = created.value;
  return goOn(context, { returnTo: visit.returnTo, session: { id: sessionId, token: sessionToken } });
});

/** Somebody whom nobody here knows yet: made a user where the provider's options say so. */
async function newcomer(api: Client, idpId: string, intentId: string, token: string): Promise<string | undefined> {
  const listed = await api.get<GetActiveIdentityProvidersResponseJson>('/v2/settings/login/idps?autoCreation=true');
  if (!listed.ok || !(listed.value.identityProviders ?? []).some(({ id }) => id === idpId)) return undefined;
  const retrieved = await api.post<RetrieveIdentityProviderIntentResponseJson>(`/v2/idp_intents/${encodeURIComponent(intentId)}`, {
    idpIntentToken: token,
  });
  if (!retrieved.ok || retrieved.value.addHumanUser === undefined) return undefined;
  const added = await api.post<{ readonly userId: string }>('/v2/users/human', retrieved.value.addHumanUser);
  return added.ok ? added.value.userId : undefined;
}
