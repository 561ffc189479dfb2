import type { Spender } from '../cells/user-protocol.ts';
import { type CheckedIntent, notSucceeded } from '../core/intent/intent.ts';
import { intentTokenProblem } from '../core/intent/token.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Checks } from '../core/session/command.ts';
import { openIntentToken } from '../crypto/intent-token.ts';
import { consumeIntent, findCheckedIntent } from '../directory/intents.ts';
import type { Walk } from './walk.ts';

/** What an intent is good for, as a check of this user's needs it; looked up only for a token that opens it. */
export type FoundIntent = Result<CheckedIntent | undefined>;

export async function findIntentOf(walk: Walk, { idpIntent }: Checks, userId: string, consumer: Spender): Promise<FoundIntent> {
  if (idpIntent === undefined) return ok(undefined);
  const problem = intentTokenProblem(await openIntentToken(walk.passwords.peppers, idpIntent.token), idpIntent.intentId);
  return problem ? fail(problem) : ok(await findCheckedIntent(walk.db, idpIntent.intentId, userId, { ...consumer, generation: walk.generation }));
}

/**
 * Consumes the intent of a request whose checks have all passed, as the last thing before the commit: one conditional write, since of two users'
 * cells neither knows what the other has let pass.
 */
export async function useIntent(walk: Walk, { idpIntent }: Checks, userId: string | undefined, consumer: Spender): Promise<Result<undefined>> {
  if (idpIntent === undefined || userId === undefined) return ok(undefined);
  return (await consumeIntent(walk.db, idpIntent.intentId, userId, { ...consumer, generation: walk.generation }, Date.now()))
    ? ok(undefined)
    : fail(notSucceeded);
}
