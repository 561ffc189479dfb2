import type { PastFailures } from '../cells/protocol.ts';
import { isNowhere, outranks } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { userNotActive } from '../core/session/problems.ts';
import { isStopped } from '../core/user/lifecycle.ts';
import { complexityProblem } from '../core/user/password-complexity.ts';
import { hashPassword } from '../crypto/password-hash.ts';
import { findMembership } from '../directory/members.ts';
import { replacePassword } from '../directory/passwords.ts';
import type { User } from '../directory/users.ts';
import { attempt } from '../login-step/attempt.ts';
import { resetFailures } from '../login-step/reset-failures.ts';
import { scopeOfCaller } from './caller.ts';
import { unbuilt } from './decode.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { flag, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { userDetails } from './user-messages.ts';
import { walkOf } from './walk-of.ts';

const setPasswordMessage = message(
  {
    userId: text(1, 200),
    newPassword: message({ password: text(0, 200).optional(), changeRequired: flag.optional() }).optional(),
    currentPassword: text(1, 200).optional(),
    verificationCode: unbuilt('verificationCode'),
    /** Ours: ends the user's sessions, but for the one whose token is the caller's bearer. */
    endOtherSessions: flag.optional(),
  },
  [['currentPassword', 'verificationCode']],
);

const passwordEmpty: Problem = { kind: 'invalid-argument', id: 'COMMAND-3klek4sbns', message: 'Password is empty' };
const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-G8dh3', message: 'User could not be found' };
const passwordNotSet: Problem = { kind: 'failed-precondition', id: 'COMMAND-Fds3s', message: 'User has not set a password' };
const passwordNotChanged: Problem = { kind: 'failed-precondition', id: 'COMMAND-Aesh5', message: 'New password is the current one' };
const changedBySomebodyElse: Problem = { kind: 'aborted', id: 'SALLY-Password', message: 'The password was changed by somebody else meanwhile' };

/** Whose password may be changed, and which failed attempts are forgotten with it. */
interface Leave {
  readonly user: User;
  readonly reset: readonly PastFailures[];
}

const setPassword = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/SetPassword`,
    routes: [`POST /${version}/users/{userId}/password`],
    input: setPasswordMessage,
    handle: async ({ userId, newPassword, currentPassword, endOtherSessions }, call) => {
      const password = newPassword?.password ?? '';
      const broken = password === '' ? passwordEmpty : complexityProblem(password, 'DOMAIN');
      if (broken) return fail(broken);
      const leave = currentPassword === undefined ? await byAdministrator(call, userId) : await byKnowingIt(call, userId, currentPassword, password);
      if (!leave.ok) return leave;

      const { user, reset } = leave.value;
      const terms = { changeRequired: newPassword?.changeRequired === true, endSessions: endOtherSessions === true };
      const changed = await replace(call, user, password, terms);
      if (!changed) return fail(changedBySomebodyElse);
      await resetFailures(walkOf(call), user.cell, userId, reset);
      return ok({ details: await userDetails(call.db, userId) });
    },
  });

/** How the new password is to be taken. */
interface Terms {
  readonly changeRequired: boolean;
  readonly endSessions: boolean;
}

/**
 * Writes the password on top of the one that was read. The user's cell is told before, so that no check goes on with the old one and what
 * follows from the change is not lost with this request; then it passes the change on. What it cannot pass on now it goes on with by itself.
 */
async function replace({ caller, cells, config, db, now }: Call, user: User, password: string, terms: Terms): Promise<boolean> {
  const { id: userId, passwordVersion: expectedVersion } = user;
  const { changeRequired, endSessions } = terms;
  const cell = cells.user(user.cell);
  const passwordHash = await hashPassword(password, config.passwords);
  await cell.beginPasswordChange({ userId, version: expectedVersion + 1, callerId: caller.id, endSessions, exceptSessionId: caller.sessionId });
  try {
    return await replacePassword(db, { userId, passwordHash, changeRequired, expectedVersion }, now);
  } finally {
    await cell.finish(userId);
  }
}

/** Without a proof: an administrator, and none who would gain a permission by signing in as that user. */
async function byAdministrator(call: Call, userId: string): Promise<Result<Leave>> {
  const user = await reachUser(call, userId, { permission: 'user.write' }, userNotFound);
  if (!user.ok) return user;
  if (user.value.kind === 'machine') return fail(userNotFound);
  if (!outranks(call.caller.membership, await findMembership(call.db, userId))) return fail(noPermission);
  return ok({ user: user.value, reset: [{ method: 'password', upTo: Number.MAX_SAFE_INTEGER }] });
}

/**
 * With the current password: the user, or whoever may write the user or its sessions. To Zitadel any caller will do; but a guess is an
 * attempt, and enough of them lock the method, so that is not left to strangers.
 */
async function byKnowingIt(call: Call, userId: string, currentPassword: string, newPassword: string): Promise<Result<Leave>> {
  const permission = isNowhere(scopeOfCaller(call.caller, 'user.write')) ? 'session.write' : 'user.write';
  const reached = await reachUser(call, userId, { permission, orSelf: true }, userNotFound);
  if (!reached.ok) return reached;
  const user = reached.value;
  if (user.kind === 'machine') return fail(userNotFound);
  if (isStopped(user.state)) return fail(userNotActive);
  if (user.passwordHash === undefined) return fail(passwordNotSet);
  const subject = { id: userId, cell: user.cell };
  const attempted = await attempt(walkOf(call), subject, { password: { password: currentPassword } }, { goOn: async () => ok(undefined) });
  if (!attempted.ok) return attempted;
  if (samePassword(currentPassword, newPassword)) return fail(passwordNotChanged);
  return ok({ user, reset: attempted.value.resettable });
}

/** Passwords are hashed in their NFKC form, so these two would be one. */
const samePassword = (left: string, right: string): boolean => left.normalize('NFKC') === right.normalize('NFKC');

/** zitadel.user.v2 and v2beta UserService: SetPassword. */
export const passwordOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(setPassword);
