import type { Context } from 'hono';
import { invalid, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Env } from './exchange.ts';

const LIMIT_BYTES = 1024 * 1024;
const FIRST_BYTES = 4096;
const tooLarge: Problem = { kind: 'payload-too-large', message: 'request body is too large' };
const late = invalid('invalid request: the body did not come in time');
const broken = fail(invalid('invalid request: the body ends before its end'));

/**
 * The body of a request, unless it is too long, by its own account or as soon as that shows while it is read. Whoever sends it may never come to its end:
 * it is to be read in time.
 */
export async function readBody(context: Context<Env>, most = LIMIT_BYTES): Promise<Result<ArrayBuffer>> {
  const length = context.req.header('content-length');
  context.set('late', late);
  try {
    if (length === undefined || context.req.header('transfer-encoding') !== undefined) return await counted(context.req.raw.body, most);
    return Number(length) <= most ? ok(await context.req.arrayBuffer()) : fail(tooLarge);
  } catch {
    return broken;
  } finally {
    context.set('late', undefined);
  }
}

/** A body that does not say how long it is. */
async function counted(body: ReadableStream<Uint8Array> | null, most: number): Promise<Result<ArrayBuffer>> {
  let whole = new Uint8Array(FIRST_BYTES);
  let size = 0;
  for await (const chunk of body ?? []) {
    const end = size + chunk.byteLength;
    if (end > most) return fail(tooLarge);
    if (end > whole.byteLength) {
      const grown = new Uint8Array(Math.max(end, whole.byteLength * 2));
      grown.set(whole);
      whole = grown;
    }
    whole.set(chunk, size);
    size = end;
  }
  return ok(whole.buffer.slice(0, size));
}
