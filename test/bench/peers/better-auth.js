// @ts-nocheck: its package is installed for a measurement only.
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';

/** better-auth with e-mail and password in D1, as its documentation sets it up for Workers; what a measurement has no use for is off. */
const optionsOf = (env) => ({
  database: env.DB,
  secret: env.SECRET,
  baseURL: 'http://localhost',
  emailAndPassword: { enabled: true },
  session: { additionalFields: { note: { type: 'string', required: false } } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { disabled: true },
});

let auth;

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === '/tables') {
      const { runMigrations } = await getMigrations(optionsOf(env));
      await runMigrations();
      return new Response('made');
    }
    auth ??= betterAuth(optionsOf(env));
    return auth.handler(request);
  },
};
