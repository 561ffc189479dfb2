import type { Step } from '../core/session/carry-forward.ts';
import type { SessionEvent } from '../core/session/session.ts';

/** One line of a session's trail: what happened, when, and by whom. Never a secret. */
export type TrailEntry = readonly [sequence: number, type: SessionEvent['type'], at: number, callerId: string];

/** A trail after one more step. */
export function trailAfter(trail: readonly TrailEntry[], { session, events }: Step, callerId: string): TrailEntry[] {
  const first = session.sequence - events.length + 1;
  return [...trail, ...events.map(({ type }, index): TrailEntry => [first + index, type, session.changeDate, callerId])];
}
