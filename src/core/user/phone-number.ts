import type { Problem } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';

const phoneInvalid: Problem = { kind: 'invalid-argument', id: 'PHONE-so0wa', message: 'Phone is invalid' };

/** E.164: a plus, then 7 to 15 digits, the first of them not a zero. */
const E164 = /^\+[1-9]\d{6,14}$/;

/**
 * Reads a phone number as E.164: spaces, dashes and parentheses between the digits are dropped. No default region is applied, so a number
 * without its leading plus is refused. Pure.
 */
export function phoneNumber(input: string): Result<string> {
  const number = input.replace(/[\s()-]/g, '');
  return E164.test(number) ? ok(number) : fail(phoneInvalid);
}
