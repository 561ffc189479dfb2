import { describe, expect, it } from 'vitest';
import { isStopped, type Transition, transit, type UserState, unknownUser } from '../../src/core/user/lifecycle.ts';
import { must, mustFail, outcomeOf } from './builders.ts';

const STATES: readonly UserState[] = ['active', 'inactive', 'locked', 'deleted'];

/** What each transition leads to from each state: a new state, or the id of a refusal. */
const TABLE: Record<Transition, Record<UserState, string>> = {
  lock: { active: 'locked', inactive: 'COMMAND-lgws8wtsqf', locked: 'COMMAND-lgws8wtsqf', deleted: 'COMMAND-450yxuqrh1' },
  unlock: { active: 'COMMAND-olb9vb0oca', inactive: 'COMMAND-olb9vb0oca', locked: 'active', deleted: 'COMMAND-x377t913pw' },
  deactivate: { active: 'inactive', inactive: 'COMMAND-5gunjw0cd7', locked: 'inactive', deleted: 'COMMAND-5gp2p62iin' },
  reactivate: { active: 'COMMAND-s5qqcz97hf', inactive: 'active', locked: 'COMMAND-s5qqcz97hf', deleted: 'COMMAND-9hy5kzbuk6' },
  delete: { active: 'deleted', inactive: 'deleted', locked: 'deleted', deleted: 'COMMAND-bd4ir1mblj' },
};
const TRANSITIONS = Object.keys(TABLE) as Transition[];
const CASES = TRANSITIONS.flatMap((transition) => STATES.map((state) => [transition, state, TABLE[transition][state]] as const));

describe('a change of state', () => {
  it.each(CASES)('%s of a user who is %s: %s', (transition, state, expected) => {
    const result = transit({ state, epoch: 7 }, transition);
    if (expected.startsWith('COMMAND-')) expect(outcomeOf(result)).toBe(expected);
    else expect(must(result)).toEqual({ state: expected, epoch: 8 });
  });

  it.each(TRANSITIONS)('answers that a deleted user is not there, as for one that never was: %s', (transition) => {
    const problem = mustFail(transit({ state: 'deleted', epoch: 7 }, transition));
    expect(problem).toBe(unknownUser(transition));
    expect(problem).toMatchObject({ kind: 'not-found', message: 'User could not be found' });
  });

  it.each(['lock', 'unlock', 'deactivate', 'reactivate'] as const)('that does not apply is a failed precondition: %s', (transition) => {
    const state = STATES.find((each) => each !== 'deleted' && TABLE[transition][each].startsWith('COMMAND-')) ?? 'active';
    expect(mustFail(transit({ state, epoch: 7 }, transition)).kind).toBe('failed-precondition');
  });
});

it('every state but active ends the sessions that were admitted before it', () => {
  expect(STATES.filter(isStopped)).toEqual(['inactive', 'locked', 'deleted']);
});

it('each change opens a new epoch, so that what was admitted before a stop stays stopped after a return', () => {
  const locked = must(transit({ state: 'active', epoch: 0 }, 'lock'));
  expect(must(transit(locked, 'unlock'))).toEqual({ state: 'active', epoch: 2 });
});
