import { describe, expect, it } from 'vitest';
import { type Entry, faultsIn } from '../hostile/linearizable.ts';

/** A request from one moment to another, with a token; it gave another token at a sequence, or was refused. */
const entry = (sentAt: number, answeredAt: number, presented: string, outcome: readonly [token: string, sequence: number] | 'refused'): Entry => ({
  sentAt,
  answeredAt,
  presented,
  key: `${sentAt}`,
  outcome: outcome === 'refused' ? outcome : { token: outcome[0], sequence: outcome[1] },
});

const first = entry(0, 10, 'a', ['b', 2]);
const second = entry(20, 30, 'b', ['c', 3]);

describe('a history of a session', () => {
  it('is right where each token was good once, in its turn, and refusals and looks agree', () => {
    const refusals = [entry(5, 15, 'a', 'refused'), entry(12, 13, 'a', 'refused'), entry(25, 29, 'b', 'refused'), entry(8, 12, 'b', 'refused')];
    const looks = [
      { sentAt: 11, answeredAt: 12, sequence: 2 },
      { sentAt: 25, answeredAt: 26, sequence: 2 },
      { sentAt: 25, answeredAt: 26, sequence: 3 },
    ];
    expect(faultsIn('a', [first, second, entry(40, 41, 'a', ['b', 2]), ...refusals], looks)).toEqual([]);
  });

  it.each([
    ['a token was good twice', [first, entry(5, 8, 'a', ['x', 2])], []],
    ['a change hangs on no token that was live', [first, entry(20, 30, 'z', ['y', 3])], []],
    ['the sequence does not grow', [first, entry(20, 30, 'b', ['c', 2])], []],
    ['a change came before one that was over when it was sent', [entry(20, 30, 'a', ['b', 2]), entry(0, 10, 'b', ['c', 3])], []],
    ['a token was refused while it was live', [first, second, entry(12, 18, 'b', 'refused')], []],
    ['a look did not see a change that was over', [first, second], [{ sentAt: 31, answeredAt: 32, sequence: 2 }]],
    ['a look saw a change that had not begun', [first, second], [{ sentAt: 11, answeredAt: 12, sequence: 3 }]],
  ])('is wrong where %s', (fault, entries, looks) => {
    expect(faultsIn('a', entries, looks)).toContain(fault);
  });
});
