import { type Context, Hono, type Next } from 'hono';
import { invalid, notBuilt, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type Raw, readJson } from './decode.ts';
import { admit, type Env, inTime, perform, refuse, refuseMethod } from './exchange.ts';
import type { Operation } from './operation.ts';
import type { JsonObject } from './protojson.ts';
import { readBody } from './request-body.ts';

/** How the messages of one operation stand in the bodies of one content type. */
export interface Format {
  read(body: ArrayBuffer): Result<Raw>;
  answer(message: JsonObject): Response;
}

const JSON_TYPE = 'application/json';
const json: Format = { read: readJson, answer: (message) => Response.json(message) };

/**
 * The operations by the Connect protocol (connectrpc.com/docs/protocol, unary) and gRPC-Web: `POST /{service}/{method}`. Both go the road that REST
 * goes; what knows protobuf is loaded when it is first asked for.
 */
export function connectOf(operations: readonly Operation[]): Hono<Env> {
  const app = new Hono<Env>();
  const byPath = new Map(operations.map((operation) => [`/${operation.rpc}`, operation]));
  const operationOf = (context: Context<Env>) => byPath.get(context.req.path);
  // One route for them all: a router makes a path of each, and that at each cold start.
  app.post(
    '/:service/:method',
    (context, next) => (operationOf(context) ? speak(context, next) : context.notFound()),
    (context) => {
      const operation = operationOf(context);
      return operation ? serve(context, operation) : context.notFound();
    },
  );
  app.all('/:service/:method', (context) => (operationOf(context) ? refuseMethod(['POST']) : context.notFound()));
  return app;
}

const typeOf = (context: Context<Env>): string => (context.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

/** From here on refusals are worded as the protocol of the request has them. */
function speak(context: Context<Env>, next: Next): Promise<void> {
  context.set('route', `POST ${context.req.path}`);
  context.set('refusal', async (problem: Problem) => (await import('./connect-error.ts')).refusalIn(typeOf(context), problem));
  return next();
}

async function serve(context: Context<Env>, operation: Operation): Promise<Response> {
  const type = typeOf(context);
  const formats = new Map([[JSON_TYPE, json], ...(type === JSON_TYPE ? [] : (await import('./protobuf.ts')).formatsOf(operation))]);
  const format = formats.get(type);
  if (format === undefined) return new Response(null, { status: 415, headers: { 'accept-post': [...formats.keys()].join(', ') } });
  const result = await inTime(context, async () => {
    const caller = await admit(context);
    if (!caller.ok) return caller;
    const understood = checkHeaders(context);
    if (!understood.ok) return understood;
    const body = await readBody(context);
    if (!body.ok) return body;
    const raw = format.read(body.value);
    return raw.ok ? perform(context, operation, caller.value, raw.value) : raw;
  });
  return result.ok ? format.answer(result.value) : refuse(context, result.problem);
}

function checkHeaders(context: Context<Env>): Result<undefined> {
  if (!['1', undefined].includes(context.req.header('connect-protocol-version'))) return fail(invalid('connect-protocol-version must be 1'));
  const encodings = [context.req.header('content-encoding'), context.req.header('grpc-encoding')];
  return encodings.every((encoding) => ['identity', undefined].includes(encoding)) ? ok(undefined) : fail(notBuilt('Compression'));
}
