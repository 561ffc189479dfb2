import { STARTED_FOR_MS } from '../core/intent/intent.ts';
import { isAllowedReturn } from '../core/intent/return-url.ts';
import { intentTokenProblem } from '../core/intent/token.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { informationLabel, openIntentToken, proofLabel } from '../crypto/intent-token.ts';
import { seal, unseal } from '../crypto/sealed-box.ts';
import { newSecret } from '../crypto/tokens.ts';
import { findProvider } from '../directory/identity-providers.ts';
import { findIntent, insertIntent, type RetrievedIntent } from '../directory/intents.ts';
import { findLinkedUser } from '../directory/links.ts';
import { authorizationUrl, newProof, reasonOf, type Told } from '../idp/login.ts';
import { unbuilt } from './decode.ts';
import { providerOf } from './idp-provider.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, type JsonObject, message, text, toTimestamp } from './protojson.ts';
import { readyMadeUser } from './ready-made-user.ts';
import type { Version } from './session-messages.ts';

const idpUnknown: Problem = { kind: 'invalid-argument', id: 'COMMAND-39n221fs', message: 'Identity provider does not exist' };
const successUrlInvalid: Problem = { kind: 'invalid-argument', id: 'COMMAND-x8j3bk', message: 'successUrl is not a URL that may be returned to' };
const failureUrlInvalid: Problem = { kind: 'invalid-argument', id: 'COMMAND-x8j4bk', message: 'failureUrl is not a URL that may be returned to' };
const notSucceeded: Problem = { kind: 'failed-precondition', id: 'IDP-nme4gszsvx', message: 'Intent has not succeeded' };
const expired = (version: Version): Problem => ({
  kind: 'failed-precondition',
  id: version === 'v2' ? 'IDP-SAf42' : 'IDP-Afb2s',
  message: 'Intent has expired',
});
const unreadable: Problem = { kind: 'failed-precondition', id: 'SALLY-Sealed', message: 'The intent cannot be read and must be started anew' };

/** Which part of the deadline a provider may take to say where its users log in. */
const PROVIDER_SHARE = 0.8;

const urls = message({ successUrl: text(1, 2048), failureUrl: text(1, 2048) });

const start = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/StartIdentityProviderIntent`,
    routes: [`POST /${version}/idp_intents`],
    input: () => message({ idpId: text(1, 200), urls: urls.optional(), ldap: unbuilt('ldap') }, [['urls', 'ldap']]),
    handle: async ({ idpId, urls: { successUrl, failureUrl } = { successUrl: '', failureUrl: '' } }, call) => {
      const { config, db, now } = call;
      if (!isAllowedReturn(successUrl, returnOrigins(call))) return fail(successUrlInvalid);
      if (!isAllowedReturn(failureUrl, returnOrigins(call))) return fail(failureUrlInvalid);
      const recorded = await findProvider(db, idpId);
      if (recorded?.state !== 'active') return fail(idpUnknown);
      const provider = await providerOf(call, recorded);
      if (!provider.ok) return provider;
      const [id, proof, redirectUri] = [newSecret(), newProof(), `${publicOrigin(call)}/idps/callback`];
      const authUrl = await asked(
        authorizationUrl(provider.value, { state: id, redirectUri, ...proof }, AbortSignal.timeout(config.deadlineMs * PROVIDER_SHARE)),
      );
      if (!authUrl.ok) return authUrl;
      const sealed = await seal(config.sealKeys, proofLabel(id), JSON.stringify(proof));
      await insertIntent(
        db,
        { id, idpId, successUrl, failureUrl, redirectUri, proof: sealed, expiresAt: now + STARTED_FOR_MS },
        config.directoryGeneration,
        now,
      );
      return ok({ details: presentDetails(now, call), authUrl: authUrl.value });
    },
  });

/** Where people's browsers reach this Worker. */
const publicOrigin = ({ config, origin }: Call): string => config.publicOrigin ?? origin;

/** By default only to the login pages. */
function returnOrigins(call: Call): readonly string[] {
  const { returnOrigins: listed, loginUrl } = call.config;
  return [...listed, loginUrl === undefined ? publicOrigin(call) : new URL(loginUrl).origin];
}

async function asked(url: Promise<string>): Promise<Result<string>> {
  try {
    return ok(await url);
  } catch (error) {
    console.error('an identity provider could not be asked', reasonOf(error));
    return fail(unavailable('The identity provider does not answer as it should'));
  }
}

const presentDetails = (changeDate: number, { config }: Call): JsonObject => ({
  sequence: '1',
  changeDate: toTimestamp(changeDate),
  resourceOwner: config.instanceId,
});

/** Retrieving consumes nothing, and can be repeated until a session has used the intent. */
const retrieve = (version: Version): Operation =>
  operation({
    rpc: `zitadel.user.${version}.UserService/RetrieveIdentityProviderIntent`,
    routes: [`POST /${version}/idp_intents/{idpIntentId}`],
    input: () => message({ idpIntentId: text(1, 200), idpIntentToken: text(1, 200) }),
    handle: async ({ idpIntentId, idpIntentToken }, call) => {
      const { config, db, now } = call;
      const wrongToken = intentTokenProblem(await openIntentToken(config.passwords.peppers, idpIntentToken), idpIntentId);
      if (wrongToken) return fail(wrongToken);
      const intent = await findIntent(db, idpIntentId, config.directoryGeneration);
      if (intent?.state !== 'succeeded') return fail(notSucceeded);
      if (intent.expiresAt <= now) return fail(expired(version));
      const opened = await unseal(config.sealKeys, informationLabel(idpIntentId), intent.information ?? '');
      if (opened === undefined) return fail(unreadable);
      const told = JSON.parse(opened) as Told;
      const userId = await findLinkedUser(db, intent.idpId, told.user.id);
      const addHumanUser =
        version === 'v2' && userId === undefined ? { addHumanUser: readyMadeUser(intent.idpId, intent.idpUserName ?? '', told.user) } : {};
      return ok({
        details: presentDetails(intent.changeDate, call),
        idpInformation: presentInformation(intent, told),
        ...(userId !== undefined && { userId }),
        ...addHumanUser,
      });
    },
  });

function presentInformation({ idpId, idpUserName }: RetrievedIntent, { user, raw, accessToken, idToken }: Told): JsonObject {
  return {
    oauth: emit({ accessToken, idToken }),
    idpId,
    userId: user.id,
    userName: idpUserName ?? '',
    rawInformation: raw as JsonObject,
  };
}

/** zitadel.user.v2 and v2beta UserService: StartIdentityProviderIntent, RetrieveIdentityProviderIntent. */
export const intentOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [start(version), retrieve(version)]);
