const LEAST_PAUSE_MS = 1000;
/** An alarm this long overdue was given up by the platform, after an outage that outlived its retries. */
const GIVEN_UP_AFTER_MS = 5 * 60_000;

/**
 * A cell's one alarm, set to the earliest thing due. Setting it is a row on the bill and replaces the one that stands: it is set only when
 * sooner, and at most once a second. When it stands is asked of the platform as the cell wakes, before anything else may be asked of the cell; a write
 * that fails takes the cell and what it remembers with it, so that the two never differ.
 */
export class AlarmClock {
  readonly #storage: DurableObjectStorage;
  #standing: number | undefined;

  constructor(state: DurableObjectState) {
    this.#storage = state.storage;
    void state.blockConcurrencyWhile(async () => {
      this.#standing ??= (await state.storage.getAlarm()) ?? undefined;
    });
  }

  /** Has the alarm ring at `at` (milliseconds since 1970) at the latest. */
  ringBy(at: number): void {
    const now = Date.now();
    if (this.#standing === undefined || at < this.#standing) this.#set(at);
    // What else is due by now is not known here: the alarm itself looks.
    else if (this.#standing < now - GIVEN_UP_AFTER_MS) this.#set(now);
  }

  /** To be called when an alarm has done its work: sets the next one, if anything is due. */
  rewind(next: number | undefined, now: number): void {
    this.#standing = undefined;
    if (next !== undefined) this.#set(Math.max(next, now + LEAST_PAUSE_MS));
  }

  #set(at: number): void {
    this.#standing = at;
    // Not awaited: the write joins the cell's other writes of this turn, and the answer waits for all of them.
    void this.#storage.setAlarm(at);
  }
}

/** The earliest of moments, as far as there are any. */
export function earliest(...moments: readonly (number | undefined)[]): number | undefined {
  const known = moments.filter((moment) => moment !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

const AGAIN_MS = 10_000;

/** The same for work that awaits. */
export async function carefullyAwaited(part: string, work: (now: number) => Promise<number | undefined>): Promise<number | undefined> {
  const now = Date.now();
  try {
    return await work(now);
  } catch (error) {
    console.error(`an alarm failed at ${part}`, error);
    return now + AGAIN_MS;
  }
}

/** Does a part of an alarm's work, which must not throw: the platform gives up an alarm that keeps throwing. @returns when there is more to do */
export function carefully(part: string, work: (now: number) => number | undefined): number | undefined {
  const now = Date.now();
  try {
    return work(now);
  } catch (error) {
    console.error(`an alarm failed at ${part}`, error);
    return now + AGAIN_MS;
  }
}
