import { findPasswordVersion } from '../directory/passwords.ts';
import { mirrorStanding } from '../directory/standing.ts';
import { inTime } from './in-time.ts';
import { type CellBindings, cellsOf } from './stubs.ts';
import type { OwedStop, PendingPasswordChange, UserStore } from './user-store.ts';

interface Bindings extends CellBindings {
  readonly DB: D1Database;
}

/** After this long, a change of password that is not in the directory was never written. */
const NEVER_WRITTEN_MS = 60_000;

/** What a user's cell has decided, told to the session cells and the directory. What could not be told stays owed in the store. */
export class PassingOn {
  readonly #env: () => Bindings;
  readonly #store: UserStore;
  readonly #forget: (userId: string) => void;

  constructor(env: () => Bindings, store: UserStore, forget: (userId: string) => void) {
    this.#env = env;
    this.#store = store;
    this.#forget = forget;
  }

  /** Tells everything that is owed of a user, whose password is known to have reached a version. @returns false when somebody could not be told in time */
  async finish(userId: string, passwordVersion?: number): Promise<boolean> {
    const stops = this.#store.owedStops(userId).map((stop) => this.#tellStop(userId, stop));
    const told = await Promise.all([...stops, this.#tellDirectory(userId), this.#tellPasswordChange(userId, passwordVersion)]);
    return told.every(Boolean);
  }

  async #tellStop(userId: string, stop: OwedStop): Promise<boolean> {
    const deleted = this.#store.standingOf(userId)?.state === 'deleted';
    const cell = cellsOf(this.#env()).session(stop.sessionCell);
    if (!(await inTime(cell.stop({ userId, epoch: stop.epoch, deleted, ends: stop.ends })))) return false;
    this.#store.stopTold(userId, stop);
    return true;
  }

  async #tellDirectory(userId: string): Promise<boolean> {
    const standing = this.#store.unmirrored(userId);
    if (standing === undefined) return true;
    if (!(await inTime(mirrorStanding(this.#env().DB, userId, standing, Date.now())))) return false;
    this.#store.mirrored(userId, standing.epoch);
    return true;
  }

  /** Unless whoever began the change says that it was written, the directory does: they may have died in between. */
  async #tellPasswordChange(userId: string, written: number | undefined): Promise<boolean> {
    const change = this.#store.passwordChange(userId);
    if (change === undefined) return true;
    this.#forget(userId);
    let version = written;
    const read = async () => {
      version = await findPasswordVersion(this.#env().DB, userId);
    };
    if (written === undefined && !(await inTime(read()))) return false;
    if (version !== undefined && version >= change.version) return this.#tellSessionCells(change);
    if (version !== undefined && Date.now() < change.begunAt + NEVER_WRITTEN_MS) return false;
    this.#store.endPasswordChange(change);
    return true;
  }

  async #tellSessionCells(pending: PendingPasswordChange): Promise<boolean> {
    const { begunAt, ...change } = pending;
    const told = await Promise.all(this.#store.cellsToTell(change).map((name) => this.#tellPassword(name, change)));
    if (!told.every(Boolean)) return false;
    this.#store.endPasswordChange({ ...change, begunAt });
    return true;
  }

  async #tellPassword(sessionCell: string, change: Omit<PendingPasswordChange, 'begunAt'>): Promise<boolean> {
    if (!(await inTime(cellsOf(this.#env()).session(sessionCell).passwordChanged(change)))) return false;
    this.#store.passwordTold(change, sessionCell);
    return true;
  }
}
