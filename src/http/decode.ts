import type { Context } from 'hono';
import * as z from 'zod';
import { invalid, notBuilt, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Operation } from './operation.ts';
import { snakeCase } from './protojson.ts';

type Raw = Record<string, unknown>;

/**
 * Reads a request's message: the whole body for POST, PUT, PATCH and DELETE (an empty one is an empty message), the query for GET. Path
 * parameters win over both. The content type is not looked at, as Zitadel's gateway does not.
 */
export async function decode(context: Context, { input }: Operation): Promise<Result<unknown>> {
  const raw = ['GET', 'HEAD'].includes(context.req.method) ? ok(fromQuery(context.req.queries())) : parseBody(await context.req.arrayBuffer());
  if (!raw.ok) return raw;
  const parsed = input.safeParse(withPath(raw.value, context.req.param()));
  return parsed.success ? ok(parsed.data) : fail(problemOf(parsed.error));
}

const malformed = fail(invalid('invalid request: malformed JSON'));

function parseBody(bytes: ArrayBuffer): Result<Raw> {
  if (bytes.byteLength === 0) return ok({});
  try {
    const raw: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return fail(invalid('invalid request: must be an object'));
    return ok(raw as Raw);
  } catch {
    return malformed;
  }
}

/** Query parameters as a message; a dot leads into a nested one (`ctx.orgId=1`). */
function fromQuery(queries: Record<string, string[]>): Raw {
  const raw: Raw = Object.create(null);
  for (const [name, values] of Object.entries(queries)) {
    const path = name.split('.');
    const last = path.pop() ?? '';
    let message = raw;
    for (const step of path) {
      if (typeof message[step] !== 'object') message[step] = Object.create(null);
      message = message[step] as Raw;
    }
    message[last] = values.length === 1 ? values[0] : values;
  }
  return raw;
}

function withPath(raw: Raw, parameters: Record<string, string>): Raw {
  const overridden = new Set(Object.keys(parameters).flatMap((name) => [name, snakeCase(name)]));
  return Object.fromEntries([...Object.entries(raw).filter(([name]) => !overridden.has(name)), ...Object.entries(parameters)]);
}

/** The first broken rule, under its id or naming its field; or, where every rule holds, the part that is not built. */
function problemOf({ issues }: z.ZodError): Problem {
  const broken = issues.find((issue) => unbuiltPart(issue) === undefined);
  const known: Problem | undefined = broken?.code === 'custom' ? broken.params?.problem : undefined;
  if (known) return known;
  if (broken) return invalid(`invalid ${broken.path.join('.') || 'request'}: ${broken.message}`);
  return notBuilt(issues.map(unbuiltPart).join(', '));
}

const unbuiltPart = (issue: z.core.$ZodIssue): string | undefined => (issue.code === 'custom' ? issue.params?.notBuilt : undefined);

/** A field that Zitadel has and Sallyport has not built yet: a request that uses it is refused, never carried out in part. */
export const unbuilt = (what: string) =>
  z
    .unknown()
    .optional()
    .superRefine((value, context) => {
      if (value !== undefined) context.addIssue({ code: 'custom', message: 'is not implemented', params: { notBuilt: what } });
    });

/** Refuses a message, from within its schema, by a problem that has an id of its own. */
export function refuseBy(context: z.RefinementCtx, problem: Problem): never {
  context.addIssue({ code: 'custom', message: problem.message, params: { problem } });
  return z.NEVER;
}
