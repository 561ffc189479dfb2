import type { PastFailures } from '../cells/user-protocol.ts';
import { outranks } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { userNotActive } from '../core/session/problems.ts';
import type { Guess } from '../core/user/codes.ts';
import { isStopped } from '../core/user/lifecycle.ts';
import { complexityProblem } from '../core/user/password-complexity.ts';
import { hashPassword } from '../crypto/password-hash.ts';
import { findMembership } from '../directory/members.ts';
import { replacePassword } from '../directory/passwords.ts';
import type { User, UserDetails } from '../directory/users.ts';
import { attempt } from '../login-step/attempt.ts';
import { resetFailures } from '../login-step/reset-failures.ts';
import { trialsOf } from '../login-step/trials.ts';
import { endCode, guessCode } from '../login-step/user-codes.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { allowsReset } from './password-reset.ts';
import { flag, message, text } from './protojson.ts';
import { reachByProof, reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { presentDetails } from './user-messages.ts';
import { walkOf } from './walk-of.ts';

const setPasswordMessage = () =>
  message(
    {
      userId: text(1, 200),
      newPassword: message({ password: text(0, 200).optional(), changeRequired: flag.optional() }).optional(),
      currentPassword: text(1, 200).optional(),
      verificationCode: text(1, 20).optional(),
      /** Ours: ends the user's sessions, but for the one whose token is the caller's bearer. */
      endOtherSessions: flag.optional(),
    },
    [['currentPassword', 'verificationCode']],
  );

const passwordEmpty: Problem = { kind: 'invalid-argument', id: 'COMMAND-3klek4sbns', message: 'Password is empty' };
const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-G8dh3', message: 'User could not be found' };
const passwordNotSet: Problem = { kind: 'failed-precondition', id: 'COMMAND-Fds3s', message: 'User has not set a password' };
const passwordNotChanged: Problem = { kind: 'failed-precondition', id: 'COMMAND-Aesh5', message: 'New password is the current one' };
const CODE_PROBLEMS: Record<Exclude<Guess['kind'], 'right'>, Problem> = {
  none: { kind: 'failed-precondition', id: 'COMMAND-2M9fs', message: 'Code not found' },
  wrong: { kind: 'invalid-argument', id: 'CODE-woT0xc', message: 'Code is invalid' },
  expired: { kind: 'failed-precondition', id: 'CODE-QvUQ4P', message: 'Code is expired' },
};
const changedBySomebodyElse: Problem = { kind: 'aborted', id: 'SALLY-Password', message: 'The password was changed by somebody else meanwhile' };

/** Whose password may be changed, and which failed attempts are forgotten with it. */
interface Leave {
  readonly user: User;
  readonly reset: readonly PastFailures[];
  /** The code that gave it. */
  readonly codeId?: string;
}

const setPassword = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/SetPassword`,
    routes: [`POST /${version}/users/{userId}/password`],
    input: setPasswordMessage,
    handle: async ({ userId, newPassword, currentPassword, verificationCode, endOtherSessions }, call) => {
      const password = newPassword?.password ?? '';
      const broken = password === '' ? passwordEmpty : complexityProblem(password, 'DOMAIN');
      if (broken) return fail(broken);
      const leave = await leaveBy({ currentPassword, verificationCode }, call, userId, password);
      if (!leave.ok) return leave;

      const { user, reset, codeId } = leave.value;
      const terms = { changeRequired: newPassword?.changeRequired === true, endSessions: endOtherSessions === true };
      const changed = await replace(call, user, password, terms);
      if (!changed) return fail(changedBySomebodyElse);
      await resetFailures(walkOf(call), user.cell, userId, reset);
      if (codeId !== undefined) await endCode(walkOf(call), user, 'passwordReset', codeId);
      return ok({ details: presentDetails(changed) });
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
async function replace({ caller, cells, config, db, now }: Call, user: User, password: string, terms: Terms): Promise<UserDetails | undefined> {
  const { id: userId, passwordVersion: expectedVersion } = user;
  const { changeRequired, endSessions } = terms;
  const cell = cells.user(user.cell);
  const passwordHash = await hashPassword(password, config.passwords);
  await cell.beginPasswordChange({ userId, version: expectedVersion + 1, callerId: caller.id, endSessions, exceptSessionId: caller.sessionId });
  let written: UserDetails | undefined;
  try {
    written = await replacePassword(db, { userId, passwordHash, changeRequired, expectedVersion }, now);
  } finally {
    await cell.finish(userId, written && expectedVersion + 1);
  }
  return written;
}

const EVERY_FAILURE: Leave['reset'] = [{ method: 'password', upTo: Number.MAX_SAFE_INTEGER }];

interface Proofs {
  readonly currentPassword: string | undefined;
  readonly verificationCode: string | undefined;
}

function leaveBy({ currentPassword, verificationCode }: Proofs, call: Call, userId: string, newPassword: string): Promise<Result<Leave>> {
  if (verificationCode !== undefined) return byCode(call, userId, verificationCode);
  return currentPassword === undefined ? byAdministrator(call, userId) : byKnowingIt(call, userId, currentPassword, newPassword);
}

/** Without a proof: an administrator, and none who would gain a permission by signing in as that user. */
async function byAdministrator(call: Call, userId: string): Promise<Result<Leave>> {
  const user = await reachUser(call, userId, { permission: 'user.write' }, userNotFound);
  if (!user.ok) return user;
  if (user.value.kind === 'machine') return fail(userNotFound);
  if (!outranks(call.caller.membership, await findMembership(call.db, userId))) return fail(noPermission);
  return ok({ user: user.value, reset: EVERY_FAILURE });
}

/**
 * With a code that was sent for it. It is good for the password's version of then: so it serves once, also when two set a password by it at the
 * same time, and no longer than until the next change.
 */
async function byCode(call: Call, userId: string, verificationCode: string): Promise<Result<Leave>> {
  const reached = await reachByProof(call, userId, userNotFound);
  if (!reached.ok) return reached;
  const user = reached.value;
  if (isStopped(user.state)) return fail(userNotActive);
  const guess = await guessCode(walkOf(call), user, 'passwordReset', verificationCode);
  if (guess.kind !== 'right') return fail(CODE_PROBLEMS[guess.kind]);
  if (!allowsReset(user, guess.basis)) return fail(CODE_PROBLEMS.none);
  return ok({ user, reset: EVERY_FAILURE, codeId: guess.id });
}

async function byKnowingIt(call: Call, userId: string, currentPassword: string, newPassword: string): Promise<Result<Leave>> {
  const reached = await reachByProof(call, userId, userNotFound);
  if (!reached.ok) return reached;
  const user = reached.value;
  if (isStopped(user.state)) return fail(userNotActive);
  if (user.passwordHash === undefined) return fail(passwordNotSet);
  const subject = { id: userId, cell: user.cell };
  const trials = trialsOf(walkOf(call), { password: { password: currentPassword } }, { userId, sessionId: '', challenges: {} });
  const attempted = await attempt(walkOf(call), subject, trials, { attemptId: crypto.randomUUID(), goOn: async () => ok(undefined) });
  if (!attempted.ok) return attempted;
  if (samePassword(currentPassword, newPassword)) return fail(passwordNotChanged);
  return ok({ user, reset: attempted.value.resettable });
}

/** Passwords are hashed in their NFKC form, so these two would be one. */
const samePassword = (left: string, right: string): boolean => left.normalize('NFKC') === right.normalize('NFKC');

/** zitadel.user.v2 and v2beta UserService: SetPassword. */
export const passwordOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(setPassword);
