import type { CreateSessionResponseJson, SetSessionResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import { type Context, Hono } from 'hono';
import { agentOf, placeOf } from './device.ts';
import { formJson } from './form.tsx';
import type { LoginEnv } from './room.ts';
import { keepSealed, readSealed } from './sealed-cookie.ts';
import { begunAs, goOn, keepVisit, type Visit } from './visit.ts';

const challengeOf = (context: Context<LoginEnv>, requirement: 'REQUIRED' | 'PREFERRED') => ({
  webAuthN: { domain: new URL(context.req.url).hostname, userVerificationRequirement: `USER_VERIFICATION_REQUIREMENT_${requirement}` },
});

/** A challenge for keys of the session's user: for a script, which has the browser answer it. */
export async function challengeKey(context: Context<LoginEnv>, requirement: 'REQUIRED' | 'PREFERRED'): Promise<Response> {
  const { visit, api } = context.var;
  if (visit.session === undefined) return context.json({}, 409);
  const { id, token } = visit.session;
  const challenges = challengeOf(context, requirement);
  const set = await api.patch<SetSessionResponseJson>(`/v2/sessions/${id}`, { challenges, sessionToken: token });
  if (!set.ok) return context.json({}, 409);
  await keepVisit(context, { ...visit, session: { id, token: set.value.sessionToken ?? token } });
  return context.json(set.value.challenges?.webAuthN?.publicKeyCredentialRequestOptions ?? {});
}

/** In a cookie of its own: a page asks for it in the background, while a form may be on its way. */
const OFFER = 'sallyport-offer';
const OFFER_LABEL = { purpose: 'login-offer', owner: 'browser' };

/** Passkeys instead of name and password: whoever holds one is named by it. */
export const passkey = new Hono<LoginEnv>();

/** A session of nobody yet, with a challenge that any passkey of this place answers. */
passkey.post('/passkey/options', async (context) => {
  const { visit, api } = context.var;
  if (visit.lent) return challengeKey(context, 'REQUIRED');
  const challenges = challengeOf(context, 'REQUIRED');
  const created = await api.post<CreateSessionResponseJson>('/v2/sessions', { challenges, userAgent: agentOf(context), lifetime: '600s' });
  if (!created.ok) return context.json({}, 503);
  const { sessionId: id = '', sessionToken: token = '', challenges: opened } = created.value;
  await keepSealed(context, OFFER, OFFER_LABEL, { id, token });
  return context.json(opened?.webAuthN?.publicKeyCredentialRequestOptions ?? {});
});

passkey.post('/passkey', async (context) => {
  const { visit, api } = context.var;
  const credentialAssertionData = await formJson(context, 'assertion');
  const at = visit.lent ? visit.session : await readSealed<NonNullable<Visit['session']>>(context, OFFER, OFFER_LABEL);
  if (at === undefined) return goOn(context, { ...visit, notice: { text: 'wrongPasskey' } });
  const own = visit.lent ? {} : { metadata: placeOf(context), lifetime: SESSION_LIFETIME };
  const body = { sessionToken: at.token, checks: { webAuthN: { credentialAssertionData } }, ...own };
  const set = await api.patch<SetSessionResponseJson>(`/v2/sessions/${at.id}`, body);
  if (!set.ok) return goOn(context, { ...visit, notice: { text: set.refusal.status === 503 ? 'busy' : 'wrongPasskey' } });
  return goOn(context, { ...begunAs(visit), session: { id: at.id, token: set.value.sessionToken ?? at.token } });
});

/** 30 days. */
export const SESSION_LIFETIME = '2592000s';
