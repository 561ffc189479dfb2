import type { Problem } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';

/** The states of a user that is there or once was. Ids of deleted users are never used again. */
export type UserState = 'active' | 'inactive' | 'locked' | 'deleted';

/** A user's state, and how often it changed: what is admitted under an older epoch is refused after a stop. */
export interface Standing {
  readonly state: UserState;
  readonly epoch: number;
}

/** What an administrator can do to a user's state. The first three stop every session of the user. */
export type Transition = 'lock' | 'deactivate' | 'delete' | 'unlock' | 'reactivate';

interface Rule {
  readonly from: readonly UserState[];
  readonly to: UserState;
  readonly unknown: Problem;
  readonly refused: Problem;
}

const notFound = (id: string): Problem => ({ kind: 'not-found', id, message: 'User could not be found' });
const refused = (id: string, message: string): Problem => ({ kind: 'failed-precondition', id, message });

const RULES: Record<Transition, Rule> = {
  lock: {
    from: ['active'],
    to: 'locked',
    unknown: notFound('COMMAND-450yxuqrh1'),
    refused: refused('COMMAND-lgws8wtsqf', 'User must be active or initial'),
  },
  unlock: {
    from: ['locked'],
    to: 'active',
    unknown: notFound('COMMAND-x377t913pw'),
    refused: refused('COMMAND-olb9vb0oca', 'User is not locked'),
  },
  deactivate: {
    from: ['active', 'locked'],
    to: 'inactive',
    unknown: notFound('COMMAND-5gp2p62iin'),
    refused: refused('COMMAND-5gunjw0cd7', 'User is already inactive'),
  },
  reactivate: {
    from: ['inactive'],
    to: 'active',
    unknown: notFound('COMMAND-9hy5kzbuk6'),
    refused: refused('COMMAND-s5qqcz97hf', 'User is not inactive'),
  },
  delete: {
    from: ['active', 'inactive', 'locked'],
    to: 'deleted',
    unknown: notFound('COMMAND-bd4ir1mblj'),
    refused: notFound('COMMAND-bd4ir1mblj'),
  },
};

/** Whether a state ends the sessions that were admitted before it. */
export const isStopped = (state: UserState): boolean => state !== 'active';

/** What `transition` answers for a user that is not there. */
export const unknownUser = (transition: Transition): Problem => RULES[transition].unknown;

/** Whether a user already is what a transition would make it. */
export const isDone = (standing: Standing, transition: Transition): boolean => standing.state === RULES[transition].to;

/** A user's standing after a transition, or why it is refused. Each one opens a new epoch. */
export function transit(before: Standing, transition: Transition): Result<Standing> {
  const rule = RULES[transition];
  if (before.state === 'deleted') return fail(rule.unknown);
  if (!rule.from.includes(before.state)) return fail(rule.refused);
  return ok({ state: rule.to, epoch: before.epoch + 1 });
}
