import type { ClaimNames } from '../core/intent/external-user.ts';

/** How a client proves itself to a provider's token endpoint (RFC 6749 section 2.3.1); undefined leaves it to what the provider says. */
export type ClientAuthentication = 'basic' | 'post' | undefined;

interface Client {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: ClientAuthentication;
  readonly scopes: readonly string[];
  /** Whether whoever is logged in there already may choose another account; undefined leaves it to what the provider says. */
  readonly letsChoose?: boolean | undefined;
}

/** An OpenID provider, found by its discovery document. */
export interface OidcProvider extends Client {
  readonly protocol: 'oidc';
  readonly issuer: string;
  /** Whether the ID token alone says who somebody is, without a look at the userinfo endpoint. */
  readonly isIdTokenMapping: boolean;
}

/** A provider that speaks OAuth 2.0 and has an endpoint of its own that says who somebody is. */
export interface OAuthProvider extends Client {
  readonly protocol: 'oauth';
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userEndpoint: string;
  readonly claims: ClaimNames;
  /** Whether its e-mail addresses are verified ones, where it does not say so itself. */
  readonly emailVerified: boolean;
}

export type Provider = OidcProvider | OAuthProvider;
