import type { Problem } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';

const refused = (id: string, message: string): Problem => ({ kind: 'invalid-argument', id, message });

const empty = refused('EMAIL-spblu', 'Email is empty');
const malformed = refused('EMAIL-599BI', 'Email is invalid');
const withDisplayName = refused('EMAIL-599GV', 'Email must be an address without a display name');

/** A dot-atom of RFC 5322, letters beyond ASCII included; quoted local parts are refused. */
const LOCAL_PART = /^[^\s.@"(),:;<>[\]\\\p{Cc}]+(?:\.[^\s.@"(),:;<>[\]\\\p{Cc}]+)*$/u;
const HOST = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** Lengths by RFC 5321 section 4.5.3.1, in bytes. */
const LOCAL_MOST_BYTES = 64;
const HOST_MOST_BYTES = 253;

/** Reads an e-mail address. White space around it does not count; a host without a dot (`localhost`) is one. Pure. */
export function emailAddress(input: string): Result<string> {
  const address = input.trim();
  if (address === '') return fail(empty);
  if (/^.+<[^<>]*>$/su.test(address)) return fail(withDisplayName);
  const at = address.lastIndexOf('@');
  const [local, host] = [address.slice(0, Math.max(at, 0)), address.slice(at + 1)];
  const fits = new TextEncoder().encode(local).byteLength <= LOCAL_MOST_BYTES && host.length <= HOST_MOST_BYTES;
  return at > 0 && fits && LOCAL_PART.test(local) && HOST.test(host) ? ok(address) : fail(malformed);
}
