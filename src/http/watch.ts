import type { Context } from 'hono';
import { cellOfSession } from '../cells/session-id.ts';
import { type Read, WATCH_QUERY } from '../cells/session-protocol.ts';
import { socketsOf } from '../cells/stubs.ts';
import { configOf } from '../config.ts';
import { NOWHERE } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { sessionNotFound } from '../core/session/problems.ts';
import { digest } from '../crypto/digest.ts';
import { readerOf } from './caller.ts';
import { admit, type Env, inTime, passFence, refuse } from './exchange.ts';
import { isSessionToken } from './session-caller.ts';

const notUpgraded: Problem = { kind: 'failed-precondition', id: 'SALLY-Upgrade', message: 'A watch is a WebSocket: Upgrade is missing' };

/**
 * `GET /v2/sessions/{sessionId}/watch`: a WebSocket that says what becomes of a session, for those who may read it. A browser, which cannot send
 * headers with it, names the session's current token as a subprotocol, so that it is in no URL: `new WebSocket(url, ['sallyport.watch.v1', token])`.
 */
export async function watch(context: Context<Env>): Promise<Response> {
  context.set('route', 'GET /v2/sessions/{sessionId}/watch');
  const query = await inTime(context, () => queryOf(context));
  if (!query.ok) return refuse(context, query.problem);
  if (context.req.header('upgrade')?.toLowerCase() !== 'websocket') return refuse(context, notUpgraded);
  const { cell, read } = query.value;
  const headers = { upgrade: 'websocket', [WATCH_QUERY]: encodeURIComponent(JSON.stringify(read)) };
  const answer = await socketsOf(context.env, cell).fetch('https://cell/watch', { headers });
  if (answer.webSocket === null) return refuse(context, await answer.json<Problem>());
  return new Response(null, { status: 101, webSocket: answer.webSocket, headers: new Headers(answer.headers) });
}

async function queryOf(context: Context<Env>): Promise<Result<{ readonly cell: string; readonly read: Read }>> {
  const config = configOf(context.env);
  const sessionId = context.req.param('sessionId') ?? '';
  const offered = (context.req.header('sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim());
  const token = offered.find(isSessionToken);
  const authorization = context.req.header('authorization');
  const presented = token && (await digest(token));
  const cell = await cellOfSession(sessionId, config.sessionIdKeys);
  if (authorization === undefined && presented) {
    if (cell === undefined) return fail(sessionNotFound);
    const passed = await passFence(context);
    return passed.ok ? ok({ cell, read: { sessionId, callerId: '', presented, read: NOWHERE } }) : passed;
  }
  const caller = await admit(context);
  if (!caller.ok) return caller;
  if (cell === undefined) return fail(sessionNotFound);
  return ok({ cell, read: { ...readerOf(caller.value), sessionId, presented } });
}
