import type { SessionJson } from '@zitadel/proto/zitadel/session/v2/session_pb.js';
import type { GetSessionResponseJson } from '@zitadel/proto/zitadel/session/v2/session_service_pb.js';
import type { Context } from 'hono';
import type { LoginEnv } from './room.ts';
import { METHODS, type Method, type Visit } from './visit.ts';

/** How far a login has come. */
export type Step =
  /** Nobody is named, or proved, yet. */
  | { readonly at: 'start' }
  | { readonly at: 'second-factor'; readonly methods: readonly Method[] }
  | { readonly at: 'done'; readonly session: SessionJson }
  /** The session is over, or has moved on elsewhere. */
  | { readonly at: 'lost' }
  /** A store does not answer. */
  | { readonly at: 'nowhere' };

const SECOND_FACTOR_MISSING = 'AUTHZ-Kl3p0';

/** Whoever may use a session's token as a bearer is signed in: that is the rule of the API itself. */
export async function stepOf({ var: { api, apiAs } }: Context<LoginEnv>, { session }: Visit): Promise<Step> {
  if (session === undefined) return { at: 'start' };
  const read = await apiAs(session.token).get<GetSessionResponseJson>(`/v2/sessions/${session.id}`);
  if (read.ok) return { at: 'done', session: read.value.session ?? {} };
  if (read.refusal.status === 503) return { at: 'nowhere' };
  if (read.refusal.id !== SECOND_FACTOR_MISSING) return { at: 'lost' };
  const left = await api.get<{ readonly aal: string; readonly remainingMethods?: readonly string[] }>(`/v2/sessions/${session.id}/assurance`);
  if (!left.ok) return { at: left.refusal.status === 503 ? 'nowhere' : 'lost' };
  if (left.value.aal === 'AAL0') return { at: 'start' };
  const remaining = new Set(left.value.remainingMethods);
  return { at: 'second-factor', methods: METHODS.filter((method) => remaining.has(`AUTHENTICATION_METHOD_TYPE_${method}`)) };
}
