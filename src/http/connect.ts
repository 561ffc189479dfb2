import { type Context, Hono, type Next } from 'hono';
import { invalid, notBuilt, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { readBody } from './decode.ts';
import { admit, type Env, inTime, limitBody, perform, refuse, refuseMethod } from './exchange.ts';
import type { Operation } from './operation.ts';

const JSON_TYPE = 'application/json';

/**
 * The operations by the Connect protocol (connectrpc.com/docs/protocol, unary) and gRPC-Web: `POST /{service}/{method}`. JSON goes the road that REST
 * goes; what needs protobuf is loaded when it is first asked for.
 */
export function connectOf(operations: readonly Operation[]): Hono<Env> {
  const app = new Hono<Env>();
  const limit = limitBody();
  for (const operation of operations) {
    const path = `/${operation.rpc}`;
    app.post(path, speak, limit, (context) => (typeOf(context) === JSON_TYPE ? answerJson(context, operation) : answerBinary(context, operation)));
    app.all(path, () => refuseMethod(['POST']));
  }
  return app;
}

const typeOf = (context: Context<Env>): string => (context.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** From here on refusals are worded as the protocol of the request has them. */
function speak(context: Context<Env>, next: Next): Promise<void> {
  context.set('route', `POST ${context.req.path}`);
  const type = typeOf(context);
  context.set('refusal', async (problem: Problem) => (await import('./connect-error.ts')).refusalIn(type, problem));
  return next();
}

async function answerJson(context: Context<Env>, operation: Operation): Promise<Response> {
  const result = await inTime(context, async () => {
    const caller = await admit(context);
    if (!caller.ok) return caller;
    const known = checkHeaders(context);
    if (!known.ok) return known;
    const raw = await readBody(context.req);
    return raw.ok ? perform(context, operation, caller.value, raw.value) : raw;
  });
  return result.ok ? context.json(result.value as object) : refuse(context, result.problem);
}

function checkHeaders(context: Context<Env>): Result<undefined> {
  if (!['1', undefined].includes(context.req.header('connect-protocol-version'))) return fail(invalid('connect-protocol-version must be 1'));
  if (!['identity', undefined].includes(context.req.header('content-encoding'))) return fail(notBuilt('content-encoding'));
  return ok(undefined);
}

async function answerBinary(context: Context<Env>, operation: Operation): Promise<Response> {
  const { protobufHandlerOf } = await import('./protobuf.ts');
  const answer = protobufHandlerOf(operation);
  return answer ? answer(context) : new Response(null, { status: 415, headers: { 'accept-post': JSON_TYPE } });
}
