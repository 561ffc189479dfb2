import { invalid } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Repeatable } from '../login-step/repeatable.ts';
import type { Call } from './operation.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,200}$/;

/**
 * What a request with an Idempotency-Key (contract 1.4) has in common with its repeats; undefined for one without. The session token is
 * looked at apart from the body, and the order of a map's entries says nothing.
 */
export function repeatableOf({ idempotencyKey: key }: Call, body: Readonly<Record<string, unknown>>): Result<Repeatable | undefined> {
  if (key === undefined) return ok(undefined);
  if (!VISIBLE_ASCII.test(key)) return fail(invalid('invalid Idempotency-Key: must be 1 to 200 visible ASCII characters'));
  const { sessionToken: _, metadata, ...rest } = body;
  const pairs = [...((metadata ?? []) as [string, string][])].sort(([left], [right]) => (left < right ? -1 : 1));
  return ok({ key, body: JSON.stringify([rest, pairs]) });
}
