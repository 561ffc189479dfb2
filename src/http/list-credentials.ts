import * as z from 'zod';
import type { Facts } from '../cells/user-protocol.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { findCredentials } from '../directory/credentials.ts';
import { findFacts } from '../directory/facts.ts';
import { presentListDetails } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit, enumeration, type JsonObject, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';
import { userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

/** A registration that is not finished is in no list. */
const READY = 'AUTH_FACTOR_STATE_READY';
const STATES = ['AUTH_FACTOR_STATE_UNSPECIFIED', 'AUTH_FACTOR_STATE_NOT_READY', READY, 'AUTH_FACTOR_STATE_REMOVED'] as const;

const listPasskeys = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/ListPasskeys`,
    routes: [`POST /${version}/users/{userId}/passkeys/_search`],
    input: () => userIdMessage,
    handle: async ({ userId }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
      if (!user.ok) return user;
      const passkeys = (await findCredentials(call.db, userId)).filter(({ kind }) => kind === 'passkey');
      const result = passkeys.map(({ id, name }) => ({ id, state: READY, name }));
      return ok(emit({ details: presentListDetails(result.length, call.now), result }));
    },
  });

/** Zitadel's AuthFactors, in its order. */
const FACTOR_NAMES = ['OTP', 'OTP_SMS', 'OTP_EMAIL', 'U2F'] as const;
type FactorName = (typeof FACTOR_NAMES)[number];

/** Those of a kind that a user has. */
const FACTORS: Record<FactorName, (facts: Facts) => JsonObject[]> = {
  OTP: ({ totp }) => (totp === undefined ? [] : [{ otp: {} }]),
  OTP_SMS: ({ otpSms }) => (otpSms === undefined ? [] : [{ otpSms: {} }]),
  OTP_EMAIL: ({ otpEmail }) => (otpEmail === undefined ? [] : [{ otpEmail: {} }]),
  U2F: ({ credentials }) => credentials.filter(({ kind }) => kind === 'u2f').map(({ id, name }) => ({ u2f: { id, name } })),
};

const listFactors = operation({
  rpc: 'zitadel.user.v2.UserService/ListAuthenticationFactors',
  routes: ['POST /v2/users/{userId}/authentication_factors/_search'],
  input: () =>
    message({
      userId: text(1, 200),
      authFactors: z.array(enumeration(FACTOR_NAMES)).optional(),
      states: z.array(enumeration(STATES)).optional(),
    }),
  handle: async ({ userId, authFactors = [], states = [] }, call) => {
    const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
    if (!user.ok) return user;
    const facts = await findFacts(call.db, userId);
    if (facts === undefined) return fail(userNotFound);
    const wanted =
      states.length === 0 || states.includes(READY) ? FACTOR_NAMES.filter((name) => authFactors.length === 0 || authFactors.includes(name)) : [];
    const result = wanted.flatMap((name) => FACTORS[name](facts)).map((factor) => ({ state: READY, ...factor }));
    return ok(emit({ result }));
  },
});

/** zitadel.user.v2 and v2beta UserService: ListPasskeys; v2 only: ListAuthenticationFactors. */
export const listCredentialOperations: readonly Operation[] = [...(['v2', 'v2beta'] as const).map(listPasskeys), listFactors];
