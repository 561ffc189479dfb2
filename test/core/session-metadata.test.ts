import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeMetadata, sameMetadata } from '../../src/core/session/metadata.ts';
import { must, mustFail, outcomeOf, pair } from './builders.ts';

const KIB = 1024;
const bytes = (length: number) => new Uint8Array(length);
const keys = (length: number) => Object.fromEntries(Array.from({ length }, (_, n) => pair(`k${n}`, '1')));
/** Metadata with own keys whatever they are called, as JSON.parse makes them. */
const own = (...pairs: (readonly [string, string])[]): Record<string, string> => Object.fromEntries(pairs);

const TOO_MANY = { kind: 'invalid-argument', message: 'invalid metadata: at most 64 keys, after the merge' };
const TOO_MUCH = { kind: 'invalid-argument', message: 'invalid metadata: at most 16384 decoded bytes, after the merge' };

describe('merging metadata', () => {
  it('keeps what is not named, overwrites what is, adds what is new', () => {
    const stored = own(pair('a', '1'), pair('b', '2'));
    expect(must(mergeMetadata(stored, [pair('b', '3'), pair('c', '4')]))).toEqual(own(pair('a', '1'), pair('b', '3'), pair('c', '4')));
    expect(stored).toEqual(own(pair('a', '1'), pair('b', '2')));
  });

  it('deletes a key with an empty value, and does not mind one that is not there', () => {
    expect(must(mergeMetadata(own(pair('a', '1'), pair('b', '2')), [pair('a', ''), pair('z', '')]))).toEqual(own(pair('b', '2')));
  });

  it('lets the last word on a key count', () => {
    expect(must(mergeMetadata({}, [pair('a', '1'), pair('a', '2')]))).toEqual(own(pair('a', '2')));
    expect(must(mergeMetadata({}, [pair('a', '1'), pair('a', '')]))).toEqual({});
    expect(must(mergeMetadata({}, [pair('a', ''), pair('a', '1')]))).toEqual(own(pair('a', '1')));
  });

  it('allows 64 keys and not one more, counted after the merge', () => {
    expect(outcomeOf(mergeMetadata(keys(63), [pair('new', '1')]))).toBe('ok');
    expect(mustFail(mergeMetadata(keys(64), [pair('new', '1')]))).toEqual(TOO_MANY);
    expect(outcomeOf(mergeMetadata(keys(64), [pair('k0', '2')]))).toBe('ok');
    expect(outcomeOf(mergeMetadata(keys(64), [pair('new', '1'), pair('k0', '')]))).toBe('ok');
  });

  it.each([
    ['no padding', 3],
    ['one sign of padding', 2],
    ['two signs of padding', 1],
  ])('allows 16 KiB and not a byte more, counted after decoding: %s', (_, length) => {
    const rest = pair('rest', bytes(length));
    expect(outcomeOf(mergeMetadata({}, [pair('a', bytes(16 * KIB - length)), rest]))).toBe('ok');
    expect(mustFail(mergeMetadata({}, [pair('a', bytes(16 * KIB - length + 1)), rest]))).toEqual(TOO_MUCH);
  });

  it('counts the bytes after the merge too', () => {
    const stored = own(pair('a', bytes(16 * KIB)));
    expect(outcomeOf(mergeMetadata(stored, [pair('a', bytes(1)), pair('b', bytes(16 * KIB - 1))]))).toBe('ok');
    expect(outcomeOf(mergeMetadata(stored, [pair('a', ''), pair('b', bytes(16 * KIB))]))).toBe('ok');
    expect(mustFail(mergeMetadata(stored, [pair('b', bytes(1))]))).toEqual(TOO_MUCH);
  });

  it('does not count the keys among the bytes', () => {
    expect(outcomeOf(mergeMetadata({}, [pair('k'.repeat(200), bytes(16 * KIB))]))).toBe('ok');
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('takes a key named %s for a key like any other', (name) => {
    const merged = must(mergeMetadata({}, [pair(name, '1')]));
    expect(Object.entries(merged)).toEqual([pair(name, '1')]);
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(sameMetadata(merged, {})).toBe(false);
    expect(sameMetadata({}, merged)).toBe(false);
    expect(sameMetadata(merged, own(pair('a', '1')))).toBe(false);
    expect(sameMetadata(merged, own(pair(name, '1')))).toBe(true);
    expect(must(mergeMetadata(merged, [pair(name, '')]))).toEqual({});
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('metadata are the same', () => {
  it('when keys and values are, in whatever order', () => {
    expect(sameMetadata({}, {})).toBe(true);
    expect(sameMetadata(own(pair('a', '1'), pair('b', '2')), own(pair('b', '2'), pair('a', '1')))).toBe(true);
  });

  it('and not when a key or a value is another, or one is missing on either side', () => {
    expect(sameMetadata(own(pair('a', '1')), own(pair('a', '2')))).toBe(false);
    expect(sameMetadata(own(pair('a', '1')), own(pair('b', '1')))).toBe(false);
    expect(sameMetadata(own(pair('a', '1')), own(pair('a', '1'), pair('b', '2')))).toBe(false);
    expect(sameMetadata(own(pair('a', '1'), pair('b', '2')), own(pair('a', '1')))).toBe(false);
  });
});

describe('for any metadata', () => {
  const key = fc.oneof(
    fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '1', '0'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 5 }),
  );
  const pairs = (most: number) =>
    fc.array(fc.tuple(key, fc.oneof(fc.constant(''), fc.base64String({ minLength: 4, maxLength: 8 }))), { maxLength: most });
  const stored = pairs(8).map((list) => own(...list.filter(([, value]) => value !== '')));

  it('a merge is what writing each pair after the other comes to, and merging again changes nothing', () => {
    fc.assert(
      fc.property(stored, pairs(8), (before, asked) => {
        const expected = new Map(Object.entries(before));
        for (const [name, value] of asked) expected.set(name, value);
        const merged = must(mergeMetadata(before, asked));
        expect(new Map(Object.entries(merged))).toEqual(new Map([...expected].filter(([, value]) => value !== '')));
        expect(sameMetadata(must(mergeMetadata(merged, asked)), merged)).toBe(true);
      }),
    );
  });

  it('sameness is that of their pairs', () => {
    fc.assert(
      fc.property(stored, stored, (left, right) => {
        const sorted = (metadata: Record<string, string>) => JSON.stringify(Object.entries(metadata).sort());
        expect(sameMetadata(left, right)).toBe(sorted(left) === sorted(right));
        expect(sameMetadata(left, own(...Object.entries(left).reverse()))).toBe(true);
      }),
    );
  });
});
