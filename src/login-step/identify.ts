import { covers, type Scope } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { AdmittedUser, Checks } from '../core/session/command.ts';
import { spendHashTime } from '../crypto/password-hash.ts';
import { findUser } from '../directory/users.ts';
import type { Walk } from './walk.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

/**
 * The user check: looks the named user up and has its cell admit it to the session's cell. A user whom the caller may not name is answered
 * as one who does not exist. An unknown user whose password is given too costs one hash, so that the clock does not tell it from a wrong
 * password.
 */
export async function identify(walk: Walk, checks: Checks, sessionCell: string, write: Scope): Promise<Result<AdmittedUser | undefined>> {
  if (checks.user === undefined) return ok(undefined);
  const user = await findUser(walk.db, checks.user);
  if (user === undefined || !covers(write, user.organizationId)) {
    if (checks.password) await spendHashTime(checks.password.password, walk.passwords);
    return fail(userNotFound);
  }
  const { id, organizationId, preferredLanguage, cell, state, epoch } = user;
  const displayName = user.kind === 'human' ? user.displayName : '';
  const admitted = await walk.cells.user(cell).admit({ userId: id, seen: { state, epoch }, sessionCell });
  if (!admitted.ok) return admitted;
  return ok({ id, organizationId, loginName: user.username, displayName, preferredLanguage, cell, ...admitted.value });
}
