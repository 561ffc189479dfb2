import type { Route } from './operation.ts';

const inBoth = (route: Route): Route[] => [route, route.replace('/v2/', '/v2beta/') as Route];

/** What Zitadel's session and user services offer and Sallyport does not yet: answered 501, so that nobody takes it for a wrong address. */
export const notBuilt: readonly Route[] = [
  ...['PUT /v2/users/human/{userId}', 'PUT /v2/policies/security'].flatMap((route) => inBoth(route as Route)),
  'GET /v2/settings/hosted_login_translation',
  'PUT /v2/settings/hosted_login_translation',
];
