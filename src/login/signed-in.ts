import type { SessionJson } from '@zitadel/proto/zitadel/session/v2/session_pb.js';
import type { Context } from 'hono';
import type { Client } from './client.ts';
import type { LoginEnv } from './room.ts';
import { stepOf } from './step.ts';
import { goOn, type Notice } from './visit.ts';

/** Whoever is signed in, with the API as it is theirs. */
export interface SignedIn {
  readonly session: SessionJson;
  readonly userId: string;
  readonly own: Client;
}

/** Who is signed in here; nobody, while a step is missing. */
export async function signedIn(context: Context<LoginEnv>): Promise<SignedIn | undefined> {
  const { visit, apiAs } = context.var;
  const step = await stepOf(context, visit);
  const userId = step.at === 'done' ? step.session.factors?.user?.id : undefined;
  if (step.at !== 'done' || userId === undefined || visit.session === undefined) return undefined;
  return { session: step.session, userId, own: apiAs(visit.session.token) };
}

/** What is said of something that was to be done. */
export const said = (done: boolean, text: string): Notice => ({ text: done ? text : 'failed' });

/** Does something as whoever is signed in, and shows the account again with what there is to say of it. */
export async function withOwn(context: Context<LoginEnv>, act: (found: SignedIn) => Promise<Notice>): Promise<Response> {
  const found = await signedIn(context);
  if (found === undefined) return context.redirect('/login', 303);
  return goOn(context, { ...context.var.visit, notice: await act(found) }, '/login/account');
}
