import { configOf } from '../config.ts';
import { renderUrl } from '../core/url-template.ts';
import { codeLabel } from '../crypto/one-time-code.ts';
import { unseal } from '../crypto/sealed-box.ts';
import { deliver } from '../notify/deliver.ts';
import { type Delivery, refused } from '../notify/delivery.ts';
import type { AlarmClock } from './alarm-clock.ts';
import { type Attempt, Outbox, type Waiting } from './outbox.ts';

/** What sending takes from the Worker's bindings. */
export interface PostBindings {
  readonly DB: D1Database;
  readonly EMAIL?: SendEmail;
}

/** What only the cell knows. Both are synchronous, and are called inside a transaction. */
export interface Addressees {
  /** Whether the code of a message is open still: what is open no more is not sent. */
  readonly isOpen: (waiting: Waiting, now: number) => boolean;
  /** Remembers what became of a message. */
  readonly note: (waiting: Waiting, outcome: 'sent' | 'refused', now: number) => void;
}

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Sends what is in a cell's outbox. Nobody waits for it: neither the request that wrote the message, which is answered before, nor one message
 * for another. What is not sent is tried again, each time after a longer pause, for as long as its code is open.
 */
export class Dispatch {
  readonly #storage: DurableObjectStorage;
  readonly #outbox: Outbox;
  readonly #alarm: AlarmClock;
  readonly #env: () => PostBindings;
  readonly #addressees: Addressees;

  constructor(storage: DurableObjectStorage, alarm: AlarmClock, env: () => PostBindings, addressees: Addressees) {
    this.#storage = storage;
    this.#outbox = new Outbox(storage.sql);
    this.#alarm = alarm;
    this.#env = env;
    this.#addressees = addressees;
  }

  /** Writes a message down, inside the transaction that opens its code. @returns what `start` is to be called with once it is committed */
  put(waiting: Waiting, now: number): Attempt {
    return this.#outbox.put(waiting, now, this.#deadlineMs());
  }

  /** Makes tries that are written down. The platform lets nothing leave before that is on disk. */
  start(attempts: readonly Attempt[]): void {
    const next = attempts.length > 0 ? this.#outbox.next() : undefined;
    if (next !== undefined) this.#alarm.ringBy(next);
    for (const attempt of attempts) void this.#make(attempt);
  }

  /** Goes on with everything that is due; to be called by the alarm. @returns when something is due again */
  resume(now: number): number | undefined {
    const attempts = this.#storage.transactionSync(() =>
      this.#outbox.claim(now, this.#deadlineMs()).filter(({ waiting }) => {
        const open = this.#addressees.isOpen(waiting, now);
        if (!open) this.#outbox.remove(waiting);
        return open;
      }),
    );
    for (const attempt of attempts) void this.#make(attempt);
    return this.next();
  }

  /** Sends nothing more of an owner's; what is on its way arrives. */
  drop(owner: string): void {
    this.#outbox.removeOf(owner);
  }

  next(): number | undefined {
    return this.#outbox.next();
  }

  async #make({ waiting, tries }: Attempt): Promise<void> {
    try {
      const delivery = await this.#deliver(waiting);
      if (delivery.kind !== 'sent') console.warn(`a message was ${delivery.kind}`, waiting.kind, delivery.reason);
      this.#storage.transactionSync(() => this.#conclude(waiting, tries, delivery, Date.now()));
    } catch (error) {
      console.error('a message could not be sent', error);
    }
  }

  async #deliver(waiting: Waiting): Promise<Delivery> {
    const { owner, box, urlTemplate, ...message } = waiting;
    const env = this.#env();
    const { sealKeys, notify } = configOf(env);
    const code = await unseal(sealKeys, codeLabel(owner, waiting.to), box);
    if (code === undefined) return refused('the key that sealed the code is no longer listed');
    const { userId, organizationId, loginName, displayName, preferredLanguage } = message.user;
    const url = renderUrl(urlTemplate, {
      Code: code,
      UserID: userId,
      OrgID: organizationId,
      CodeID: waiting.id,
      LoginName: loginName,
      DisplayName: displayName,
      PreferredLanguage: preferredLanguage,
      SessionID: message.sessionId ?? '',
    });
    return deliver({ ...message, code, url }, { settings: notify, db: env.DB, email: env.EMAIL, now: Date.now() });
  }

  #conclude(waiting: Waiting, tries: number, { kind }: Delivery, now: number): void {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS) * (0.5 + Math.random());
    const due = Math.ceil(now + pause);
    if (kind === 'failed' && due < waiting.expiresAt) {
      this.#outbox.defer(waiting, due);
      this.#alarm.ringBy(due);
      return;
    }
    this.#outbox.remove(waiting);
    this.#addressees.note(waiting, kind === 'sent' ? 'sent' : 'refused', now);
  }

  #deadlineMs(): number {
    return configOf(this.#env()).notify.deadlineMs;
  }
}
