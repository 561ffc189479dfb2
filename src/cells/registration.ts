import { registerCell } from '../directory/cells.ts';
import type { AlarmClock } from './alarm-clock.ts';
import { inTime } from './in-time.ts';

/** What stands under it: nothing before the cell holds anything, then the cell's name while D1's register does not know it yet, then true. */
const KEY = 'registered';

/** A cell's entry in D1's register, made by its own alarm from its first write on, so that sweeps find every cell that holds data. */
export class Registration {
  readonly #state: DurableObjectState;
  readonly #db: D1Database;
  readonly #alarm: AlarmClock;

  constructor(state: DurableObjectState, db: D1Database, alarm: AlarmClock) {
    this.#state = state;
    this.#db = db;
    this.#alarm = alarm;
  }

  /** To be called at writes that may be the cell's first. */
  begin(): void {
    const { storage, id } = this.#state;
    if (storage.kv.get(KEY) !== undefined) return;
    storage.kv.put(KEY, id.name ?? id.toString());
    this.#alarm.ringBy(Date.now());
  }

  /** To be called once the register was restored: what it was told since is lost. */
  renew(): void {
    const { storage } = this.#state;
    if (storage.kv.get(KEY) === undefined) return;
    storage.kv.delete(KEY);
    this.begin();
  }

  /** To be called by the alarm. @returns false when D1 could not be told, or that could not be written down; then it has to be tried again */
  async complete(): Promise<boolean> {
    const name = this.#state.storage.kv.get(KEY);
    return typeof name !== 'string' || inTime(this.#enter(name));
  }

  async #enter(name: string): Promise<void> {
    await registerCell(this.#db, name, Date.now());
    this.#state.storage.kv.put(KEY, true);
  }
}
