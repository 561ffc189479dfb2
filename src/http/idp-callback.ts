import type { Context } from 'hono';
import { configOf } from '../config.ts';
import { SUCCEEDED_FOR_MS } from '../core/intent/intent.ts';
import { withParameters } from '../core/intent/return-url.ts';
import { informationLabel, intentToken, proofLabel } from '../crypto/intent-token.ts';
import { seal, unseal } from '../crypto/sealed-box.ts';
import { findProvider } from '../directory/identity-providers.ts';
import { claimIntent, failIntent, failureUrlOf, succeedIntent, type WaitingIntent } from '../directory/intents.ts';
import { findLinkedUser } from '../directory/links.ts';
import { finishLogin, type Proof, reasonOf, type Told } from '../idp/login.ts';
import type { Env } from './exchange.ts';
import { providerOf } from './idp-provider.ts';

/** What is left of the deadline for the directory, when a provider has taken all the time that it may. */
const DIRECTORY_MS = 1000;

/** Where people's browsers come back to from an identity provider. Nobody is signed in by it: it is answered by a redirect, whatever happens. */
export async function idpCallback(context: Context<Env>): Promise<Response> {
  const { deadlineMs, directoryGeneration } = configOf(context.env);
  const signal = AbortSignal.timeout(Math.max(deadlineMs - DIRECTORY_MS, deadlineMs / 2));
  const answer = await answerOf(context);
  const state = answer.get('state') ?? '';
  if (state === '') return context.text('State is missing (IDP-Hk38e)', 400);
  const db = context.env.DB;
  const now = Date.now();
  const intent = await claimIntent(db, state, directoryGeneration, now);
  if (intent === undefined) {
    const failureUrl = await failureUrlOf(db, state);
    if (failureUrl === undefined) return context.text('Intent has not been started (IDP-gy3ctgkqe7)', 400);
    return sendOn(failureUrl, { id: state, error: 'IDP-Sfrgs', error_description: 'Intent is not waiting for an answer' });
  }
  const refusal = refusalOf(answer);
  const finished = refusal ? undefined : await finish(context, intent, answer, signal);
  if (finished === undefined) {
    await failIntent(db, intent.id, now).catch((error) => console.error('a log-in could not be written down as failed', intent.id, error));
    return sendOn(intent.failureUrl, { id: intent.id, ...(refusal ?? FAILED) });
  }
  return sendOn(intent.successUrl, { id: intent.id, ...finished });
}

const FAILED = { error: 'IDP-Login', error_description: 'The identity provider did not answer as it should' };

/** The parameters, as the provider had the browser bring them: in the query, or in a form. */
async function answerOf(context: Context<Env>): Promise<URLSearchParams> {
  if (context.req.method === 'GET') return new URL(context.req.url).searchParams;
  return new URLSearchParams(await context.req.text());
}

/** What the provider refused with (RFC 6749 section 4.1.2.1), as far as it is what it may be. */
function refusalOf(answer: URLSearchParams): { readonly error: string; readonly error_description: string } | undefined {
  const error = answer.get('error');
  if (error === null) return undefined;
  return { error: printable(error, 100) || FAILED.error, error_description: printable(answer.get('error_description') ?? '', 500) };
}

const printable = (text: string, most: number): string => text.replace(/[^\x20-\x7e]/g, '').slice(0, most);

async function finish(
  context: Context<Env>,
  intent: WaitingIntent,
  answer: URLSearchParams,
  signal: AbortSignal,
): Promise<Record<string, string> | undefined> {
  const db = context.env.DB;
  const config = configOf(context.env);
  try {
    const told = await tell(context, intent, answer, signal);
    if (told === undefined) return undefined;
    const { user } = told;
    const userId = await findLinkedUser(db, intent.idpId, user.id);
    const information = await seal(config.sealKeys, informationLabel(intent.id), JSON.stringify(told));
    const now = Date.now();
    const success = { idpUserId: user.id, idpUserName: nameOf(told), userId, information, expiresAt: now + SUCCEEDED_FOR_MS };
    if (!(await succeedIntent(db, intent.id, success, now))) return undefined;
    return { token: await intentToken(config.passwords.peppers, intent.id), ...(userId !== undefined && { user: userId }) };
  } catch (error) {
    console.error('a log-in at an identity provider failed', intent.idpId, reasonOf(error));
    return undefined;
  }
}

/** Some providers have no user names; then an address, or else the id, serves as one. */
const nameOf = ({ user }: Told): string => user.userName || user.email || user.id;

async function tell(context: Context<Env>, intent: WaitingIntent, answer: URLSearchParams, signal: AbortSignal): Promise<Told | undefined> {
  const config = configOf(context.env);
  const recorded = await findProvider(context.env.DB, intent.idpId);
  if (recorded?.state !== 'active') return undefined;
  const provider = await providerOf({ config }, recorded);
  const proof = await unseal(config.sealKeys, proofLabel(intent.id), intent.proof);
  if (!provider.ok || proof === undefined) {
    console.error('a secret of a log-in was sealed under a key that is no longer listed', intent.idpId);
    return undefined;
  }
  const login = { state: intent.id, redirectUri: intent.redirectUri, ...(JSON.parse(proof) as Proof) };
  return finishLogin(provider.value, login, answer, signal);
}

/** The token is in the address: it goes nowhere but there. */
function sendOn(url: string, parameters: Readonly<Record<string, string | undefined>>): Response {
  return new Response(null, { status: 302, headers: { location: withParameters(url, parameters), 'referrer-policy': 'no-referrer' } });
}
