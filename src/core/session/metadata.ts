import { decodedLength } from '../decoded-length.ts';
import { invalid } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import { METADATA_MAX_BYTES, METADATA_MAX_KEYS } from './policy.ts';
import type { Session } from './session.ts';

type Metadata = Session['metadata'];

/** Merges pairs into stored metadata, as Zitadel documents it: an empty value deletes its key. The limits hold for the outcome. */
export function mergeMetadata(stored: Metadata, pairs: readonly (readonly [string, string])[]): Result<Metadata> {
  const merged = new Map(Object.entries(stored));
  for (const [key, value] of pairs) {
    if (value === '') merged.delete(key);
    else merged.set(key, value);
  }
  if (merged.size > METADATA_MAX_KEYS) return fail(invalid(`invalid metadata: at most ${METADATA_MAX_KEYS} keys, after the merge`));
  const bytes = [...merged.values()].reduce((sum, value) => sum + decodedLength(value), 0);
  if (bytes > METADATA_MAX_BYTES) return fail(invalid(`invalid metadata: at most ${METADATA_MAX_BYTES} decoded bytes, after the merge`));
  return ok(Object.fromEntries(merged));
}

export function sameMetadata(left: Metadata, right: Metadata): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
