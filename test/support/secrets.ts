import { randomBytes } from 'node:crypto';

/** Fresh secrets for one run of the tests. */
export const secrets = {
  ADMIN_TOKEN: randomBytes(24).toString('hex'),
  LOGIN_CLIENT_TOKEN: randomBytes(24).toString('hex'),
  SESSION_ID_KEYS: `1:${randomBytes(32).toString('base64')}`,
  SEAL_KEYS: `1:${randomBytes(32).toString('base64')}`,
  IDEMPOTENCY_KEYS: `1:${randomBytes(32).toString('base64')}`,
  PEPPER_KEYS: `1:${randomBytes(32).toString('base64')}`,
};
