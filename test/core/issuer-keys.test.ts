import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { IssuerKeys } from '../../src/http/issuer-keys.ts';
import type { KeySet } from '../../src/http/key-set.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const setOf = (...kids: string[]): KeySet => ({ kids: new Set(kids), find: Object.assign(async () => Promise.reject(new Error('unused'))) });
const kidsOf = (set: KeySet | undefined): string[] | undefined => set && [...set.kids];

/** An issuer in a test's hands, and the store of its keys under a clock that only the test moves. */
function anIssuer(...kids: string[]) {
  const issuer = { now: 1_000_000 * SECOND, fetches: 0, answer: async (): Promise<KeySet> => setOf(...kids) };
  const read = async (): Promise<KeySet> => {
    issuer.fetches += 1;
    return issuer.answer();
  };
  const keys = new IssuerKeys('https://id.example/keys', read, () => issuer.now);
  return Object.assign(issuer, { setWith: async (kid?: string) => kidsOf(await keys.setWith(kid)) });
}

const down = async (): Promise<KeySet> => {
  throw new Error('down');
};

/** An answer that comes when the test lets it. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<KeySet>();
  return { answer: () => promise, arrives: (...kids: string[]) => resolve(setOf(...kids)), fails: () => reject(new Error('broken off')) };
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the keys of an issuer', () => {
  it('are fetched when they are needed first, and kept for five minutes', async () => {
    const issuer = anIssuer('a');
    expect(issuer.fetches).toBe(0);
    for (const passes of [0, 2 * MINUTE, 3 * MINUTE - 1]) {
      issuer.now += passes;
      expect(await issuer.setWith('a')).toEqual(['a']);
    }
    expect(issuer.fetches).toBe(1);
    issuer.now += 1;
    await issuer.setWith('a');
    expect(issuer.fetches).toBe(2);
  });

  it('include a new one at once, and an old one no more as soon as that is known', async () => {
    const issuer = anIssuer('old');
    await issuer.setWith('old');
    issuer.answer = async () => setOf('new');
    expect(await issuer.setWith('old')).toEqual(['old']);
    expect(await issuer.setWith('new')).toEqual(['new']);
    expect(await issuer.setWith('old')).toEqual(['new']);
    expect(issuer.fetches).toBe(2);
  });

  it('no longer include one that was withdrawn once five minutes are over', async () => {
    const issuer = anIssuer('a', 'withdrawn');
    await issuer.setWith('withdrawn');
    issuer.answer = async () => setOf('a');
    issuer.now += 5 * MINUTE - 1;
    expect(await issuer.setWith('withdrawn')).toEqual(['a', 'withdrawn']);
    issuer.now += 1;
    expect(await issuer.setWith('withdrawn')).toEqual(['a']);
  });

  it('are not fetched for a token that names no key', async () => {
    const issuer = anIssuer('a');
    for (let i = 0; i < 3; i += 1) expect(await issuer.setWith(undefined)).toEqual(['a']);
    expect(issuer.fetches).toBe(1);
  });

  it('are not fetched twice for one unknown key, when they were not known at all', async () => {
    const issuer = anIssuer('a');
    expect(await issuer.setWith('unknown')).toEqual(['a']);
    expect(issuer.fetches).toBe(1);
  });
});

describe('a flood of unknown keys', () => {
  it('causes one fetch, whether they come at once or one after another', async () => {
    const issuer = anIssuer('a');
    await issuer.setWith('a');
    const late = held();
    issuer.answer = late.answer;
    const flood = Array.from({ length: 50 }, (_, i) => issuer.setWith(`at once ${i}`));
    expect(issuer.fetches).toBe(2);
    late.arrives('a');
    expect(await Promise.all(flood)).toEqual(Array(50).fill(['a']));
    for (let i = 0; i < 50; i += 1) expect(await issuer.setWith(`in a row ${i}`)).toEqual(['a']);
    expect(issuer.fetches).toBe(2);
  });

  it('causes one fetch even when that does not end', async () => {
    vi.useFakeTimers();
    const issuer = anIssuer('a');
    await issuer.setWith('a');
    issuer.answer = held().answer;
    const first = issuer.setWith('unknown');
    for (let second = 1; second < 60; second += 1) {
      issuer.now += SECOND - 1;
      expect(await issuer.setWith('a')).toEqual(['a']);
      if (second > 1) expect(await issuer.setWith(`unknown ${second}`)).toBeUndefined();
    }
    expect(issuer.fetches).toBe(2);
    await vi.advanceTimersByTimeAsync(5 * SECOND);
    expect(await first).toBeUndefined();
  });

  it('causes the next fetch a minute later, however many there were', async () => {
    const issuer = anIssuer('a');
    await issuer.setWith('a');
    await issuer.setWith('unknown');
    issuer.now += MINUTE - 1;
    await issuer.setWith('unknown');
    expect(issuer.fetches).toBe(2);
    issuer.now += 1;
    for (let i = 0; i < 10; i += 1) await issuer.setWith('unknown');
    expect(issuer.fetches).toBe(3);
  });

  it('does not keep the five minutes from ending for the keys that are known', async () => {
    const issuer = anIssuer('a');
    await issuer.setWith('a');
    issuer.answer = down;
    for (let minute = 0; minute < 5; minute += 1) {
      expect(await issuer.setWith('unknown')).toBeUndefined();
      expect(await issuer.setWith('a')).toEqual(['a']);
      issuer.now += MINUTE;
    }
    expect(await issuer.setWith('a')).toBeUndefined();
  });
});

describe('an issuer that does not answer', () => {
  it('is left alone for five seconds, and then asked again', async () => {
    const issuer = anIssuer('a');
    const { answer } = issuer;
    issuer.answer = down;
    for (const passes of [0, 1, 4998]) {
      issuer.now += passes;
      expect(await issuer.setWith('a')).toBeUndefined();
    }
    expect(issuer.fetches).toBe(1);
    issuer.answer = answer;
    issuer.now += 1;
    expect(await issuer.setWith('a')).toEqual(['a']);
    expect(issuer.fetches).toBe(2);
  });

  it('leaves open whether a key exists that is not among the known ones', async () => {
    const issuer = anIssuer('a');
    await issuer.setWith('a');
    issuer.answer = down;
    expect(await issuer.setWith('new')).toBeUndefined();
    expect(await issuer.setWith('new')).toBeUndefined();
    expect(await issuer.setWith('a')).toEqual(['a']);
    issuer.answer = async () => setOf('a', 'new');
    issuer.now += MINUTE;
    expect(await issuer.setWith('new')).toEqual(['a', 'new']);
  });

  it('is told by a signal, and waited for no longer than five seconds by anybody', async () => {
    vi.useFakeTimers();
    const issuer = anIssuer('a');
    issuer.answer = held().answer;
    const first = issuer.setWith('a');
    issuer.now += 900;
    await vi.advanceTimersByTimeAsync(900);
    const second = issuer.setWith('a');
    expect(issuer.fetches).toBe(1);
    issuer.now += 4100;
    await vi.advanceTimersByTimeAsync(4100);
    expect(await Promise.all([first, second])).toEqual([undefined, undefined]);
  });
});

describe('a fetch that is under way', () => {
  it('is shared while it is younger than a second; later ones make their own', async () => {
    const issuer = anIssuer('a');
    const [slow, quick] = [held(), held()];
    issuer.answer = slow.answer;
    const shared = [issuer.setWith('a')];
    issuer.now += 999;
    shared.push(issuer.setWith('a'));
    expect(issuer.fetches).toBe(1);
    issuer.now += 1;
    issuer.answer = quick.answer;
    const own = issuer.setWith('a');
    expect(issuer.fetches).toBe(2);
    quick.arrives('a');
    expect(await own).toEqual(['a']);
    slow.arrives('a');
    expect(await Promise.all(shared)).toEqual([['a'], ['a']]);
  });

  it('brings back no key that is gone, when a later one was answered first', async () => {
    const issuer = anIssuer();
    const [slow, quick] = [held(), held()];
    issuer.answer = slow.answer;
    const early = issuer.setWith('old');
    issuer.now += SECOND;
    issuer.answer = quick.answer;
    const late = issuer.setWith('new');
    quick.arrives('new');
    await late;
    slow.arrives('old');
    await early;
    expect(await issuer.setWith('new')).toEqual(['new']);
  });

  it('takes the keys with it that are known, whatever becomes of it', async () => {
    const issuer = anIssuer('a');
    await issuer.setWith('a');
    const late = held();
    issuer.answer = late.answer;
    const unknown = issuer.setWith('unknown');
    expect(await issuer.setWith('a')).toEqual(['a']);
    late.fails();
    expect(await unknown).toBeUndefined();
    expect(await issuer.setWith('a')).toEqual(['a']);
  });
});
