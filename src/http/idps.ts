import * as z from 'zod';
import { isNowhere, type Permission } from '../core/permission.ts';
import { noPermission, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { seal } from '../crypto/sealed-box.ts';
import { newDecimalId } from '../crypto/tokens.ts';
import {
  findProvider,
  type IdentityProvider,
  type IdpConfig,
  type IdpType,
  insertProvider,
  listProviders,
  removeProvider,
  setProviderState,
  updateProvider,
} from '../directory/identity-providers.ts';
import { changed, details, listDetails } from './answers.ts';
import { scopeOfCaller } from './caller.ts';
import { clientFields, clientOf, presentOptions, providerSecretLabel, providerUrl } from './idp-form.ts';
import { listQuery, pageOf, presentListDetails } from './list-query.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, enumeration, flag, type JsonObject, message, text, toTimestamp } from './protojson.ts';

const notFound: Problem = { kind: 'not-found', id: 'INST-KSi3M', message: 'Identity provider does not exist' };
const wrongState = (message: string): Problem => ({ kind: 'failed-precondition', id: 'IDP-State', message });

const issuerFields = () => ({
  ...clientFields(),
  name: text(1, 200),
  issuer: providerUrl,
  isIdTokenMapping: flag.optional(),
  usePkce: flag.optional(),
});
const oauthFields = () => ({
  ...clientFields(),
  name: text(1, 200),
  authorizationEndpoint: providerUrl,
  tokenEndpoint: providerUrl,
  userEndpoint: providerUrl,
  idAttribute: text(1, 200),
  usePkce: flag.optional(),
});
const presetFields = () => ({ ...clientFields(), name: text(0, 200).optional() });

const TENANT_TYPES = ['AZURE_AD_TENANT_TYPE_COMMON', 'AZURE_AD_TENANT_TYPE_ORGANISATIONS', 'AZURE_AD_TENANT_TYPE_CONSUMERS'] as const;
const TENANTS = {
  AZURE_AD_TENANT_TYPE_COMMON: 'common',
  AZURE_AD_TENANT_TYPE_ORGANISATIONS: 'organizations',
  AZURE_AD_TENANT_TYPE_CONSUMERS: 'consumers',
};

const tenant = () =>
  message(
    {
      tenantType: enumeration(TENANT_TYPES).optional(),
      // It becomes part of an address.
      tenantId: text(1, 200)
        .regex(/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/, 'must be a tenant id or domain')
        .optional(),
    },
    [['tenantType', 'tenantId']],
  ).transform(({ tenantType, tenantId }) => tenantId ?? TENANTS[tenantType ?? 'AZURE_AD_TENANT_TYPE_COMMON']);

const azureFields = () => ({ ...presetFields(), name: text(1, 200), tenant: tenant().optional(), emailVerified: flag.optional() });

/** Zitadel's forms of providers: what is asked of each, and where. */
interface Form {
  readonly type: IdpType;
  readonly rpc: string;
  readonly path: string;
  readonly fields: () => z.ZodRawShape;
  /** What the provider is called that is given no name. */
  readonly fallbackName: string;
}

const FORMS: readonly Form[] = [
  { type: 'oidc', rpc: 'GenericOIDCProvider', path: 'generic_oidc', fields: issuerFields, fallbackName: '' },
  { type: 'oauth', rpc: 'GenericOAuthProvider', path: 'oauth', fields: oauthFields, fallbackName: '' },
  { type: 'github', rpc: 'GitHubProvider', path: 'github', fields: presetFields, fallbackName: 'GitHub' },
  { type: 'google', rpc: 'GoogleProvider', path: 'google', fields: presetFields, fallbackName: 'Google' },
  { type: 'azure', rpc: 'AzureADProvider', path: 'azure', fields: azureFields, fallbackName: 'Microsoft' },
];

/** Whoever adds or changes a provider decides who can sign in as whom. */
const mayWrite = ({ caller }: Call): boolean => scopeOfCaller(caller, 'iam.idp.write').everywhere;

const SERVICE = 'zitadel.admin.v1.AdminService';

const add = ({ type, rpc, path, fields, fallbackName }: Form): Operation =>
  operation({
    rpc: `${SERVICE}/Add${rpc}`,
    routes: [`POST /admin/v1/idps/${path}`],
    input: () => message({ ...fields(), clientSecret: text(1, 2000).optional() }),
    output: () => changed.extend({ id: z.string() }),
    handle: async (input, call) => {
      if (!mayWrite(call)) return fail(noPermission);
      const { config, db, now } = call;
      const id = newDecimalId(now);
      const { name, clientSecret, config: known } = clientOf(type, input, fallbackName);
      const sealed = clientSecret && (await seal(config.sealKeys, providerSecretLabel(id), clientSecret));
      await insertProvider(db, { id, name, type, config: known, clientSecret: sealed }, now);
      return ok({ details: presentDetails({ sequence: 1, creationDate: now, changeDate: now }, call), id });
    },
  });

const update = ({ type, rpc, path, fields, fallbackName }: Form): Operation =>
  operation({
    rpc: `${SERVICE}/Update${rpc}`,
    routes: [`PUT /admin/v1/idps/${path}/{id}`],
    input: () => message({ ...fields(), id: text(1, 200), clientSecret: text(0, 2000).optional() }),
    output: () => changed,
    handle: async (input, call) => {
      if (!mayWrite(call)) return fail(noPermission);
      const { config, db, now } = call;
      const id = String(input.id);
      const { name, clientSecret, config: known } = clientOf(type, input, fallbackName);
      const sealed = clientSecret ? await seal(config.sealKeys, providerSecretLabel(id), clientSecret) : undefined;
      const updated = await updateProvider(db, { id, name, type, config: known, clientSecret: sealed }, now);
      return updated ? ok({ details: presentDetails(updated, call) }) : fail(notFound);
    },
  });

const idMessage = message({ id: text(1, 200) });

/** Nobody signs in by a provider that is deactivated. */
const setState = (verb: 'Deactivate' | 'Reactivate'): Operation =>
  operation({
    rpc: `${SERVICE}/${verb}IDP`,
    routes: [`POST /admin/v1/idps/{id}/_${verb.toLowerCase()}` as `POST /${string}`],
    input: () => idMessage,
    output: () => changed,
    handle: async ({ id }, call) => {
      if (!mayWrite(call)) return fail(noPermission);
      const state = verb === 'Deactivate' ? 'inactive' : 'active';
      const changed = await setProviderState(call.db, id, state, call.now);
      if (changed) return ok({ details: presentDetails(changed, call) });
      return fail((await findProvider(call.db, id)) ? wrongState(`Identity provider is ${state} already`) : notFound);
    },
  });

const remove = operation({
  rpc: `${SERVICE}/DeleteProvider`,
  routes: ['DELETE /admin/v1/idps/templates/{id}'],
  input: () => idMessage,
  output: () => changed,
  handle: async ({ id }, call) => {
    if (!mayWrite(call)) return fail(noPermission);
    const removed = await removeProvider(call.db, id);
    if (removed === undefined) return fail(notFound);
    return ok({ details: presentDetails({ ...removed, sequence: removed.sequence + 1, changeDate: call.now }, call) });
  },
});

const get = operation({
  rpc: 'zitadel.idp.v2.IdentityProviderService/GetIDPByID',
  routes: ['GET /v2/idps/{id}'],
  input: () => idMessage,
  handle: ({ id }, call) => read(call, id, ['iam.idp.read', 'org.idp.read'], (provider) => ({ idp: presentV2(provider, call) })),
});

/** zitadel.idp.v1.Provider. */
const template = () =>
  z.object({
    id: z.string(),
    details,
    state: z.enum(['IDP_STATE_ACTIVE', 'IDP_STATE_INACTIVE']),
    name: z.string(),
    owner: z.literal('IDP_OWNER_TYPE_SYSTEM'),
    type: z.templateLiteral(['PROVIDER_TYPE_', z.string()]),
    config: z.looseObject({ options: z.looseObject({}) }),
  });

const getTemplate = operation({
  rpc: `${SERVICE}/GetProviderByID`,
  routes: ['GET /admin/v1/idps/templates/{id}'],
  input: () => idMessage,
  output: () => z.object({ idp: template() }),
  handle: ({ id }, call) => read(call, id, ['iam.idp.read'], (provider) => ({ idp: presentV1(provider, call) })),
});

const list = operation({
  rpc: `${SERVICE}/ListProviders`,
  routes: ['POST /admin/v1/idps/templates/_search'],
  input: () => message({ query: listQuery.optional() }),
  output: () => z.object({ details: listDetails, result: z.array(template()).optional() }),
  handle: async ({ query }, call) => {
    if (isNowhere(scopeOfCaller(call.caller, 'iam.idp.read'))) return fail(noPermission);
    const providers = await listProviders(call.db);
    const { offset, limit } = pageOf(query);
    const result = providers.slice(offset, offset + limit).map((provider) => presentV1(provider, call));
    return ok(emit({ details: presentListDetails(providers.length, call.now), result }));
  },
});

/** For whoever holds one of the permissions, wherever. */
async function read(
  call: Call,
  id: string,
  permissions: readonly Permission[],
  present: (provider: IdentityProvider) => JsonObject,
): Promise<Result<JsonObject>> {
  if (permissions.every((permission) => isNowhere(scopeOfCaller(call.caller, permission)))) return fail(noPermission);
  const provider = await findProvider(call.db, id);
  return provider ? ok(present(provider)) : fail(notFound);
}

const presentDetails = (details: Pick<IdentityProvider, 'sequence' | 'creationDate' | 'changeDate'>, { config }: Call): JsonObject => ({
  sequence: String(details.sequence),
  creationDate: toTimestamp(details.creationDate),
  changeDate: toTimestamp(details.changeDate),
  resourceOwner: config.instanceId,
});

const V2_TYPES: Record<IdpType, string> = { oidc: 'OIDC', oauth: 'OAUTH', github: 'GITHUB', google: 'GOOGLE', azure: 'AZURE_AD' };
const CONFIG_NAMES: Record<IdpType, string> = { oidc: 'oidc', oauth: 'oauth', github: 'github', google: 'google', azure: 'azureAd' };

const presentV2 = (provider: IdentityProvider, call: Call): JsonObject => ({
  id: provider.id,
  details: presentDetails(provider, call),
  state: `IDP_STATE_${provider.state.toUpperCase()}`,
  name: provider.name,
  type: `IDP_TYPE_${V2_TYPES[provider.type]}`,
  config: { options: presentOptions(provider.config.options), [CONFIG_NAMES[provider.type]]: presentConfig(provider.config) },
});

const presentV1 = (provider: IdentityProvider, call: Call): JsonObject => ({
  id: provider.id,
  details: presentDetails(provider, call),
  state: `IDP_STATE_${provider.state.toUpperCase()}`,
  name: provider.name,
  owner: 'IDP_OWNER_TYPE_SYSTEM',
  type: `PROVIDER_TYPE_${V2_TYPES[provider.type]}`,
  config: { options: presentOptions(provider.config.options), [`${CONFIG_NAMES[provider.type]}Config`]: presentConfig(provider.config) },
});

/** Never the secret. */
function presentConfig({ options: _, tenant: named, ...config }: IdpConfig): JsonObject {
  const [type] = Object.entries(TENANTS).find(([, value]) => value === named) ?? [];
  return emit({ ...config, tenant: named && (type ? { tenantType: type } : { tenantId: named }) });
}

/** zitadel.admin.v1 AdminService: providers of the instance; zitadel.idp.v2: GetIDPByID. */
export const identityProviderOperations: readonly Operation[] = [
  remove,
  getTemplate,
  list,
  ...FORMS.flatMap((form) => [add(form), update(form)]),
  setState('Deactivate'),
  setState('Reactivate'),
  get,
];
