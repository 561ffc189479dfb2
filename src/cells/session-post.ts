import type { StopOf } from '../core/session/admission.ts';
import type { Verdicts } from '../core/session/command.ts';
import { isCodeOpen } from '../core/session/open-code.ts';
import type { OtpMethod, Session } from '../core/session/session.ts';
import type { AlarmClock } from './alarm-clock.ts';
import { Dispatch, type PostBindings } from './dispatch.ts';
import type { Attempt, Waiting } from './outbox.ts';
import type { SessionStore } from './session-store.ts';
import type { NoteType, TrailEntry } from './trail.ts';

const EVENT: Record<OtpMethod, 'session.otp.sms' | 'session.otp.email'> = { otpSms: 'session.otp.sms', otpEmail: 'session.otp.email' };

/** Sends the codes of a cell's sessions. */
export class SessionPost {
  readonly #store: SessionStore;
  readonly #dispatch: Dispatch;

  constructor(storage: DurableObjectStorage, alarm: AlarmClock, store: SessionStore, env: () => PostBindings, stopOf: StopOf) {
    this.#store = store;
    const isOpen = ({ id, owner, kind }: Waiting, now: number) => isCodeOpen(this.#store.find(owner)?.session, kind as OtpMethod, id, stopOf, now);
    this.#dispatch = new Dispatch(storage, alarm, env, { isOpen, note: (waiting, outcome, now) => this.#note(waiting, outcome, now) });
  }

  /** Writes down the codes of a request that are to be sent, inside the transaction that opens them. */
  put(session: Session, { openings = [] }: Verdicts, now: number): Attempt[] {
    return openings.flatMap((opening) => {
      const { user, challenges } = session;
      if (opening.method === 'webAuthN' || opening.delivery === undefined || user === undefined) return [];
      const { method, id, box, delivery } = opening;
      const { id: userId, organizationId, loginName, displayName, preferredLanguage } = user;
      const waiting: Waiting = {
        id,
        owner: session.id,
        kind: method,
        channel: method === 'otpSms' ? 'sms' : 'email',
        to: delivery.to,
        box,
        urlTemplate: delivery.urlTemplate,
        expiresAt: challenges?.[method]?.expiresAt ?? now,
        user: { userId, organizationId, loginName, displayName, preferredLanguage },
        sessionId: session.id,
      };
      return [this.#dispatch.put(waiting, now)];
    });
  }

  /** Makes tries that are committed. */
  start(attempts: readonly Attempt[]): void {
    this.#dispatch.start(attempts);
  }

  /** @returns when something is due again */
  resume(now: number): number | undefined {
    return this.#dispatch.resume(now);
  }

  next(): number | undefined {
    return this.#dispatch.next();
  }

  /** A note in the trail of a session that still goes on: it moves neither sequence nor change date (contract 1.2). */
  #note({ owner, kind }: Waiting, outcome: 'sent' | 'refused', now: number): void {
    const stored = this.#store.find(owner);
    if (stored === undefined || stored.session.terminatedAt !== undefined) return;
    const type: NoteType = `${EVENT[kind as OtpMethod]}.${outcome}`;
    const note: TrailEntry = [stored.session.sequence, type, now, ''];
    this.#store.update({ ...stored, trail: [...stored.trail, note] });
  }
}
