import * as z from 'zod';
import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { newRecoveryCode, recoveryTag } from '../crypto/one-time-code.ts';
import { removeRecoveryCodes, replaceRecoveryCodes } from '../directory/recovery-codes.ts';
import { changed } from './answers.ts';
import { changeCredentials } from './change-credentials.ts';
import { type Operation, operation } from './operation.ts';
import { count, message, text } from './protojson.ts';
import { reachFactors } from './reach-factors.ts';
import { presentDetails, userIdMessage } from './user-messages.ts';

const CODES_MOST = 10;

const userNotFound: Problem = { kind: 'not-found', id: 'COMMAND-ieJ2e', message: 'User could not be found' };
const countInvalid: Problem = {
  kind: 'invalid-argument',
  id: 'COMMAND-7c0nx',
  message: `Count of recovery codes must be between 1 and ${CODES_MOST}`,
};
const notAdded: Problem = { kind: 'failed-precondition', id: 'COMMAND-84rgg', message: 'Recovery codes are not set up' };

/** The codes are in this answer and nowhere else. Unlike Zitadel, which adds to a set, each set takes the place of the one before. */
const generate = operation({
  rpc: 'zitadel.user.v2.UserService/GenerateRecoveryCodes',
  routes: ['POST /v2/users/{userId}/recovery_codes'],
  input: () => message({ userId: text(1, 200), count: count.optional() }),
  output: () => changed.extend({ recoveryCodes: z.array(z.string()) }),
  handle: async ({ userId, count: wanted = CODES_MOST }, call) => {
    if (wanted < 1 || wanted > CODES_MOST) return fail(countInvalid);
    const user = await reachFactors(call, userId, 'user.credential.write', userNotFound);
    if (!user.ok) return user;
    const recoveryCodes = Array.from({ length: wanted }, newRecoveryCode);
    const tags = await tagsOf(call.config.passwords.peppers, userId, recoveryCodes);
    const replaced = await changeCredentials(call, user.value, () => replaceRecoveryCodes(call.db, userId, tags, call.now));
    return replaced ? ok({ details: presentDetails(replaced), recoveryCodes }) : fail(userNotFound);
  },
});

async function tagsOf(peppers: KeyRing, userId: string, codes: readonly string[]): Promise<string[]> {
  const tags = await Promise.all(codes.map((code) => recoveryTag(peppers, userId, code)));
  return tags.map((tag) => {
    if (tag === undefined) throw new Error('the newest pepper is missing');
    return tag;
  });
}

const remove = operation({
  rpc: 'zitadel.user.v2.UserService/RemoveRecoveryCodes',
  routes: ['DELETE /v2/users/{userId}/recovery_codes'],
  input: () => userIdMessage,
  output: () => changed,
  handle: async ({ userId }, call) => {
    const user = await reachFactors(call, userId, 'user.write', userNotFound);
    if (!user.ok) return user;
    const removed = await changeCredentials(call, user.value, () => removeRecoveryCodes(call.db, userId, call.now));
    return removed ? ok({ details: presentDetails(removed) }) : fail(notAdded);
  },
});

/** zitadel.user.v2 UserService: GenerateRecoveryCodes, RemoveRecoveryCodes. v2beta has neither. */
export const recoveryCodeOperations: readonly Operation[] = [generate, remove];
