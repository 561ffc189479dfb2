import type { Context } from 'hono';
import { type Place, regionOf } from '../cells/placement.ts';
import { type CellBindings, cellsOf } from '../cells/stubs.ts';
import { configOf } from '../config.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, type Result } from '../core/result.ts';
import { type Caller, callerOf } from './caller.ts';
import { type Raw, validate } from './decode.ts';
import { problemOfFault } from './faults.ts';
import { type Fence, withinFence } from './fence.ts';
import type { Operation } from './operation.ts';
import { problemResponse } from './problems.ts';
import type { JsonObject } from './protojson.ts';

/** The bindings of the Worker, and what a request carries through it. */
export interface Env {
  Bindings: CellBindings & { readonly DB: D1Database; readonly RATE_LIMIT?: Fence };
  Variables: {
    /** When the request came, in milliseconds since 1970. */
    began: number;
    route?: string;
    callerKind?: string;
    problemId?: string;
    /** What a request that is late is told, while it is not our stores that it waits for. */
    late?: Problem | undefined;
    /** How refusals are worded in the protocol that the request speaks, where that is not REST. */
    refusal?: (problem: Problem) => Response | Promise<Response>;
  };
}

const tooLate = unavailable('A store did not answer in time');
const wrongMethod: Problem = { kind: 'method-not-allowed', message: 'Method Not Allowed' };

/** Whether the address that the request comes from may have somebody looked up. */
export const passFence = (context: Context<Env>): Promise<Result<undefined>> =>
  withinFence(context.env.RATE_LIMIT, context.req.header('cf-connecting-ip'));

/** Who calls; to be asked before the request is looked at (contract 1.7). */
export async function admit(context: Context<Env>): Promise<Result<Caller>> {
  const reach = { config: configOf(context.env), db: context.env.DB, cells: cellsOf(context.env), passFence: () => passFence(context) };
  const caller = await callerOf(context.req.header('authorization'), reach, context.get('began'));
  if (caller.ok) context.set('callerKind', caller.value.kind);
  return caller;
}

/** Does what is asked, if it is well asked. */
export async function perform(context: Context<Env>, operation: Operation, caller: Caller, raw: Raw): Promise<Result<JsonObject>> {
  const config = configOf(context.env);
  const now = context.get('began');
  const input = validate(operation, raw);
  if (!input.ok) return input;
  // Who was answered 503 in the meantime will come again: nothing is begun for them now.
  if (Date.now() - now >= config.deadlineMs) return fail(tooLate);
  return operation.handle(input.value, {
    caller,
    config,
    db: context.env.DB,
    cells: cellsOf(context.env),
    later: (work) => context.executionCtx.waitUntil(work),
    get region() {
      return regionOf((context.req.raw.cf ?? {}) as Place);
    },
    now,
    organizationHeader: context.req.header('x-zitadel-orgid'),
    get origin() {
      return new URL(context.req.url).origin;
    },
    idempotencyKey: context.req.header('idempotency-key'),
  });
}

/**
 * The outcome of what a request asks for; a 503 when its stores fail, or are not done by its deadline. A caller who hangs up changes nothing: what was
 * begun goes on.
 */
export async function inTime<T>(context: Context<Env>, work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    const { deadlineMs } = configOf(context.env);
    const outcome = work();
    // Its value is not held for as long: it may be a socket.
    context.executionCtx.waitUntil(outcome.then(nothing, nothing));
    return await beforeDeadline(outcome, deadlineMs - (Date.now() - context.get('began')), () => context.get('late') ?? tooLate);
  } catch (error) {
    return fail(problemOfFault(error as Error));
  }
}

const nothing = (): void => {};

async function beforeDeadline<T>(outcome: Promise<Result<T>>, remainingMs: number, late: () => Problem): Promise<Result<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<Result<T>>((resolve) => {
    timer = setTimeout(() => resolve(fail(late())), remainingMs);
  });
  try {
    return await Promise.race([outcome, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Answers with a Problem, in the protocol of the request, and leaves its id for the access log. */
export function refuse(context: Context<Env>, problem: Problem): Response | Promise<Response> {
  if (problem.id) context.set('problemId', problem.id);
  return (context.get('refusal') ?? problemResponse)(problem);
}

/** Answers a path that is there for other methods only. */
export function refuseMethod(allowed: readonly string[]): Response {
  const answer = problemResponse(wrongMethod);
  answer.headers.set('allow', allowed.join(', '));
  return answer;
}
