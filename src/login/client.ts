import type { Context } from 'hono';
import { configOf } from '../config.ts';
import type { LoginEnv } from './room.ts';

/** How the public API says no. */
export interface Refusal {
  readonly status: number;
  /** Zitadel's error id, where there is one. */
  readonly id: string | undefined;
  readonly retryAfterSeconds: number | undefined;
}

export type Outcome<Answer> = { readonly ok: true; readonly value: Answer } | { readonly ok: false; readonly refusal: Refusal };

/** The public API as its clients have it: a path, a message of JSON, an answer. Answers are typed by `@zitadel/proto`'s JSON types. */
export interface Client {
  get<Answer>(path: string): Promise<Outcome<Answer>>;
  post<Answer>(path: string, body?: object, idempotencyKey?: string): Promise<Outcome<Answer>>;
  patch<Answer>(path: string, body: object, idempotencyKey?: string): Promise<Outcome<Answer>>;
  delete<Answer>(path: string, body?: object): Promise<Outcome<Answer>>;
}

/** Where requests to the API go: the Worker that the pages are in, without a way through the network. */
export type Dispatch = (request: Request, context: Context<LoginEnv>) => Response | Promise<Response>;

/** The API as whoever holds `bearer` has it; by default that is the login pages themselves. */
export function clientOf(dispatch: Dispatch, context: Context<LoginEnv>, bearer = configOf(context.env).loginClientTokens[0]): Client {
  const send = async <Answer>(method: string, path: string, body?: object, idempotencyKey?: string): Promise<Outcome<Answer>> => {
    const headers = { authorization: `Bearer ${bearer}`, ...(idempotencyKey && { 'idempotency-key': idempotencyKey }) };
    const cf = context.req.raw.cf as CfProperties;
    const request = new Request(new URL(path, context.req.url), { method, headers, cf, ...(body && { body: JSON.stringify(body) }) });
    return outcomeOf(await dispatch(request, context));
  };
  return {
    get: (path) => send('GET', path),
    post: (path, body = {}, idempotencyKey) => send('POST', path, body, idempotencyKey),
    patch: (path, body, idempotencyKey) => send('PATCH', path, body, idempotencyKey),
    delete: (path, body = {}) => send('DELETE', path, body),
  };
}

/** The watch of a session (`GET /v2/sessions/{sessionId}/watch`); undefined where it is refused. */
export async function watchOf(dispatch: Dispatch, context: Context<LoginEnv>, sessionId: string): Promise<WebSocket | undefined> {
  const headers = { upgrade: 'websocket', authorization: `Bearer ${configOf(context.env).loginClientTokens[0]}` };
  const answer = await dispatch(new Request(new URL(`/v2/sessions/${sessionId}/watch`, context.req.url), { headers }), context);
  return answer.webSocket ?? undefined;
}

async function outcomeOf<Answer>(response: Response): Promise<Outcome<Answer>> {
  const body = await response.json();
  if (response.ok) return { ok: true, value: body as Answer };
  const { details } = body as { details?: readonly { readonly id?: string }[] };
  const retryAfter = response.headers.get('retry-after');
  return {
    ok: false,
    refusal: { status: response.status, id: details?.[0]?.id, retryAfterSeconds: retryAfter === null ? undefined : Number(retryAfter) },
  };
}
