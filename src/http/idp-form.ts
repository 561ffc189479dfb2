import * as z from 'zod';
import { isProviderUrl } from '../core/intent/provider-url.ts';
import type { IdpConfig, IdpType } from '../directory/identity-providers.ts';
import { OIDC_SCOPES, PRESETS } from '../idp/presets.ts';
import { emit, enumeration, flag, type JsonObject, message, text } from './protojson.ts';

const SCOPES_MOST = 20;

/** Where a provider is: https, or this machine. */
export const providerUrl = text(1, 500).refine(isProviderUrl, 'must be an https URL (http on loopback only) without a user or a fragment');

export const NO_AUTO_LINKING = 'AUTO_LINKING_OPTION_UNSPECIFIED';
const AUTO_LINKING = [NO_AUTO_LINKING, 'AUTO_LINKING_OPTION_USERNAME', 'AUTO_LINKING_OPTION_EMAIL'] as const;

const providerOptions = () =>
  message({
    isLinkingAllowed: flag.optional(),
    isCreationAllowed: flag.optional(),
    isAutoCreation: flag.optional(),
    isAutoUpdate: flag.optional(),
    autoLinking: enumeration(AUTO_LINKING).optional(),
  });

/** What every kind of provider is told of us. `clientAuthentication` is ours: how the secret is sent, where the provider does not say. */
export const clientFields = () => ({
  clientId: text(1, 200),
  scopes: z
    .array(text(1, 100).regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope'))
    .max(SCOPES_MOST)
    .optional(),
  providerOptions: providerOptions().optional(),
  clientAuthentication: z.enum(['basic', 'post'], 'must be basic or post').optional(),
});

/** The options as they are shown: what is not switched on is left out, as any zero is. */
export const presentOptions = ({ autoLinking, ...flags }: IdpConfig['options']): JsonObject =>
  emit({ ...flags, ...(autoLinking !== NO_AUTO_LINKING && { autoLinking }) });

/** How a provider's client secret is sealed. */
export const providerSecretLabel = (idpId: string) => ({ purpose: 'idp client secret', owner: idpId });

/** The fields of every form, of which each form has some. */
type Form = z.infer<z.ZodObject<ReturnType<typeof clientFields>>> &
  Partial<Omit<IdpConfig, 'scopes' | 'options'>> & { readonly id?: string; readonly name?: string; readonly clientSecret?: string };

/** What a provider's form holds, however it is laid out. */
export function clientOf(type: IdpType, input: object, fallbackName: string) {
  const { id: _, name, clientSecret, providerOptions: options, scopes, tenant, ...rest } = input as Form;
  const config: IdpConfig = {
    ...rest,
    scopes: scopesOf(type, scopes ?? []),
    options: {
      isLinkingAllowed: options?.isLinkingAllowed ?? false,
      isCreationAllowed: options?.isCreationAllowed ?? false,
      isAutoCreation: options?.isAutoCreation ?? false,
      isAutoUpdate: options?.isAutoUpdate ?? false,
      autoLinking: options?.autoLinking ?? NO_AUTO_LINKING,
    },
    ...(type === 'azure' && { tenant: tenant ?? 'common' }),
  };
  return { name: name || fallbackName, clientSecret: clientSecret || undefined, config };
}

/** OpenID Connect is nothing without its scope. */
function scopesOf(type: IdpType, given: readonly string[]): readonly string[] {
  const fallback = type === 'oidc' ? OIDC_SCOPES : type === 'oauth' ? [] : PRESETS[type].scopes;
  const scopes = given.length > 0 ? given : fallback;
  const needsOpenId = (type === 'oidc' || type === 'google') && !scopes.includes('openid');
  return needsOpenId ? ['openid', ...scopes] : scopes;
}
