import type { Facts } from '../cells/user-protocol.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { findFacts } from '../directory/facts.ts';
import { presentListDetails } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

/**
 * Zitadel's names, in the order of its enumeration, of what a user can sign in with at this moment. Recovery codes are shown while there are any,
 * used up or not: which of them are used is known to the user's cell alone, which a list does not ask.
 */
const METHODS: readonly (readonly [name: string, isReady: (facts: Facts) => boolean, since?: 'v2'])[] = [
  ['PASSWORD', ({ passwordHash }) => passwordHash !== undefined],
  ['TOTP', ({ totp }) => totp !== undefined],
  ['OTP_SMS', ({ otpSms }) => otpSms !== undefined],
  ['OTP_EMAIL', ({ otpEmail }) => otpEmail !== undefined],
  ['RECOVERY_CODE', ({ recoveryCodes }) => recoveryCodes.length > 0, 'v2'],
];

/** The domain query concerns passkeys only, which are not built. */
const list = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/ListAuthenticationMethodTypes`,
    routes: [`GET /${version}/users/{userId}/authentication_methods`],
    input: userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
      if (!user.ok) return user;
      const facts = await findFacts(call.db, userId);
      if (facts === undefined) return fail(userNotFound);
      const ready = METHODS.filter(([, isReady, since]) => isReady(facts) && (since === undefined || since === version));
      const authMethodTypes = ready.map(([name]) => `AUTHENTICATION_METHOD_TYPE_${name}`);
      return ok(emit({ details: presentListDetails(authMethodTypes.length, call.now), authMethodTypes }));
    },
  });

/** zitadel.user.v2 and v2beta UserService: ListAuthenticationMethodTypes. */
export const authenticationMethodOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(list);
