import { type Context, Hono } from 'hono';
import type { Problem } from '../core/problem.ts';
import type { Result } from '../core/result.ts';
import { type Raw, readJson, readQuery, withPath } from './decode.ts';
import { admit, type Env, inTime, perform, refuse, refuseMethod } from './exchange.ts';
import type { Operation, Route } from './operation.ts';
import { readBody } from './request-body.ts';

/** The operations as Hono routes; `notBuilt` are those that Zitadel has and Sallyport does not, answered before anything is read. */
export function restOf(operations: readonly Operation[], notBuilt: readonly Route[]): Hono<Env> {
  const app = new Hono<Env>();
  const routes = [
    ...operations.flatMap((operation) => operation.routes.map((route) => ({ route, answer: (context: Context<Env>) => serve(context, operation) }))),
    ...notBuilt.map((route) => ({ route, answer: (context: Context<Env>) => refuse(context, unbuiltOperation(route)) })),
  ];
  const paths = new Map<string, string[]>();
  for (const { route, answer } of routes) {
    const [verb, path] = split(route);
    paths.set(path, [...(paths.get(path) ?? []), verb]);
    app.on(verb, path, (context) => {
      context.set('route', route);
      return answer(context);
    });
  }
  for (const [path, verbs] of paths) {
    app.all(path, () => refuseMethod(verbs));
  }
  return app;
}

const unbuiltOperation = (route: Route): Problem => ({ kind: 'unimplemented', id: 'SALLY-NotBuilt', message: `${route} is not implemented` });

/** Splits `PATCH /v2/sessions/{sessionId}` into the verb and Hono's form of the path. */
function split(route: Route): [verb: string, path: string] {
  const [verb = '', template = ''] = route.split(' ');
  return [verb, template.replace(/\{(\w+)\}/g, ':$1')];
}

/**
 * The message of GET is the query, that of the other verbs the whole body. Path parameters win over both. The content type is not looked at, as
 * Zitadel's gateway does not.
 */
async function serve(context: Context<Env>, operation: Operation): Promise<Response> {
  const result = await inTime(context, async () => {
    const caller = await admit(context);
    if (!caller.ok) return caller;
    const raw = await rawOf(context);
    return raw.ok ? perform(context, operation, caller.value, withPath(raw.value, context.req.param())) : raw;
  });
  return result.ok ? context.json(result.value as object, operation.success) : refuse(context, result.problem);
}

async function rawOf(context: Context<Env>): Promise<Result<Raw>> {
  if (['GET', 'HEAD'].includes(context.req.method)) return readQuery(context.req.queries());
  const body = await readBody(context);
  return body.ok ? readJson(body.value) : body;
}
