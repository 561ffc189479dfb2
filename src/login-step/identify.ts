import { checkWebAuthN } from '../checks/web-authn.ts';
import { covers, type Scope } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { AdmittedUser, Checks } from '../core/session/command.ts';
import type { OpenAssertion } from '../core/session/session.ts';
import { userIdOf } from '../core/web-authn/user-handle.ts';
import { spendHashTime } from '../crypto/password-hash.ts';
import { findFacts } from '../directory/facts.ts';
import { findUser, type User } from '../directory/users.ts';
import type { Walk } from './walk.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };
const credentialUnknown: Problem = { kind: 'failed-precondition', id: 'COMMAND-Aej7i', message: 'WebAuthN Token could not be found' };

/**
 * The user check: looks the named user up and has its cell admit it to the session's cell. A user whom the caller may not name is answered
 * as one who does not exist. An unknown user whose password is given too goes the road of a wrong password, so that the clock does not tell
 * them apart.
 */
export async function identify(walk: Walk, checks: Checks, sessionCell: string, write: Scope): Promise<Result<AdmittedUser | undefined>> {
  if (checks.user === undefined) return ok(undefined);
  const user = await findUser(walk.db, checks.user);
  if (user === undefined || !covers(write, user.organizationId)) {
    if (checks.password) await tryNobody(walk, checks.password.password, sessionCell);
    return fail(userNotFound);
  }
  return admit(walk, user, sessionCell);
}

/** A wrong password with nobody at its end: as many calls (admit, reserve, settle), one hash and one row, in a cell that is nobody's but in the same region. */
async function tryNobody(walk: Walk, password: string, sessionCell: string): Promise<void> {
  const [, region, n] = sessionCell.split(':');
  const cell = walk.cells.user(`users:${region}:nobody${n}`);
  const [userId, method] = ['', 'password'] as const;
  for (const _ of ['admit', 'reserve']) await cell.reserve({ userId, tries: [{ method }] });
  await spendHashTime(password, walk.passwords);
  await cell.settle({ reservationId: '', userId, attemptId: '', verdicts: [{ method, passed: false }] });
}

/**
 * The user whom an assertion names by its user handle, for a session that has none (WebAuthn L3 section 7.2 step 6). That it is theirs is proved
 * before anything is said about them, and again with every other check; so it takes no permission. A factor that comes before it in the
 * order of the checks still lacks its user.
 */
export async function identifyByAssertion(
  walk: Walk,
  { password, idpIntent, webAuthN }: Checks,
  open: readonly OpenAssertion[],
  sessionCell: string,
): Promise<Result<AdmittedUser | undefined>> {
  if (webAuthN === undefined || password !== undefined || idpIntent !== undefined) return ok(undefined);
  const userId = userIdOf(webAuthN.assertion?.userHandle ?? '') ?? '';
  const facts = userId === '' ? undefined : await findFacts(walk.db, userId);
  const ground = { userId, credentials: facts?.credentials ?? [], open, origins: walk.webAuthNOrigins, now: Date.now() };
  const finding = await checkWebAuthN(webAuthN.assertion, ground);
  if (finding.kind !== 'passed') return fail(finding.problem ?? credentialUnknown);
  const user = await findUser(walk.db, { userId });
  return user === undefined ? fail(credentialUnknown) : admit(walk, user, sessionCell);
}

async function admit(walk: Walk, user: User, sessionCell: string): Promise<Result<AdmittedUser>> {
  const { id, organizationId, preferredLanguage, cell, state, epoch } = user;
  const displayName = user.kind === 'human' ? user.displayName : '';
  const admitted = await walk.cells.user(cell).admit({ userId: id, seen: { state, epoch }, sessionCell });
  if (!admitted.ok) return admitted;
  return ok({ id, organizationId, loginName: user.username, displayName, preferredLanguage, cell, ...admitted.value });
}
