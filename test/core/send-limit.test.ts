import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tooManySends } from '../../src/core/user/send-limit.ts';
import { MINUTE, NOW } from './builders.ts';

const HOUR = 60 * MINUTE;
const waitOf = (ages: readonly number[], pauseMs?: number) =>
  tooManySends(
    ages.map((age) => NOW - age),
    NOW,
    pauseMs,
  )?.evidence?.retryAfterSeconds;

describe('the messages to one address', () => {
  it('are one in 30 seconds, to the millisecond', () => {
    expect(waitOf([])).toBeUndefined();
    expect(waitOf([0])).toBe('30');
    expect(waitOf([29_999])).toBe('1');
    expect(waitOf([30_000])).toBeUndefined();
  });

  it('are five an hour', () => {
    const four = [HOUR - 1, 4 * MINUTE, 3 * MINUTE, 2 * MINUTE];
    expect(waitOf(four)).toBeUndefined();
    expect(waitOf([...four, MINUTE])).toBe('1');
    expect(waitOf([HOUR, ...four.slice(1), MINUTE])).toBeUndefined();
  });

  it('are five an hour without a pause, where all addresses are counted together', () => {
    expect(waitOf([0, 0, 0, 0], 0)).toBeUndefined();
    expect(waitOf([0, 0, 0, 0, 0], 0)).toBe('3600');
  });

  it('are never more than five in any hour, however somebody tries, and are let through again after the wait that was told', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 * MINUTE }), { maxLength: 60 }), (pauses) => {
        const sent: number[] = [];
        let now = NOW;
        for (const pause of pauses) {
          now += pause;
          const problem = tooManySends(sent, now);
          if (problem) expect(tooManySends(sent, now + Number(problem.evidence?.retryAfterSeconds) * 1000)).toBeUndefined();
          else sent.push(now);
        }
        for (const [index, at] of sent.entries()) {
          expect(at - (sent[index - 1] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(30_000);
          expect(at - (sent[index - 5] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(HOUR);
        }
      }),
    );
  });
});
