import { REGIONS, type Region } from './placement.ts';
import type { SessionCellVerbs } from './session-protocol.ts';
import type { UserCellVerbs } from './user-protocol.ts';

/** The cells as the Worker reaches them: by full name, which never changes. */
export interface Cells {
  session(name: string): Remote<SessionCellVerbs>;
  user(name: string): Remote<UserCellVerbs>;
}

/** The bindings that lead to the cells. */
export interface CellBindings {
  readonly SESSIONS: DurableObjectNamespace;
  readonly USERS: DurableObjectNamespace;
}

export function cellsOf({ SESSIONS, USERS }: CellBindings): Cells {
  return {
    session: (name) => reach<SessionCellVerbs>(SESSIONS, name),
    user: (name) => reach<UserCellVerbs>(USERS, name),
  };
}

/** A session's cell where a socket is wanted of it, which no verb can carry. */
export const socketsOf = ({ SESSIONS }: CellBindings, name: string): Pick<Fetcher, 'fetch'> => SESSIONS.getByName(name);

/** The hint counts only at a cell's first use: it is born in the region that its name tells. */
function reach<Verbs>(namespace: DurableObjectNamespace, name: string): Remote<Verbs> {
  const [, region] = name.split(':');
  const hint = REGIONS.find((known) => known === (region as Region));
  return namespace.getByName(name, hint ? { locationHint: hint } : {}) as unknown as Remote<Verbs>;
}

/** A cell's verbs as they look from outside it. */
export type Remote<Verbs> = {
  readonly [Verb in keyof Verbs]: Verbs[Verb] extends (...args: infer Args) => infer Answer ? (...args: Args) => Promise<Awaited<Answer>> : never;
};
