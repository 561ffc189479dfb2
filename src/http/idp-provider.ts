import { misconfigured, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { unseal } from '../crypto/sealed-box.ts';
import type { IdentityProvider } from '../directory/identity-providers.ts';
import { oauthClaims, PRESETS, type Preset } from '../idp/presets.ts';
import type { Provider } from '../idp/provider.ts';
import { providerSecretLabel } from './idp-form.ts';
import type { Call } from './operation.ts';

const unreadable: Problem = misconfigured('The client secret of the identity provider was sealed under a key that is no longer listed');

const SHARED_TENANTS = ['common', 'organizations', 'consumers'];

/** A recorded provider, ready to be talked to. */
export async function providerOf({ config: settings }: Pick<Call, 'config'>, recorded: IdentityProvider): Promise<Result<Provider>> {
  const { id, type, config, clientSecret: sealed } = recorded;
  const clientSecret = sealed && (await unseal(settings.sealKeys, providerSecretLabel(id), sealed));
  if (sealed !== undefined && clientSecret === undefined) return fail(unreadable);
  const { clientId, scopes, clientAuthentication, isIdTokenMapping = false, emailVerified = false, tenant = 'common' } = config;
  const client = { clientId, clientSecret, clientAuthentication, scopes };
  if (type === 'oidc') return ok({ ...client, protocol: 'oidc', issuer: config.issuer ?? '', isIdTokenMapping });
  if (type === 'oauth') {
    const { authorizationEndpoint = '', tokenEndpoint = '', userEndpoint = '', idAttribute = '' } = config;
    return ok({ ...client, protocol: 'oauth', authorizationEndpoint, tokenEndpoint, userEndpoint, claims: oauthClaims(idAttribute), emailVerified });
  }
  const preset: Preset = PRESETS[type];
  if (preset.protocol === 'oidc') return ok({ ...client, protocol: 'oidc', issuer: preset.issuer, isIdTokenMapping, letsChoose: true });
  const at = (address: string) => address.replace('{tenant}', encodeURIComponent(tenant));
  return ok({
    ...client,
    protocol: 'oauth',
    clientAuthentication: clientAuthentication ?? preset.clientAuthentication,
    authorizationEndpoint: at(preset.authorizationEndpoint),
    tokenEndpoint: at(preset.tokenEndpoint),
    userEndpoint: at(preset.userEndpoint),
    claims: preset.claims,
    letsChoose: true,
    // Of a tenant that anybody can make, nobody vouches for the addresses.
    emailVerified: emailVerified && !SHARED_TENANTS.includes(tenant),
  });
}
