import * as z from 'zod';
import { invalid, notBuilt, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { described } from './described.ts';
import type { Operation } from './operation.ts';
import { snakeCase } from './protojson.ts';

/** A message as it came, not looked at yet. */
export type Raw = Record<string, unknown>;

/** A request's message by the operation's schema: what the handler takes, or the first rule that it breaks. */
export function validate({ input }: Pick<Operation, 'input'>, raw: Raw): Result<unknown> {
  const parsed = input().safeParse(raw);
  return parsed.success ? ok(parsed.data) : fail(problemOf(parsed.error));
}

const malformed = fail(invalid('invalid request: malformed JSON'));
const ambiguous = fail(invalid('invalid request: a key is given twice'));

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** The message in a body of JSON. An empty one is an empty message. */
export function readJson(bytes: ArrayBuffer): Result<Raw> {
  if (bytes.byteLength === 0) return ok({});
  try {
    const text = strictUtf8.decode(bytes);
    const raw: unknown = JSON.parse(text);
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return fail(invalid('invalid request: must be an object'));
    return keysWritten(text) === keysKept(raw) ? ok(raw as Raw) : ambiguous;
  } catch {
    return malformed;
  }
}

/**
 * How many members a JSON text gives its objects. JSON.parse keeps the last of two under one name, and whoever read the request before us may have
 * looked at the first.
 */
function keysWritten(json: string): number {
  let keys = 0;
  let quoted = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at += 1;
    else if (!quoted && character === ':') keys += 1;
  }
  return keys;
}

function keysKept(raw: object): number {
  let keys = 0;
  const left: unknown[] = [raw];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    const members = Object.values(value);
    if (!Array.isArray(value)) keys += members.length;
    for (const member of members) left.push(member);
  }
  return keys;
}

/** Query parameters as a message; a dot leads into a nested one (`ctx.orgId=1`). */
export function readQuery(queries: Record<string, string[]>): Result<Raw> {
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
  return ok(raw);
}

/** A message with the path's parameters, which win over what it says itself. */
export function withPath(raw: Raw, parameters: Record<string, string>): Raw {
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
    })
    .register(described, { unbuilt: true });

/** Refuses a message, from within its schema, by a problem that has an id of its own. */
export function refuseBy(context: z.RefinementCtx, problem: Problem): never {
  context.addIssue({ code: 'custom', message: problem.message, params: { problem } });
  return z.NEVER;
}
