import { ConfigurationError } from '../config.ts';
import { misconfigured, type Problem, unavailable } from '../core/problem.ts';

const internal: Problem = { kind: 'internal', id: 'SALLY-Internal', message: 'An internal error occurred' };

/** What the caller is told of an exception: a setting that is wrong, a store that could not do its work, or a defect of ours. It goes to the log. */
export function problemOfFault(error: Error): Problem {
  if (error instanceof ConfigurationError) return misconfigured(error.message);
  console.error(error);
  return isOutage(error) ? unavailable('A store could not be reached') : internal;
}

/** What D1 and Durable Objects mark an error with, that tells of their own trouble; a full disk is among what resets an object. */
const MARKS = ['retryable', 'overloaded', 'remote', 'durableObjectReset'] as const;

/** D1 says by its own words that it could not do its work, and so does the platform of what went wrong inside it. */
function isOutage(error: Error & { readonly [Mark in (typeof MARKS)[number]]?: boolean }): boolean {
  return /^(D1_|internal error)/.test(error.message) || MARKS.some((mark) => error[mark] === true);
}
