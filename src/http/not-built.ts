import type { Route } from './operation.ts';

const inBoth = (route: Route): Route[] => [route, route.replace('/v2/', '/v2beta/') as Route];

/** What Zitadel's session and user services offer and Sallyport does not yet: answered 501, so that nobody takes it for a wrong address. */
export const notBuilt: readonly Route[] = [
  ...[
    'PUT /v2/users/human/{userId}',
    'GET /v2/settings',
    'GET /v2/settings/login',
    'GET /v2/settings/login/idps',
    'GET /v2/settings/password/complexity',
    'GET /v2/settings/password/expiry',
    'GET /v2/settings/branding',
    'GET /v2/settings/domain',
    'GET /v2/settings/legal_support',
    'GET /v2/settings/lockout',
    'GET /v2/settings/security',
  ].flatMap((route) => inBoth(route as Route)),
];
