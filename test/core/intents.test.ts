import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClaimNames, type ExternalUser, externalUserOf, STANDARD_CLAIMS } from '../../src/core/intent/external-user.ts';
import { type CheckedIntent, intentProblem } from '../../src/core/intent/intent.ts';
import { isProviderUrl } from '../../src/core/intent/provider-url.ts';
import { isAllowedReturn, withParameters } from '../../src/core/intent/return-url.ts';
import { intentTokenProblem } from '../../src/core/intent/token.ts';
import { isLoopback } from '../../src/core/loopback.ts';
import { NOW } from './builders.ts';

describe('an intent', () => {
  /** One that succeeded a while ago, at an account that is Minnie's. */
  const intent = (overrides: Partial<CheckedIntent> = {}): CheckedIntent => ({
    state: 'succeeded',
    expiresAt: NOW + 1,
    userId: 'minnie',
    linked: true,
    consumedByThis: false,
    ...overrides,
  });
  const outcome = (checked: CheckedIntent | undefined, userId = 'minnie', now = NOW) => intentProblem(checked, userId, now)?.id ?? 'ok';

  it('proves the user that its account is linked to, whether it was so at its return or came to be since', () => {
    expect(outcome(intent())).toBe('ok');
    expect(outcome(intent({ userId: undefined }))).toBe('ok');
  });

  it('proves nobody to whom the account is not linked now, whatever it was at its return', () => {
    expect(outcome(intent({ linked: false }))).toBe('COMMAND-O8xk3w');
    expect(outcome(intent({ linked: false, userId: undefined }))).toBe('COMMAND-O8xk3w');
  });

  it('proves nobody to whom the account came after its return as somebody else’s', () => {
    expect(outcome(intent({ userId: 'mickey' }))).toBe('COMMAND-O8xk3w');
    expect(outcome(intent(), 'mickey')).toBe('COMMAND-O8xk3w');
  });

  it('proves nothing before it has succeeded, after it has failed, or when there is none', () => {
    expect(outcome(undefined)).toBe('COMMAND-Df4bw');
    for (const state of ['started', 'claimed', 'failed'] as const)
      for (const consumedByThis of [true, false]) expect(outcome(intent({ state, consumedByThis })), state).toBe('COMMAND-Df4bw');
  });

  it('proves nothing once it is consumed, but to the attempt that has consumed it', () => {
    expect(outcome(intent({ state: 'consumed' }))).toBe('COMMAND-Df4bw');
    expect(outcome(intent({ state: 'consumed', consumedByThis: true }))).toBe('ok');
  });

  it('is expired from the very millisecond on, also for the attempt that has consumed it', () => {
    expect(outcome(intent({ expiresAt: NOW }))).toBe('COMMAND-SAf42');
    expect(outcome(intent({ expiresAt: NOW, state: 'consumed', consumedByThis: true }))).toBe('COMMAND-SAf42');
    expect(outcome(intent({ expiresAt: NOW - 1 }))).toBe('COMMAND-SAf42');
  });

  it('is refused for its state before its time, and for its time before its user', () => {
    expect(outcome(intent({ state: 'consumed', expiresAt: NOW, linked: false }))).toBe('COMMAND-Df4bw');
    expect(outcome(intent({ expiresAt: NOW, linked: false }))).toBe('COMMAND-SAf42');
  });

  it('is refused as failed preconditions of the user’s own, not as an error', () => {
    for (const problem of [
      intentProblem(undefined, 'minnie', NOW),
      intentProblem(intent({ expiresAt: NOW }), 'minnie', NOW),
      intentProblem(intent({ linked: false }), 'minnie', NOW),
    ])
      expect(problem?.kind).toBe('failed-precondition');
  });
});

describe('a token of an intent', () => {
  it('opens the intent that it is of, and no other', () => {
    expect(intentTokenProblem({ intentId: 'intent' }, 'intent')).toBeUndefined();
    expect(intentTokenProblem({ intentId: 'intent' }, 'another')).toMatchObject({ kind: 'permission-denied', id: 'CRYPTO-CRYPTO' });
  });

  it('is refused when it is no base64url, and when it is none of ours', () => {
    expect(intentTokenProblem('malformed', 'intent')).toMatchObject({ kind: 'permission-denied', id: 'CRYPTO-Swg31' });
    expect(intentTokenProblem('unknown', 'intent')).toMatchObject({ kind: 'permission-denied', id: 'CRYPTO-Sf4gt' });
  });
});

/** Names that every object answers to, though it was told nothing by them. */
const INHERITED = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', '__defineGetter__'];
const TEXTS = [
  'id',
  'userName',
  'givenName',
  'familyName',
  'nickName',
  'displayName',
  'email',
  'phone',
  'preferredLanguage',
] as const satisfies readonly (keyof ExternalUser)[];
const FLAGS = ['emailVerified', 'phoneVerified'] as const satisfies readonly (keyof ExternalUser)[];

describe('a person as a provider tells of them', () => {
  const anyName = fc.oneof(fc.constantFrom(...INHERITED, ...Object.values(STANDARD_CLAIMS).flat()), fc.string());
  const anyValue = fc.oneof(fc.anything(), fc.string({ unit: 'binary', maxLength: 300 }), fc.integer(), fc.constantFrom(true, 'true', 1, null, ''));
  // What JSON.parse makes of an object holds "__proto__" as a name like any other.
  const anyClaims = fc.array(fc.tuple(anyName, anyValue)).map((entries) => Object.fromEntries(entries) as Record<string, unknown>);
  const anyNames = fc.record(
    Object.fromEntries([...TEXTS, ...FLAGS].map((claim) => [claim, fc.array(anyName, { maxLength: 3 })])),
  ) as fc.Arbitrary<ClaimNames>;

  it('is told in full by the standard claims', () => {
    const claims = {
      sub: 'id-1',
      preferred_username: 'minnie',
      given_name: 'Minnie',
      family_name: 'Mouse',
      nickname: 'Min',
      name: 'Minnie Mouse',
      email: 'minnie@mouse.com',
      email_verified: true,
      phone_number: '+41791234567',
      phone_number_verified: 'true',
      locale: 'en',
    };
    expect(externalUserOf(claims, STANDARD_CLAIMS)).toEqual({
      id: 'id-1',
      userName: 'minnie',
      givenName: 'Minnie',
      familyName: 'Mouse',
      nickName: 'Min',
      displayName: 'Minnie Mouse',
      email: 'minnie@mouse.com',
      emailVerified: true,
      phone: '+41791234567',
      phoneVerified: true,
      preferredLanguage: 'en',
    });
  });

  it('has an id of 1 to 200 characters and short well-formed texts, whatever the claims are and are called; or is nobody', () => {
    fc.assert(
      fc.property(anyClaims, fc.oneof(anyNames, fc.constant(STANDARD_CLAIMS)), (claims, names) => {
        const user = externalUserOf(claims, names);
        if (user === undefined) return;
        expect(user.id).not.toBe('');
        for (const claim of TEXTS) {
          expect(user[claim]).toBeTypeOf('string');
          expect(user[claim].isWellFormed()).toBe(true);
          expect([...user[claim]].length).toBeLessThanOrEqual(200);
          if (claim !== 'id') expect(user[claim]).toBe(user[claim].trim());
        }
        for (const claim of FLAGS) expect(user[claim]).toBeTypeOf('boolean');
      }),
      { numRuns: 1000 },
    );
  });

  it('is told nothing by a name that every object answers to', () => {
    fc.assert(
      fc.property(fc.constantFrom(...INHERITED), fc.constantFrom(...TEXTS, ...FLAGS), (name, claim) => {
        const told = externalUserOf({ sub: 'id-1' }, { id: ['sub'], [claim]: claim === 'id' ? [name] : [name, 'sub'] });
        if (claim === 'id') expect(told).toBeUndefined();
        else expect(told?.[claim]).toBe(claim.endsWith('Verified') ? false : 'id-1');
      }),
    );
  });

  it('goes by a claim that is called like one of those, when it was told', () => {
    expect(externalUserOf(JSON.parse('{"__proto__":"id-1","constructor":"minnie"}'), { id: ['__proto__'], userName: ['constructor'] })).toMatchObject(
      {
        id: 'id-1',
        userName: 'minnie',
      },
    );
  });

  it('is told by the first of several names that is there', () => {
    const names = { id: ['a', 'b', 'c'] };
    expect(externalUserOf({ a: null, b: '', c: 'third' }, names)?.id).toBe('third');
    expect(externalUserOf({ b: 'second', c: 'third' }, names)?.id).toBe('second');
  });

  it('may be numbered, by any number that is a whole and exact one', () => {
    const idOf = (sub: unknown) => externalUserOf({ sub }, STANDARD_CLAIMS)?.id;
    expect([idOf(0), idOf(42), idOf(Number.MAX_SAFE_INTEGER)]).toEqual(['0', '42', '9007199254740991']);
    for (const odd of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1n, true, {}, ['x'], () => 'x', Symbol('x')])
      expect(idOf(odd)).toBeUndefined();
  });

  it('has an id as it was told, to its white space, and is nobody when that is too long to be kept', () => {
    const idOf = (sub: unknown) => externalUserOf({ sub }, STANDARD_CLAIMS)?.id;
    expect(idOf(' id-1 ')).toBe(' id-1 ');
    expect(idOf('🐭'.repeat(200))).toBe('🐭'.repeat(200));
    expect(idOf('x'.repeat(201))).toBeUndefined();
    expect(idOf('\ud800')).toBeUndefined();
    expect(externalUserOf({}, STANDARD_CLAIMS)).toBeUndefined();
    expect(externalUserOf({ sub: 'id-1' }, {})).toBeUndefined();
  });

  it('has a verified address only where the provider says so outright', () => {
    const verified = (email_verified: unknown) => externalUserOf({ sub: 'id-1', email_verified }, STANDARD_CLAIMS)?.emailVerified;
    expect([verified(true), verified('true')]).toEqual([true, true]);
    fc.assert(
      fc.property(
        anyValue.filter((value) => value !== true && value !== 'true'),
        (value) => verified(value) === false,
      ),
    );
  });
});

const TOLD = ['id', 'token', 'user', 'error', 'error_description'];
const LISTED = ['https://login.example.com', 'http://localhost:3000'];

/** URLs near the line, on either side of it. */
const anyUrl = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc
    .record({
      origin: fc.constantFrom(
        ...LISTED,
        'HTTPS://LOGIN.example.com:443',
        'https:login.example.com',
        'https:\\\\login.example.com\\..',
        'http://login.example.com',
        'https://localhost:3000',
        'http://127.0.0.1',
        'https://login.example.com.evil.example',
        'https://login.example.com@evil.example',
        'https://evil.example@login.example.com',
        'https://:x@login.example.com',
        'https://evil.example#https://login.example.com',
        'blob:https://login.example.com',
        'javascript://login.example.com',
        '//login.example.com',
      ),
      path: fc.constantFrom('', '/', '/ok', '//evil.example', '/%2e%2e', '/@evil.example', '\\@evil.example'),
      query: fc.array(fc.tuple(fc.constantFrom(...TOLD, 'x', 'ID', '%69d', 'to%6ben', '%75ser', 'error[]', ''), fc.string())),
      hash: fc.constantFrom('', '#', '#top', '#?token=1'),
    })
    .map(
      ({ origin, path, query, hash }) => `${origin}${path}?${query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}${hash}`,
    ),
);

describe('a URL that may be returned to', () => {
  it('is over https or on this machine, at a listed origin, to nobody in particular; every other is refused without a throw', () => {
    fc.assert(
      fc.property(anyUrl, (url) => {
        if (!isAllowedReturn(url, LISTED)) return;
        const { origin, protocol, hostname, username, password } = new URL(url);
        expect(LISTED).toContain(origin);
        expect(protocol === 'https:' || isLoopback(hostname)).toBe(true);
        expect([username, password]).toEqual(['', '']);
      }),
      { numRuns: 2000 },
    );
  });

  it('may have any path and query at the origin', () => {
    for (const url of [
      'https://login.example.com',
      'https://login.example.com/ok?x=1#top',
      'HTTPS://LOGIN.EXAMPLE.COM:443/',
      'http://localhost:3000/x',
    ])
      expect(isAllowedReturn(url, LISTED), url).toBe(true);
  });

  it('is refused at another origin, over http, to a name and password, or where it is none', () => {
    const listed = [...LISTED, 'http://login.example.com', 'null', 'https://evil.example', 'ftp://localhost'];
    for (const url of [
      'https://login.example.com:8443/',
      'https://login.example.com.evil.example/',
      'https://www.login.example.com/',
      'http://localhost:3001/',
      'https://localhost:3000/',
      'http://login.example.com/',
      'https://login.example.com@evil.example/',
      'https://minnie@login.example.com/',
      'https://:x@login.example.com/',
      'blob:https://login.example.com/x',
      'ftp://localhost/',
      'javascript:alert(1)',
      'data:text/html,x',
      '/ok',
      '//login.example.com/ok',
      'https://',
      '',
    ])
      expect(isAllowedReturn(url, listed), url).toBe(false);
    expect(isAllowedReturn('https://login.example.com/', [])).toBe(false);
  });

  it('stays at its origin with everything that is told there, which says only what we say', () => {
    const anyParameters = fc.dictionary(fc.constantFrom(...TOLD), fc.option(fc.string({ unit: 'binary' }), { nil: undefined }));
    fc.assert(
      fc.property(
        anyUrl.filter((url) => isAllowedReturn(url, LISTED)),
        anyParameters,
        (url, parameters) => {
          const target = withParameters(url, parameters);
          expect(isAllowedReturn(target, LISTED)).toBe(true);
          const { origin, pathname, hash, searchParams } = new URL(target);
          const given = new URL(url);
          expect([origin, pathname, hash]).toEqual([given.origin, given.pathname, given.hash]);
          for (const name of TOLD) expect(searchParams.getAll(name)).toEqual(parameters[name] ? [parameters[name].toWellFormed()] : []);
          const others = (params: URLSearchParams) => [...params].filter(([name]) => !TOLD.includes(name));
          expect(others(searchParams)).toEqual(others(given.searchParams));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('the URL of a provider', () => {
  it('is over https, or on this machine', () => {
    for (const url of [
      'https://accounts.example.com',
      'HTTPS://accounts.example.com/x?y=z',
      'https://accounts.example.com:8443/',
      'http://localhost:1234',
      'http://127.0.0.1/x',
      'http://[::1]:80/',
      'https://localhost',
    ])
      expect(isProviderUrl(url), url).toBe(true);
  });

  it('is refused over http elsewhere, with a fragment, an @ or white space, or where it is none', () => {
    for (const url of [
      'http://accounts.example.com',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
      'https://minnie@accounts.example.com',
      'https://accounts.example.com/@minnie',
      'https://accounts.example.com#',
      'https://accounts.example.com/#x',
      'https://accounts.example.com/ x',
      ' https://accounts.example.com',
      'https://accounts.example.com\n',
      'ftp://localhost',
      'javascript:alert(1)',
      'https:accounts.example.com',
      'https://',
      'https://[',
      'https://a:99999',
      'x https://accounts.example.com',
      '',
    ])
      expect(isProviderUrl(url), url).toBe(false);
  });

  it('is one that secrets may be sent to, whatever was given; and nothing throws', () => {
    const near = fc
      .tuple(
        fc.constantFrom('https://', 'http://', 'HTTP://', 'https:', ''),
        fc.oneof(fc.constantFrom('localhost', '127.0.0.1', '[::1]', 'a.example'), fc.string()),
        fc.string(),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(near, anyUrl), (url) => {
        if (!isProviderUrl(url)) return;
        const { protocol, hostname, hash, username, password } = new URL(url);
        expect(protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))).toBe(true);
        expect([hash, username, password]).toEqual(['', '', '']);
        expect(url).not.toMatch(/[#@\s]/);
      }),
      { numRuns: 2000 },
    );
  });
});
