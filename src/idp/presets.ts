import { type ClaimNames, STANDARD_CLAIMS } from '../core/intent/external-user.ts';
import type { ClientAuthentication } from './provider.ts';

/** A provider that everybody knows, in data: `{tenant}` in its addresses is filled in. */
export type Preset =
  | { readonly protocol: 'oidc'; readonly issuer: string; readonly scopes: readonly string[] }
  | {
      readonly protocol: 'oauth';
      readonly authorizationEndpoint: string;
      readonly tokenEndpoint: string;
      readonly userEndpoint: string;
      readonly scopes: readonly string[];
      readonly clientAuthentication: ClientAuthentication;
      readonly claims: ClaimNames;
    };

/** What an OpenID provider is asked for unless told otherwise. */
export const OIDC_SCOPES = ['openid', 'profile', 'email', 'phone'];

/** What a generic OAuth 2.0 provider's user endpoint may tell: the standard claims, under an id of its own. */
export const oauthClaims = (idAttribute: string): ClaimNames => ({ ...STANDARD_CLAIMS, id: [idAttribute] });

export const PRESETS = {
  google: { protocol: 'oidc', issuer: 'https://accounts.google.com', scopes: ['openid', 'profile', 'email'] },
  github: {
    protocol: 'oauth',
    authorizationEndpoint: 'https://github.com/login/oauth/authorize',
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    userEndpoint: 'https://api.github.com/user',
    scopes: ['read:user', 'user:email'],
    clientAuthentication: 'post',
    claims: { id: ['id'], userName: ['login'], nickName: ['login'], displayName: ['name'], email: ['email'] },
  },
  azure: {
    protocol: 'oauth',
    authorizationEndpoint: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize',
    tokenEndpoint: 'https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token',
    userEndpoint: 'https://graph.microsoft.com/v1.0/me',
    scopes: ['User.Read'],
    clientAuthentication: 'post',
    claims: {
      id: ['id'],
      userName: ['userPrincipalName'],
      givenName: ['givenName'],
      familyName: ['surname'],
      displayName: ['displayName'],
      email: ['mail', 'userPrincipalName'],
      phone: ['mobilePhone'],
      preferredLanguage: ['preferredLanguage'],
    },
  },
} as const satisfies Record<string, Preset>;
