import * as z from 'zod';
import { isNowhere, type Permission } from '../core/permission.ts';
import { noPermission } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { PASSWORD_LEAST_BYTES } from '../core/user/password-complexity.ts';
import { type IdentityProvider, listProviders } from '../directory/identity-providers.ts';
import { oldestOrganization } from '../directory/organizations.ts';
import { LANGUAGES } from '../notify/wording.ts';
import { scopeOfCaller } from './caller.ts';
import { NO_AUTO_LINKING, presentOptions } from './idp-form.ts';
import { presentListDetails } from './list-query.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, flag, type JsonObject, message, text, toInt64 } from './protojson.ts';
import type { Version } from './session-messages.ts';

/** A flag of a query, where it is a text. */
const queryFlag = z.union([flag, z.enum(['true', 'false']).transform((value) => value === 'true')], 'must be true or false');

/** Of which organisation: here all have what the instance has. */
const ctx = message({ orgId: text(0, 200).optional(), instance: queryFlag.optional() }, [['orgId', 'instance']]).optional();

/** One of the settings that login pages read. */
interface Setting {
  readonly rpc: string;
  readonly path: string;
  readonly permission?: Permission;
  settings(call: Call): JsonObject;
}

const OF_INSTANCE = { resourceOwnerType: 'RESOURCE_OWNER_TYPE_INSTANCE' };

const SETTINGS: readonly Setting[] = [
  { rpc: 'GetLoginSettings', path: '/login', settings: loginSettings },
  {
    rpc: 'GetPasswordComplexitySettings',
    path: '/password/complexity',
    settings: () => ({
      minLength: toInt64(PASSWORD_LEAST_BYTES),
      requiresUppercase: true,
      requiresLowercase: true,
      requiresNumber: true,
      requiresSymbol: true,
      ...OF_INSTANCE,
    }),
  },
  // Passwords do not grow old here.
  { rpc: 'GetPasswordExpirySettings', path: '/password/expiry', settings: () => OF_INSTANCE },
  {
    rpc: 'GetBrandingSettings',
    path: '/branding',
    settings: ({ config: { branding } }) =>
      emit({ ...branding, lightTheme: emit(branding.lightTheme), darkTheme: emit(branding.darkTheme), ...OF_INSTANCE }),
  },
  // Login names are what they are: no domain is part of them.
  { rpc: 'GetDomainSettings', path: '/domain', settings: () => OF_INSTANCE },
  { rpc: 'GetLegalAndSupportSettings', path: '/legal_support', settings: ({ config }) => ({ ...emit(config.legalAndSupport), ...OF_INSTANCE }) },
  {
    rpc: 'GetLockoutSettings',
    path: '/lockout',
    settings: ({ config: { attempts } }) => {
      const most = toInt64(attempts.lockAfter);
      return emit({ maxPasswordAttempts: most, maxOtpAttempts: most, ...OF_INSTANCE });
    },
  },
  { rpc: 'GetSecuritySettings', path: '/security', permission: 'iam.policy.read', settings: () => ({ embeddedIframe: {} }) },
];

/** True of this place: nobody registers by themselves, and one signs in by the login name alone. The lifetimes are Zitadel's defaults. */
function loginSettings({ config: { forceMfa } }: Call): JsonObject {
  return emit({
    allowUsernamePassword: true,
    allowExternalIdp: true,
    forceMfa,
    passkeysType: 'PASSKEYS_TYPE_ALLOWED',
    disableLoginWithEmail: true,
    disableLoginWithPhone: true,
    passwordCheckLifetime: '864000s',
    externalLoginCheckLifetime: '864000s',
    mfaInitSkipLifetime: '2592000s',
    secondFactorCheckLifetime: '64800s',
    multiFactorCheckLifetime: '43200s',
    secondFactors: ['SECOND_FACTOR_TYPE_OTP', 'SECOND_FACTOR_TYPE_U2F', 'SECOND_FACTOR_TYPE_OTP_EMAIL', 'SECOND_FACTOR_TYPE_OTP_SMS'],
    multiFactors: ['MULTI_FACTOR_TYPE_U2F_WITH_VERIFICATION'],
    ...OF_INSTANCE,
  });
}

const mayRead = ({ caller }: Call, permission: Permission): boolean => !isNowhere(scopeOfCaller(caller, permission));

const read =
  (version: Version) =>
  ({ rpc, path, permission = 'policy.read', settings }: Setting): Operation =>
    operation({
      rpc: `zitadel.settings.${version}.SettingsService/${rpc}`,
      routes: [`GET /${version}/settings${path}`],
      input: () => message(permission === 'policy.read' ? { ctx } : {}),
      handle: async (_, call) => {
        if (!mayRead(call, permission)) return fail(noPermission);
        return ok({ details: { resourceOwner: call.config.instanceId }, settings: settings(call) });
      },
    });

const general = (version: Version): Operation =>
  operation({
    rpc: `zitadel.settings.${version}.SettingsService/GetGeneralSettings`,
    routes: [`GET /${version}/settings`],
    input: () => message({}),
    handle: async (_, call) => {
      if (!mayRead(call, 'policy.read')) return fail(noPermission);
      const defaultOrgId = call.config.defaultOrganizationId ?? (await oldestOrganization(call.db));
      return ok(emit({ defaultOrgId, defaultLanguage: 'en', supportedLanguages: Object.keys(LANGUAGES) }));
    },
  });

const FILTERS = {
  creationAllowed: queryFlag.optional(),
  linkingAllowed: queryFlag.optional(),
  autoCreation: queryFlag.optional(),
  autoLinking: queryFlag.optional(),
};

const activeIdps = (version: Version): Operation =>
  operation({
    rpc: `zitadel.settings.${version}.SettingsService/GetActiveIdentityProviders`,
    routes: [`GET /${version}/settings/login/idps`],
    input: () => message({ ctx, ...(version === 'v2' && FILTERS) } as { ctx: typeof ctx } & typeof FILTERS),
    handle: async ({ creationAllowed, linkingAllowed, autoCreation, autoLinking }, call) => {
      if (!mayRead(call, 'policy.read')) return fail(noPermission);
      const meets = ({ options }: IdentityProvider['config']) =>
        [
          [creationAllowed, options.isCreationAllowed],
          [linkingAllowed, options.isLinkingAllowed],
          [autoCreation, options.isAutoCreation],
          [autoLinking, options.autoLinking !== NO_AUTO_LINKING],
        ].every(([wanted, has]) => wanted === undefined || wanted === has);
      const providers = (await listProviders(call.db)).filter(({ state, config }) => state === 'active' && meets(config));
      const identityProviders = providers.map((provider) => presentIdp(provider, version));
      return ok(emit({ details: presentListDetails(providers.length, call.now), identityProviders }));
    },
  });

const TYPES: Record<IdentityProvider['type'], string> = { oidc: 'OIDC', oauth: 'OAUTH', github: 'GITHUB', google: 'GOOGLE', azure: 'AZURE_AD' };

const presentIdp = ({ id, name, type, config }: IdentityProvider, version: Version): JsonObject => ({
  id,
  name,
  type: `IDENTITY_PROVIDER_TYPE_${TYPES[type]}`,
  ...(version === 'v2' && { options: presentOptions(config.options) }),
});

/** zitadel.settings.v2 and v2beta SettingsService: what login pages read. */
export const settingsOperations: readonly Operation[] = (['v2', 'v2beta'] as const).flatMap((version) => [
  general(version),
  ...SETTINGS.map(read(version)),
  activeIdps(version),
]);
