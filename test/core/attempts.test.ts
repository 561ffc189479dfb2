import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AttemptPolicy,
  type Failures,
  failedAgain,
  NO_FAILURES,
  type Permit,
  permit,
  permitGuess,
  rivalsInFlight,
  usedBefore,
  wrong,
} from '../../src/core/user/attempts.ts';
import { MINUTE, NOW } from './builders.ts';

const SECOND = 1000;
const POLICY: AttemptPolicy = { backOffFrom: 5, backOffMs: SECOND, backOffMaxMs: 60 * SECOND, lockAfter: 10, lockMs: 15 * MINUTE };
const OFF = { backOffFrom: 0, lockAfter: 0 };
const policyWith = (overrides: Partial<AttemptPolicy>): AttemptPolicy => ({ ...POLICY, ...overrides });
const failures = (count: number, lastAt = NOW): Failures => ({ count, lastAt });
const at = (count: number, { inFlight = 0, policy = POLICY, afterMs = 0 } = {}): Permit =>
  permit('password', failures(count), inFlight, policy, NOW + afterMs);
const kindOf = (answer: Permit): string => answer.kind;
const problemOf = (answer: Permit) => (answer.kind === 'refused' ? answer.problem : undefined);
const retryAfter = (answer: Permit) => Number(problemOf(answer)?.evidence?.retryAfterSeconds);

describe('attempts before the back-off', () => {
  it('are let in at once, as many as would reach it if all of them failed', () => {
    expect([0, 1, 2, 3, 4].map((inFlight) => kindOf(at(0, { inFlight })))).toEqual(['go', 'go', 'go', 'go', 'go']);
    expect(at(0, { inFlight: 5 })).toEqual({ kind: 'busy' });
    expect(kindOf(at(4))).toBe('go');
    expect(at(4, { inFlight: 1 })).toEqual({ kind: 'busy' });
  });

  it('are held to the lock where that comes first, or where there is no back-off', () => {
    for (const backOffFrom of [0, 5]) {
      const policy = policyWith({ lockAfter: 3, backOffFrom });
      expect(kindOf(at(0, { inFlight: 2, policy }))).toBe('go');
      expect(kindOf(at(0, { inFlight: 3, policy }))).toBe('busy');
      expect(kindOf(at(2, { inFlight: 1, policy }))).toBe('busy');
    }
  });

  it('are not limited where both rules are off', () => {
    expect(kindOf(at(1000, { inFlight: 1000, policy: policyWith(OFF) }))).toBe('go');
  });
});

describe('attempts from the back-off on', () => {
  it('are made one at a time, also once the wait is over', () => {
    expect(at(5, { inFlight: 1 })).toEqual({ kind: 'busy' });
    expect(at(9, { inFlight: 1, afterMs: MINUTE })).toEqual({ kind: 'busy' });
  });

  it('are told to wait 1, 2, 4, 8 and 16 s', () => {
    expect([5, 6, 7, 8, 9].map((count) => retryAfter(at(count)))).toEqual([1, 2, 4, 8, 16]);
  });

  it('are refused until the wait is over to the millisecond', () => {
    for (const [count, waitMs] of [
      [5, 1_000],
      [6, 2_000],
      [9, 16_000],
    ] as const) {
      expect(kindOf(at(count, { afterMs: waitMs - 1 }))).toBe('refused');
      expect(at(count, { afterMs: waitMs })).toEqual({ kind: 'go' });
    }
  });

  it('are told whole seconds, rounded up, and never none', () => {
    expect([0, 1, 999, 1000, 1001, 1999].map((afterMs) => retryAfter(at(6, { afterMs })))).toEqual([2, 2, 2, 1, 1, 1]);
  });

  it('never wait longer than the maximum, where there is no lock', () => {
    const policy = policyWith({ lockAfter: 0 });
    expect([9, 10, 11, 12, 100, 5000].map((count) => retryAfter(at(count, { policy })))).toEqual([16, 32, 60, 60, 60, 60]);
    expect(kindOf(at(5000, { policy, afterMs: MINUTE }))).toBe('go');
  });

  it('are told nothing about how many failed', () => {
    expect(problemOf(at(5))).toEqual({
      kind: 'resource-exhausted',
      id: 'SALLY-BackOff',
      message: 'Too many failed attempts',
      evidence: { retryAfterSeconds: '1' },
    });
  });

  it('begin at the first failure where the policy says so', () => {
    const policy = policyWith({ backOffFrom: 1 });
    expect(kindOf(at(0, { policy }))).toBe('go');
    expect(kindOf(at(0, { inFlight: 1, policy }))).toBe('busy');
    expect(retryAfter(at(1, { policy }))).toBe(1);
  });

  it('do not begin at all where the back-off is off', () => {
    const policy = policyWith({ backOffFrom: 0 });
    expect(kindOf(at(9, { policy }))).toBe('go');
    expect(kindOf(at(5, { inFlight: 4, policy }))).toBe('go');
    expect(kindOf(at(5, { inFlight: 5, policy }))).toBe('busy');
  });
});

describe('a locked method', () => {
  it('says so, and for how long, whatever is in flight', () => {
    expect(problemOf(at(10))).toEqual({
      kind: 'failed-precondition',
      id: 'COMMAND-JLK35',
      message: 'User is locked',
      evidence: { failedAttempts: '10', retryAfterSeconds: '900' },
    });
    expect(retryAfter(at(10, { inFlight: 1, afterMs: 14 * MINUTE + 1 }))).toBe(60);
  });

  it('is locked from the tenth failure on', () => {
    expect(problemOf(at(9))?.id).toBe('SALLY-BackOff');
    expect([10, 11].map((count) => problemOf(at(count))?.id)).toEqual(['COMMAND-JLK35', 'COMMAND-JLK35']);
  });

  it('is open again after 15 min exactly, with all attempts at once', () => {
    expect(kindOf(at(10, { afterMs: 15 * MINUTE - 1 }))).toBe('refused');
    expect(kindOf(at(10, { afterMs: 15 * MINUTE }))).toBe('go');
    expect(kindOf(at(10, { afterMs: 15 * MINUTE, inFlight: 4 }))).toBe('go');
    expect(kindOf(at(10, { afterMs: 15 * MINUTE, inFlight: 5 }))).toBe('busy');
  });

  it('stays open where the lock is off', () => {
    expect(kindOf(at(1_000_000, { policy: policyWith(OFF) }))).toBe('go');
    expect(problemOf(at(10, { policy: policyWith({ lockAfter: 0 }) }))?.id).toBe('SALLY-BackOff');
  });
});

describe('one more failure', () => {
  it('counts one, and notes when', () => {
    expect(failedAgain(NO_FAILURES, POLICY, NOW)).toEqual(failures(1, NOW));
    expect(failedAgain(failures(9, 0), POLICY, NOW)).toEqual(failures(10, NOW));
  });

  it('counts from the start after a lock that has run its time, and goes on within one', () => {
    expect(failedAgain(failures(10), POLICY, NOW + 15 * MINUTE)).toEqual(failures(1, NOW + 15 * MINUTE));
    expect(failedAgain(failures(10), POLICY, NOW + 15 * MINUTE - 1).count).toBe(11);
  });

  it('is never forgiven by time alone, short of a lock', () => {
    expect(failedAgain(failures(9, 0), POLICY, NOW).count).toBe(10);
    expect(failedAgain(failures(99, 0), policyWith({ lockAfter: 0 }), NOW).count).toBe(100);
  });

  it('is told with its count', () => {
    expect(wrong('password', 3)).toEqual({
      kind: 'invalid-argument',
      id: 'COMMAND-3M0fs',
      message: 'Password is invalid',
      evidence: { failedAttempts: '3' },
    });
  });
});

it('whoever waited for rivals in vain is told to come back in a second', () => {
  expect(rivalsInFlight).toMatchObject({ kind: 'resource-exhausted', evidence: { retryAfterSeconds: '1' } });
});

/** What many guessers at once do to one method of one user. */
type Move =
  | { readonly does: 'reserve' }
  | { readonly does: 'settle'; readonly which: number; readonly passed: boolean }
  | { readonly does: 'succeed' }
  | { readonly does: 'pass'; readonly ms: number };

const moves = (successes: boolean): fc.Arbitrary<Move[]> =>
  fc.array(
    fc.oneof(
      { arbitrary: fc.constant<Move>({ does: 'reserve' }), weight: 8 },
      {
        arbitrary: fc.record({ does: fc.constant('settle' as const), which: fc.nat(), passed: successes ? fc.boolean() : fc.constant(false) }),
        weight: 6,
      },
      ...(successes ? [{ arbitrary: fc.constant<Move>({ does: 'succeed' }), weight: 1 }] : []),
      {
        arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 999, 1000, 2000, 16_000, MINUTE, 15 * MINUTE) }),
        weight: 3,
      },
    ),
    { maxLength: 120 },
  );

const policies: fc.Arbitrary<AttemptPolicy> = fc.record({
  backOffFrom: fc.nat(6),
  backOffMs: fc.constantFrom(0, 1000, 3000),
  backOffMaxMs: fc.constantFrom(0, 4000, 60_000),
  lockAfter: fc.nat(12),
  lockMs: fc.constantFrom(1000, 15 * MINUTE),
});

/** The cell's book-keeping around `permit` and `failedAgain`, with a count of its own to compare with. */
class Book {
  now = NOW;
  failures = NO_FAILURES;
  inFlight = 0;
  /** Wrong attempts since the counter was 0 last, counted independently; and the times of the last one. */
  wrong = 0;
  lastWrongAt = 0;
  readonly policy: AttemptPolicy;

  constructor(policy: AttemptPolicy) {
    this.policy = policy;
  }

  play(move: Move): void {
    if (move.does === 'pass') this.#pass(move.ms);
    if (move.does === 'reserve' && permit('password', this.failures, this.inFlight, this.policy, this.now).kind === 'go') this.inFlight += 1;
    if (move.does === 'settle' && this.inFlight > 0) this.#settle(move.passed);
    if (move.does === 'succeed') this.#succeed();
  }

  #pass(ms: number): void {
    this.now += ms;
    const { lockAfter, lockMs } = this.policy;
    if (lockAfter > 0 && this.wrong >= lockAfter && this.now - this.lastWrongAt >= lockMs) this.wrong = 0;
  }

  #settle(passed: boolean): void {
    this.inFlight -= 1;
    if (passed) return;
    this.failures = failedAgain(this.failures, this.policy, this.now);
    this.wrong += 1;
    this.lastWrongAt = this.now;
  }

  #succeed(): void {
    this.failures = NO_FAILURES;
    this.wrong = 0;
  }
}

describe('whatever the order of reservations and settlements', () => {
  it('no more than ten wrong attempts are made before the lock', () => {
    fc.assert(
      fc.property(moves(false), (played) => {
        const book = new Book(POLICY);
        for (const move of played) {
          book.play(move);
          expect(book.wrong + book.inFlight).toBeLessThanOrEqual(10);
        }
      }),
    );
  });

  it('no more than five are made without a wait, and from then on one at a time', () => {
    fc.assert(
      fc.property(moves(true), (played) => {
        const book = new Book(POLICY);
        for (const move of played) {
          const before = { ...book };
          book.play(move);
          if (book.inFlight <= before.inFlight) continue;
          if (before.wrong < 5) expect(before.wrong + book.inFlight).toBeLessThanOrEqual(5);
          else expect(book.inFlight).toBe(1);
          if (before.wrong >= 5) expect(book.now - before.lastWrongAt).toBeGreaterThanOrEqual(1000 * 2 ** (before.wrong - 5));
        }
      }),
    );
  });

  it('the counter is exact, under any policy', () => {
    fc.assert(
      fc.property(policies, moves(true), (policy, played) => {
        const book = new Book(policy);
        for (const move of played) {
          book.play(move);
          const { wrong } = book;
          const counted = failedAgain(book.failures, policy, book.now).count - 1;
          expect(counted).toBe(wrong);
        }
      }),
    );
  });

  it('a policy with a lock is never outrun, whatever its figures', () => {
    fc.assert(
      fc.property(
        policies.filter(({ lockAfter }) => lockAfter > 0),
        moves(true),
        (policy, played) => {
          const book = new Book(policy);
          for (const move of played) {
            book.play(move);
            expect(book.wrong + book.inFlight).toBeLessThanOrEqual(policy.lockAfter);
          }
        },
      ),
    );
  });

  it('nobody waits for rivals where none is in flight, so that somebody always gets on', () => {
    fc.assert(
      fc.property(policies, moves(true), (policy, played) => {
        const book = new Book(policy);
        for (const move of played) {
          book.play(move);
          expect(permit('password', book.failures, 0, policy, book.now).kind).not.toBe('busy');
        }
      }),
    );
  });

  it('whoever comes back after Retry-After is not refused again', () => {
    fc.assert(
      fc.property(policies, moves(true), (policy, played) => {
        const book = new Book(policy);
        for (const move of played) book.play(move);
        const answer = permit('password', book.failures, 0, policy, book.now);
        if (answer.kind !== 'refused') return;
        const later = book.now + retryAfter(answer) * 1000;
        expect(permit('password', book.failures, 0, policy, later)).toEqual({ kind: 'go' });
      }),
    );
  });
});

describe('guesses at a code', () => {
  it('are let in as long as all of them, and those in flight, may be wrong without making more than five', () => {
    expect([0, 1, 2, 3, 4].map((count) => permitGuess(count, 4 - count).kind)).toEqual(Array(5).fill('go'));
    expect([0, 1, 2, 3, 4].map((count) => permitGuess(count, 5 - count).kind)).toEqual(Array(5).fill('busy'));
  });

  it('find no code any more after five', () => {
    for (const inFlight of [0, 3]) expect(problemOf(permitGuess(5, inFlight))?.id).toBe('COMMAND-S34gh');
  });

  it('and other wrong secrets are told by their method, and of passwords alone how many there were', () => {
    const methods = ['totp', 'otpSms', 'otpEmail', 'recoveryCode'] as const;
    expect(methods.map((method) => wrong(method, 3).id)).toEqual(['EVENT-8isk2', 'CODE-woT0xc', 'CODE-woT0xc', 'DOMAIN-6uvh0']);
    for (const method of methods) expect(wrong(method, 3)).not.toHaveProperty('evidence');
    expect([usedBefore('totp').id, usedBefore('recoveryCode').id]).toEqual(['TOTP-Auw0a', 'DOMAIN-6uvh0']);
  });

  it('are locked by the id of their method', () => {
    const ids = (['totp', 'otpSms', 'otpEmail', 'recoveryCode'] as const).map(
      (method) => problemOf(permit(method, failures(10), 0, POLICY, NOW))?.id,
    );
    expect(ids).toEqual(['COMMAND-SF3fg', 'COMMAND-S6h4R', 'COMMAND-S6h4R', 'COMMAND-2w6oa']);
  });
});
