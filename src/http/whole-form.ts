import type { Context, Next } from 'hono';
import { type Env, inTime, refuse } from './exchange.ts';
import { readBody } from './request-body.ts';

const LIMIT_BYTES = 64 * 1024;

/** Reads what a browser sends, in time and within a limit, before anybody looks at it. */
export async function wholeForm(context: Context<Env>, next: Next): Promise<Response | undefined> {
  if (!['GET', 'HEAD'].includes(context.req.method)) {
    const body = await inTime(context, () => readBody(context, LIMIT_BYTES));
    if (!body.ok) return refuse(context, body.problem);
    context.req.raw = new Request(context.req.raw, { body: body.value });
  }
  await next();
  return undefined;
}
