import type { Walk } from '../login-step/walk.ts';
import { defaultLink } from './links.ts';
import type { Call } from './operation.ts';

/** What a call's walk reaches for. It waits for rivals until shortly before the caller is answered 503 anyway. */
export const walkOf = (call: Call): Walk => {
  const { cells, db, config, later, now } = call;
  return {
    cells,
    db,
    passwords: config.passwords,
    sealKeys: config.sealKeys,
    idempotencyKeys: config.idempotencyKeys,
    generation: config.directoryGeneration,
    sessionsPerUser: config.sessionsPerUser,
    webAuthNOrigins: config.webAuthN.origins,
    codes: {
      ...config.codes,
      get urlTemplate() {
        return defaultLink(call, 'otp');
      },
    },
    later,
    deadline: now + config.deadlineMs * 0.9,
  };
};
