import type { Facts } from '../cells/user-protocol.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { rpIdOf } from '../core/web-authn/rp-id.ts';
import { findFacts } from '../directory/facts.ts';
import { hasUsableLink } from '../directory/links.ts';
import { presentListDetails } from './list-query.ts';
import { type Operation, operation } from './operation.ts';
import { emit, message, text } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import type { Version } from './session-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };

/**
 * Zitadel's names, in the order of its enumeration, of what a user can sign in with at this moment. Recovery codes are shown while there are any,
 * used up or not: which of them are used is known to the user's cell alone, which a list does not ask.
 */
const METHODS: readonly (readonly [name: string, isReady: (facts: Facts, linked: boolean) => boolean, since?: 'v2'])[] = [
  ['PASSWORD', ({ passwordHash }) => passwordHash !== undefined],
  ['PASSKEY', ({ credentials }) => credentials.some(({ kind }) => kind === 'passkey')],
  ['IDP', (_, linked) => linked],
  ['TOTP', ({ totp }) => totp !== undefined],
  ['U2F', ({ credentials }) => credentials.some(({ kind }) => kind === 'u2f')],
  ['OTP_SMS', ({ otpSms }) => otpSms !== undefined],
  ['OTP_EMAIL', ({ otpEmail }) => otpEmail !== undefined],
  ['RECOVERY_CODE', ({ recoveryCodes }) => recoveryCodes.length > 0, 'v2'],
];

/** Every credential has its RP ID, so there are none to include "without domain". v2beta knows no such query. */
const listMessage = () => message({ userId: text(1, 200), domainQuery: message({ domain: text(0, 200).optional() }).optional() });

const list = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/ListAuthenticationMethodTypes`,
    routes: [`GET /${version}/users/{userId}/authentication_methods`],
    input: listMessage,
    handle: async ({ userId, domainQuery }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
      if (!user.ok) return user;
      const known = await findFacts(call.db, userId);
      if (known === undefined) return fail(userNotFound);
      const facts = version === 'v2' && domainQuery?.domain ? { ...known, credentials: atDomain(known, domainQuery.domain) } : known;
      const linked = await hasUsableLink(call.db, userId);
      const authMethodTypes = readyMethods(facts, linked, version).map((name) => `AUTHENTICATION_METHOD_TYPE_${name}`);
      return ok(emit({ details: presentListDetails(authMethodTypes.length, call.now), authMethodTypes }));
    },
  });

/** What a user can sign in with at this moment, in Zitadel's order. */
export const readyMethods = (facts: Facts, linked: boolean, version: Version): string[] =>
  METHODS.filter(([, isReady, since]) => isReady(facts, linked) && (since === undefined || since === version)).map(([name]) => name);

const atDomain = ({ credentials }: Facts, domain: string) => credentials.filter(({ rpId }) => rpId === (rpIdOf(domain) ?? domain));

/** zitadel.user.v2 and v2beta UserService: ListAuthenticationMethodTypes. */
export const authenticationMethodOperations: readonly Operation[] = (['v2', 'v2beta'] as const).map(list);
