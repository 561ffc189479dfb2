import type { Step } from '../core/session/carry-forward.ts';
import type { SessionEvent } from '../core/session/session.ts';

/** What happens beside a session: it changes nothing of it. */
export type NoteType = `session.otp.${'sms' | 'email'}.${'sent' | 'refused'}`;

/** One line of a session's trail: what happened, when, and by whom. A note has the sequence that it found, and no caller. Never a secret. */
export type TrailEntry = readonly [sequence: number, type: SessionEvent['type'] | NoteType, at: number, callerId: string];

/** A trail after one more step. */
export function trailAfter(trail: readonly TrailEntry[], { session, events }: Step, callerId: string): TrailEntry[] {
  const first = session.sequence - events.length + 1;
  return [...trail, ...events.map(({ type }, index): TrailEntry => [first + index, type, session.changeDate, callerId])];
}
