import type { D1Migration } from 'cloudflare:test';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import type { UserCell } from '../../src/cells/user-cell.ts';

declare global {
  namespace Cloudflare {
    interface Env {
      DB: D1Database;
      EMAIL: SendEmail;
      FIVE_A_MINUTE: RateLimit;
      SESSIONS: DurableObjectNamespace<SessionCell>;
      USERS: DurableObjectNamespace<UserCell>;
      ADMIN_TOKEN: string;
      LOGIN_CLIENT_TOKEN: string;
      SESSION_ID_KEYS: string;
      PEPPER_KEYS: string;
      SEAL_KEYS: string;
      IDEMPOTENCY_KEYS: string;
      MIGRATIONS: D1Migration[];
    }
    interface GlobalProps {
      mainModule: typeof import('../../src/index.ts');
    }
  }
}
