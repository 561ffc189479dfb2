import type { Problem } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import type { Checks } from './command.ts';
import { passwordNeedsUser, userChangeNotPossible } from './problems.ts';

/** Enough of a user to address the cell that keeps what the user can spend. */
export interface Subject {
  readonly id: string;
  readonly cell: string;
}

/** In the order of the checks, what each factor says when the session has no user. */
const NEEDS_USER: Record<Exclude<keyof Checks, 'user'>, Problem> = { password: passwordNeedsUser };

/**
 * Whom the factor checks of a request are about: the user that it names, or else the session's. A session never changes its user.
 * Undefined where no user is there and none is needed.
 */
export function subjectOf(current: Subject | undefined, named: Subject | undefined, checks: Checks): Result<Subject | undefined> {
  if (current && named && current.id !== named.id) return fail(userChangeNotPossible);
  const subject = named ?? current;
  if (subject) return ok(subject);
  for (const [factor, problem] of Object.entries(NEEDS_USER)) {
    if (checks[factor as keyof Checks] !== undefined) return fail(problem);
  }
  return ok(undefined);
}
