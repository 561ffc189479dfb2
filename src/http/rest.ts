import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Place } from '../cells/placement.ts';
import { regionOf } from '../cells/placement.ts';
import { type CellBindings, cellsOf } from '../cells/stubs.ts';
import { configOf } from '../config.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, type Result } from '../core/result.ts';
import { callerOf } from './caller.ts';
import { decode } from './decode.ts';
import type { Operation, Route } from './operation.ts';
import { problemResponse } from './problems.ts';
import type { JsonObject } from './protojson.ts';

/** The bindings of the Worker, and what a request carries through it. */
export interface Env {
  Bindings: CellBindings & { readonly DB: D1Database };
  Variables: { route?: string; callerKind?: string; problemId?: string };
}

const BODY_LIMIT_BYTES = 1024 * 1024;
export const tooLarge: Problem = { kind: 'payload-too-large', message: 'request body is too large' };
const tooLate = unavailable('A store did not answer in time');
const wrongMethod: Problem = { kind: 'method-not-allowed', message: 'Method Not Allowed' };

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
    app.on(verb, path, bodyLimit({ maxSize: BODY_LIMIT_BYTES, onError: (context) => refuse(context as Context<Env>, tooLarge) }), (context) => {
      context.set('route', route);
      return answer(context);
    });
  }
  for (const [path, verbs] of paths) {
    app.all(path, (context) => refuseMethod(context, verbs));
  }
  return app;
}

const unbuiltOperation = (route: Route): Problem => ({ kind: 'unimplemented', id: 'SALLY-NotBuilt', message: `${route} is not implemented` });

/** Splits `PATCH /v2/sessions/{sessionId}` into the verb and Hono's form of the path. */
function split(route: Route): [verb: string, path: string] {
  const [verb = '', template = ''] = route.split(' ');
  return [verb, template.replace(/\{(\w+)\}/g, ':$1')];
}

/** One request, answered 503 when its stores are not done with it in time. A caller who hangs up changes nothing: what was begun goes on. */
async function serve(context: Context<Env>, operation: Operation): Promise<Response> {
  const { deadlineMs } = configOf(context.env);
  const answer = carryOut(context, operation);
  context.executionCtx.waitUntil(answer.catch(() => undefined));
  const result = await beforeDeadline(answer, deadlineMs);
  return result.ok ? context.json(result.value as object, operation.success) : refuse(context, result.problem);
}

/** Who calls, what is asked, the handler. The order of refusals is contract 1.7. */
async function carryOut(context: Context<Env>, operation: Operation): Promise<Result<JsonObject>> {
  const { DB: db } = context.env;
  const config = configOf(context.env);
  const now = Date.now();
  const cells = cellsOf(context.env);
  const caller = await callerOf(context.req.header('authorization'), { config, db, cells }, now);
  if (!caller.ok) return caller;
  context.set('callerKind', caller.value.kind);
  const input = await decode(context, operation);
  if (!input.ok) return input;
  // Who was answered 503 in the meantime will come again: nothing is begun for them now.
  if (Date.now() - now >= config.deadlineMs) return fail(tooLate);
  return operation.handle(input.value, {
    caller: caller.value,
    config,
    db,
    cells,
    later: (work) => context.executionCtx.waitUntil(work),
    region: regionOf((context.req.raw.cf ?? {}) as Place),
    now,
    organizationHeader: context.req.header('x-zitadel-orgid'),
    origin: new URL(context.req.url).origin,
    idempotencyKey: context.req.header('idempotency-key'),
  });
}

/** The outcome, or a 503 when it is not there in time. */
export async function beforeDeadline<T>(outcome: Promise<Result<T>>, deadlineMs: number): Promise<Result<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<Result<T>>((resolve) => {
    timer = setTimeout(() => resolve(fail(tooLate)), deadlineMs);
  });
  try {
    return await Promise.race([outcome, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Answers a path that is there for other methods only. */
export function refuseMethod(context: Context<Env>, allowed: readonly string[]): Response {
  const answer = refuse(context, wrongMethod);
  answer.headers.set('allow', allowed.join(', '));
  return answer;
}

/** Answers with a Problem, and leaves its id for the access log. */
export function refuse(context: Context<Env>, problem: Problem): Response {
  if (problem.id) context.set('problemId', problem.id);
  return problemResponse(problem);
}
