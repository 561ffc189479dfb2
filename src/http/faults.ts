import { ConfigurationError } from '../config.ts';
import { misconfigured, type Problem, unavailable } from '../core/problem.ts';

const internal: Problem = { kind: 'internal', id: 'SALLY-Internal', message: 'An internal error occurred' };

/** What the caller is told of an exception: a setting that is wrong, a store that could not do its work, or a defect of ours. It goes to the log. */
export function problemOfFault(error: Error): Problem {
  if (error instanceof ConfigurationError) return misconfigured(error.message);
  console.error(error);
  return isOutage(error) ? unavailable('A store could not be reached') : internal;
}

/** D1 and Durable Objects say by these marks that they could not do their work, and the platform, of what went wrong in it, by these words. */
function isOutage(error: Error & { retryable?: boolean; overloaded?: boolean; remote?: boolean }): boolean {
  return /^(D1_|internal error)/.test(error.message) || error.retryable === true || error.overloaded === true || error.remote === true;
}
