import type { Walk } from '../login-step/walk.ts';
import type { Call } from './operation.ts';

/** What a call's walk reaches for. It waits for rivals until shortly before the caller is answered 503 anyway. */
export const walkOf = ({ cells, db, config, later, now }: Call): Walk => ({
  cells,
  db,
  passwords: config.passwords,
  sealKeys: config.sealKeys,
  idempotencyKeys: config.idempotencyKeys,
  later,
  deadline: now + config.deadlineMs * 0.9,
});
