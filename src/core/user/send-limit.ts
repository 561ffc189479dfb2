import type { Problem } from '../problem.ts';

const PAUSE_MS = 30_000;
const HOUR_MS = 3_600_000;
const AN_HOUR_MOST = 5;

/** What was sent so long ago says nothing any more. */
export const SENDS_COUNT_MS = HOUR_MS;

/**
 * Why no more may be sent to an address now, from the times of what was: one in 30 seconds, five an hour (contract row 6). Counted over all
 * addresses, so that nobody has messages sent to one number after another, the pause is 0. Pure.
 */
export function tooManySends(sentAt: readonly number[], now: number, pauseMs = PAUSE_MS): Problem | undefined {
  const recent = sentAt.filter((at) => at > now - HOUR_MS).sort((left, right) => left - right);
  const [fifthLast] = recent.slice(-AN_HOUR_MOST);
  const free = Math.max((recent.at(-1) ?? 0) + pauseMs, recent.length >= AN_HOUR_MOST ? (fifthLast ?? 0) + HOUR_MS : 0);
  if (free <= now) return undefined;
  return {
    kind: 'resource-exhausted',
    id: 'SALLY-Sends',
    message: 'Too many codes were sent',
    evidence: { retryAfterSeconds: String(Math.ceil((free - now) / 1000)) },
  };
}
