import fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { EVERYWHERE } from '../../src/core/permission.ts';
import type { Problem } from '../../src/core/problem.ts';
import { presentSession } from '../../src/core/session/present.ts';
import { read } from '../../src/core/session/read.ts';
import { readJson, readQuery, unbuilt, validate, withPath } from '../../src/http/decode.ts';
import { problemResponse } from '../../src/http/problems.ts';
import {
  bytes,
  count,
  emit,
  enumeration,
  flag,
  map,
  message,
  positiveDuration,
  text,
  timestamp,
  toInt64,
  toTimestamp,
} from '../../src/http/protojson.ts';
import { createSessionMessage, deleteSessionMessage, getSessionMessage, setSessionMessage, type Version } from '../../src/http/session-messages.ts';
import { checkBoth, MINUTE, minnie, must, NOW, newSession, noStops, pair, passwordOf, stopped } from './builders.ts';

/** A message as it comes off the wire: own members whatever their names. */
const json = (text: string): unknown => JSON.parse(text);
const parse = <Schema extends z.ZodType>(schema: Schema, raw: unknown) => schema.parse(raw);
/** The first broken rule, with the field that it names. */
const refusal = (schema: z.ZodType, raw: unknown): string => {
  const [issue] = schema.safeParse(raw).error?.issues ?? [];
  return issue === undefined ? 'not refused' : `${issue.path.join('.')}: ${issue.message}`;
};

const inner = message({ returnCode: flag.optional() });
const sample = message(
  {
    userId: text(1, 200).optional(),
    loginName: text(1, 200).optional(),
    webAuthN: inner.optional(),
    otpSms: inner.optional(),
    lifetime: positiveDuration.optional(),
  },
  [['userId', 'loginName']],
);

describe('the fields of a message', () => {
  it('are read under their lowerCamelCase name and under their snake_case name', () => {
    expect(parse(sample, { userId: 'u', otpSms: { returnCode: true } })).toEqual({ userId: 'u', otpSms: { returnCode: true } });
    expect(parse(sample, { user_id: 'u', otp_sms: { return_code: true } })).toEqual({ userId: 'u', otpSms: { returnCode: true } });
    expect(parse(sample, { web_auth_n: {} })).toEqual({ webAuthN: {} });
  });

  it('are refused under both names at once', () => {
    expect(refusal(sample, { userId: 'u', user_id: 'u' })).toBe('userId: given twice');
    expect(refusal(sample, { otpSms: { returnCode: true, return_code: true } })).toBe('otpSms.returnCode: given twice');
  });

  it('are not read under other spellings', () => {
    expect(parse(sample, { UserId: 'u', userid: 'u', 'user-id': 'u', USER_ID: 'u' })).toEqual({});
  });

  it('are ignored when they are unknown, whatever they hold', () => {
    expect(parse(sample, { unknown: { deep: [1] }, userId: 'u' })).toEqual({ userId: 'u' });
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])('are unknown when they are called %s', (name) => {
    const parsed = parse(sample, json(`{"${name}": {"userId": "u", "polluted": true}}`));
    expect(parsed).toEqual({});
    expect(parsed).not.toHaveProperty('polluted');
  });

  it('are absent when they are null, also beside their twin or another member of their oneof', () => {
    expect(parse(sample, { userId: null, webAuthN: null })).toEqual({});
    expect(parse(sample, { userId: null, user_id: 'u' })).toEqual({ userId: 'u' });
    expect(parse(sample, { userId: null, loginName: 'l' })).toEqual({ loginName: 'l' });
  });

  it('are there when they hold an empty message', () => {
    expect(parse(sample, { webAuthN: {} })).toHaveProperty('webAuthN', {});
  });

  it('exclude each other within a oneof, under whatever names', () => {
    expect(refusal(sample, { userId: 'u', loginName: 'l' })).toBe('loginName: excludes userId: only one of them may be given');
    expect(refusal(sample, { user_id: 'u', login_name: 'l' })).toBe('loginName: excludes userId: only one of them may be given');
    expect(refusal(sample, { userId: '', loginName: '' })).toContain('excludes');
  });

  it.each([['a string'], [1], [true], [null], [[]], [[{}]]])('come in an object: not in %j', (raw) => {
    expect(refusal(sample, raw)).toBe(': must be an object');
    if (raw !== null) expect(refusal(sample, { webAuthN: raw })).toBe('webAuthN: must be an object');
  });
});

describe('a string', () => {
  it('is counted in runes', () => {
    expect(parse(text(1, 2), '🦊🦊')).toBe('🦊🦊');
    expect(refusal(text(1, 2), '🦊🦊🦊')).toBe(': value length must be between 1 and 2 runes, inclusive');
    expect(refusal(text(3, 5), '🦊🦊')).toBe(': value length must be between 3 and 5 runes, inclusive');
    expect(parse(text(3, 5), 'e\u0301a')).toHaveLength(3);
  });

  it('keeps to its bounds exactly', () => {
    expect(parse(text(1, 200), 'x'.repeat(200))).toHaveLength(200);
    expect(refusal(text(1, 200), 'x'.repeat(201))).toBe(': value length must be between 1 and 200 runes, inclusive');
    expect(refusal(text(1, 200), '')).toBe(': value length must be between 1 and 200 runes, inclusive');
    expect(parse(text(0, 200), '')).toBe('');
    expect(refusal(text(0, 200), 'x'.repeat(201))).toBe(': value length must be at most 200 runes, inclusive');
    expect(parse(text(1, 200), '🦊'.repeat(200))).toHaveLength(400);
    expect(refusal(text(1, 200), '🦊'.repeat(201))).toContain('200 runes');
  });

  it.each(['\ud83e', 'a\udd8a', '\udd8a\ud83e'])('holds no lone surrogate (%#)', (value) => {
    expect(refusal(text(1, 200), value)).toBe(': must be valid Unicode');
  });

  it.each([[1], [true], [{}], [['a']]])('is not a %j', (raw) => {
    expect(refusal(text(1, 200), raw)).toBe(': must be a string');
  });

  it('is asked for by name where it is required', () => {
    expect(refusal(message({ sessionId: text(1, 200) }), {})).toBe('sessionId: value is required');
  });
});

describe('bytes', () => {
  it.each([
    ['+/+/', '+/+/'],
    ['-_-_', '+/+/'],
    ['MQ==', 'MQ=='],
    ['MQ', 'MQ=='],
    ['MTI', 'MTI='],
    ['MTIz', 'MTIz'],
    ['', ''],
  ])('are read in either alphabet, padded or not, and kept in padded standard base64: %j', (given, kept) => {
    expect(parse(bytes, given)).toBe(kept);
  });

  it.each(['M', 'MQ=', 'MQ===', '=', 'M!==', 'MQ==MQ==', 'é', '*'])('are refused when they are not base64: %j', (given) => {
    expect(refusal(bytes, given)).toBe(': must be base64');
  });

  it.each([[1], [{}], [[77, 81]]])('are refused when they are not a string: %j', (given) => {
    expect(refusal(bytes, given)).toBe(': must be a base64 string');
  });

  it('come out as they went in, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (given) => {
        const base64 = Buffer.from(given).toString('base64');
        expect(parse(bytes, base64)).toBe(base64);
        expect(parse(bytes, Buffer.from(given).toString('base64url'))).toBe(base64);
      }),
    );
  });
});

describe('a duration', () => {
  it.each([
    ['18000s', 18_000_000],
    ['0.5s', 500],
    ['1.001s', 1001],
    ['0.000000001s', 1],
    ['0.0011s', 2],
    ['0.001000001s', 2],
    ['5.000000005s', 5001],
    ['1.000000000s', 1000],
    ['315576000000s', 315_576_000_000_000],
  ])('is read to milliseconds, rounded up: %s', (given, ms) => {
    expect(parse(positiveDuration, given)).toBe(ms);
  });

  it.each(['0s', '-300s', '-0s', '0.000000000s', '-0.5s'])('must be greater than zero: not %s', (given) => {
    expect(refusal(positiveDuration, given)).toBe(': value must be greater than 0s');
  });

  it.each(['', 's', '5', '5m', '5 s', ' 5s', '5S', '1e3s', '0x5s', '5.s', '1.0000000001s', '315576000001s', '-315576000001s', '1,5s', '5ss', '٣s'])(
    'is refused in any other form: %j',
    (given) => {
      expect(refusal(positiveDuration, given)).toBe(': value is not a valid duration');
    },
  );

  it.each([[5], [{ seconds: 5 }], [true]])('is not a %j', (given) => {
    expect(refusal(positiveDuration, given)).toBe(': must be a duration such as "300s"');
  });

  it('of whole milliseconds is exactly that', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10_000_000 }), fc.nat({ max: 999 }), (seconds, ms) => {
        fc.pre(seconds + ms > 0);
        expect(parse(positiveDuration, `${seconds}.${String(ms).padStart(3, '0')}s`)).toBe(seconds * 1000 + ms);
      }),
      { examples: [[2, 7]] },
    );
  });
});

describe('a timestamp', () => {
  it.each([
    ['2026-11-24T00:16:45Z', Date.UTC(2026, 10, 24, 0, 16, 45)],
    ['2026-11-24T00:16:45.5Z', Date.UTC(2026, 10, 24, 0, 16, 45, 500)],
    ['2026-11-24T00:16:45.123Z', Date.UTC(2026, 10, 24, 0, 16, 45, 123)],
    ['2026-11-24T00:16:45.123456789Z', Date.UTC(2026, 10, 24, 0, 16, 45, 123)],
    ['2026-11-24T01:46:45+01:30', Date.UTC(2026, 10, 24, 0, 16, 45)],
    ['2026-11-23T19:16:45-05:00', Date.UTC(2026, 10, 24, 0, 16, 45)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ])('is read from RFC 3339: %s', (given, ms) => {
    expect(parse(timestamp, given)).toBe(ms);
  });

  it.each([
    '',
    '2026-11-24',
    '2026-11-24T00:16:45',
    '2026-11-24 00:16:45Z',
    '2026-11-24T00:16Z',
    '2026-11-24T00:16:45.Z',
    '2026-11-24T00:16:45.1234567890Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-11-24T25:00:00Z',
    '2026-11-24T00:60:00Z',
    '2026-11-24T00:16:45+0100',
    'Tue, 24 Nov 2026 00:16:45 GMT',
    '1795479405',
    ' 2026-11-24T00:16:45Z',
  ])('is refused in any other form: %j', (given) => {
    expect(refusal(timestamp, given)).toBe(': must be an RFC 3339 timestamp');
  });

  it.each(['2026-02-30T00:00:00Z', '2025-02-29T00:00:00Z', '2026-04-31T00:00:00Z', '2026-11-24T24:00:00Z'])(
    'names a day and an hour that there are: not %s',
    (given) => {
      expect(refusal(timestamp, given)).toBe(': must be an RFC 3339 timestamp');
    },
  );

  it('is not a number', () => {
    expect(refusal(timestamp, 1795479405)).toBe(': must be a timestamp');
  });

  it('goes out in UTC with a Z, and comes back the same', () => {
    expect(toTimestamp(0)).toBe('1970-01-01T00:00:00.000Z');
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
        expect(parse(timestamp, toTimestamp(date.getTime()))).toBe(date.getTime());
      }),
    );
  });
});

describe('an unsigned integer', () => {
  it.each([
    [0, 0],
    ['0', 0],
    [7, 7],
    ['7', 7],
    ['4294967295', 4_294_967_295],
    [4_294_967_295, 4_294_967_295],
  ])('is read from a number or from digits: %j', (given, value) => {
    expect(parse(count, given)).toBe(value);
  });

  it.each([[-1], ['-1'], [1.5], ['1.5'], [4_294_967_296], ['4294967296'], ['99999999999'], [''], ['a'], ['1e3'], ['0x1'], [true], [{}], [' 1']])(
    'is refused in any other form: %j',
    (given) => {
      expect(refusal(count, given)).not.toBe('not refused');
    },
  );

  it('is refused in words, whatever is wrong with it', () => {
    for (const given of [-1, '-1', 'a', true]) expect(refusal(count, given)).toMatch(/^: must be a whole number/);
  });
});

describe('true and false', () => {
  it('are themselves', () => {
    expect([parse(flag, true), parse(flag, false)]).toEqual([true, false]);
  });

  it.each([['true'], [1], [0], ['']])('are not %j', (given) => {
    expect(refusal(flag, given)).toBe(': must be true or false');
  });
});

describe('an enumeration', () => {
  const requirement = enumeration(['UNSPECIFIED', 'REQUIRED', 'PREFERRED']);

  it('is read by name or by number', () => {
    expect(['REQUIRED', 1, 'UNSPECIFIED', 0, 2].map((given) => parse(requirement, given))).toEqual([
      'REQUIRED',
      'REQUIRED',
      'UNSPECIFIED',
      'UNSPECIFIED',
      'PREFERRED',
    ]);
  });

  it.each(['NOBODY', 'required', '', '1', 'constructor', '__proto__', 'length'])('is absent under a name that is not known: %j', (given) => {
    expect(parse(requirement, given)).toBeUndefined();
  });

  it.each([3, -1, 0.5, 1e10])('is refused under a number that is not known: %d', (given) => {
    expect(refusal(requirement, given)).toBe(': value must be one of the defined enum values');
  });

  it.each([[true], [{}], [['REQUIRED']]])('is not a %j', (given) => {
    expect(refusal(requirement, given)).toBe(': must be one of the defined enum values');
  });
});

describe('a map', () => {
  const metadata = map(text(1, 5), bytes);

  it('is read to pairs, its keys as they are', () => {
    expect(parse(metadata, { aKey: 'MQ', a_key: 'Mg==' })).toEqual([
      ['aKey', 'MQ=='],
      ['a_key', 'Mg=='],
    ]);
    expect(parse(metadata, {})).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'toString'])('has keys of any name: %s', (name) => {
    expect(parse(map(text(1, 20), bytes), json(`{"${name}": "MQ=="}`))).toEqual([[name, 'MQ==']]);
  });

  it('has no value null', () => {
    expect(refusal(metadata, { a: null })).toBe(': value: must be a base64 string');
    expect(refusal(map(text(1, 5), inner), { a: null })).toBe(': value: must be an object');
  });

  it('refuses a wrong key or value without repeating it', () => {
    expect(refusal(metadata, { secret: 'MQ==' })).toBe(': key: value length must be between 1 and 5 runes, inclusive');
    expect(refusal(metadata, { '': 'MQ==' })).toContain('key: value length');
    expect(refusal(metadata, { a: 'se!cret' })).toBe(': value: must be base64');
  });

  it.each([['a'], [1], [null], [[['a', 'MQ==']]]])('is an object: not %j', (given) => {
    expect(refusal(metadata, given)).toBe(': must be an object');
  });
});

describe('a message on its way out', () => {
  it('leaves zero values out', () => {
    expect(emit({ a: '', b: 0, c: toInt64(0), d: false, e: [], f: null, g: undefined })).toEqual({});
  });

  it('keeps everything else, and empty messages', () => {
    const kept = { a: 'x', b: 1, c: '1', d: true, e: [0], f: {}, g: -1, h: ' ' };
    expect(emit(kept)).toEqual(kept);
  });
});

describe('no refusal repeats the value', () => {
  const SECRET = 'hunter2';
  it.each([
    ['a string', text(1, 3)],
    ['bytes', map(text(1, 9), flag)],
    ['a duration', positiveDuration],
    ['a timestamp', timestamp],
    ['a number', count],
    ['true and false', flag],
    ['a message', sample],
  ] as const)('of %s', (_, schema: z.ZodType) => {
    expect(refusal(schema, SECRET)).not.toBe('not refused');
    expect(refusal(schema, SECRET)).not.toContain(SECRET);
  });
});

/** How a body is decoded for an operation, off a request as Hono has it. */
async function decoded(input: z.ZodType, body: string | Uint8Array<ArrayBuffer>): Promise<{ value?: unknown; problem?: Problem }> {
  let outcome = {};
  const app = new Hono().patch('/:sessionId', async (context) => {
    const raw = readJson(await context.req.arrayBuffer());
    const result = raw.ok ? validate({ input: () => input }, withPath(raw.value, context.req.param())) : raw;
    outcome = result.ok ? { value: result.value } : { problem: result.problem };
    return context.body(null);
  });
  await app.request('/s1', { method: 'PATCH', body });
  return outcome;
}
const decodedQuery = async (input: z.ZodType, query: string): Promise<unknown> => {
  let outcome: unknown;
  const app = new Hono().get('/:sessionId', async (context) => {
    const raw = readQuery(context.req.queries());
    outcome = raw.ok ? validate({ input: () => input }, withPath(raw.value, context.req.param())) : raw;
    return context.body(null);
  });
  await app.request(`/s1?${query}`);
  return outcome;
};
const decodedSet = (version: Version, body: object) => decoded(setSessionMessage(version), JSON.stringify({ sessionToken: 't', ...body }));

describe.each(['v2beta', 'v2'] as const)('SetSession of %s', (version) => {
  it('is read whole', () => {
    const given = {
      sessionId: 's1',
      sessionToken: 't',
      checks: { user: { loginName: 'minnie' }, password: { password: 'p' } },
      metadata: { a: 'MQ' },
      challenges: {},
      lifetime: '300s',
    };
    expect(parse(setSessionMessage(version), given)).toEqual({
      sessionId: 's1',
      sessionToken: 't',
      checks: { user: { loginName: 'minnie' }, password: { password: 'p' } },
      metadata: [['a', 'MQ==']],
      challenges: {},
      lifetime: 300_000,
    });
  });

  it.each([{ userId: 'u' }, { loginName: 'l' }])('takes the user by id or by login name: %j', (user) => {
    expect(parse(setSessionMessage(version), { sessionId: 's1', sessionToken: 't', checks: { user } }).checks).toEqual({ user });
  });

  it('takes a token of up to 200 characters', () => {
    const given = (length: number) => refusal(setSessionMessage(version), { sessionId: 's1', sessionToken: 'x'.repeat(length) });
    expect(given(200)).toBe('not refused');
    expect(given(201)).toMatch(/^sessionToken: value length must be .*200 runes/);
  });

  it.each([
    [{ checks: { user: { userId: 'x'.repeat(201) } } }, 'checks.user.userId: value length must be between 1 and 200 runes, inclusive'],
    [{ checks: { user: { loginName: '' } } }, 'checks.user.loginName: value length must be between 1 and 200 runes, inclusive'],
    [{ checks: { user: { userId: 'u', loginName: 'l' } } }, 'checks.user.loginName: excludes userId: only one of them may be given'],
    [{ checks: { user: {} } }, 'checks.user: userId or loginName is required'],
    [{ checks: { password: {} } }, 'checks.password.password: value is required'],
    [{ checks: { password: { password: '' } } }, 'checks.password.password: value length must be between 1 and 200 runes, inclusive'],
    [{ checks: { password: { password: 'x'.repeat(201) } } }, 'checks.password.password: value length must be between 1 and 200 runes, inclusive'],
    [{ metadata: { '': 'MQ==' } }, 'metadata: key: value length must be between 1 and 200 runes, inclusive'],
    [{ metadata: { ['k'.repeat(201)]: 'MQ==' } }, 'metadata: key: value length must be between 1 and 200 runes, inclusive'],
    [{ checks: { totp: {} } }, 'checks.totp.code: value is required'],
    [{ checks: { totp: { code: '12345' } } }, 'checks.totp.code: value length must be 6 runes'],
    [{ checks: { totp: { code: '1234567' } } }, 'checks.totp.code: value length must be 6 runes'],
    [{ checks: { otpSms: {} } }, 'checks.otpSms.code: value is required'],
    [{ checks: { otpSms: { code: '' } } }, 'checks.otpSms.code: value length must be between 1 and 200 runes, inclusive'],
    [{ checks: { otpEmail: { code: 'x'.repeat(201) } } }, 'checks.otpEmail.code: value length must be between 1 and 200 runes, inclusive'],
    [
      { challenges: { otpEmail: { sendCode: { urlTemplate: '' } } } },
      'challenges.otpEmail.sendCode.urlTemplate: value length must be between 1 and 200 runes, inclusive',
    ],
    [{ lifetime: '0s' }, 'lifetime: value must be greater than 0s'],
    [{ sessionId: '' }, 'sessionId: value length must be between 1 and 200 runes, inclusive'],
  ])('names the field of a broken rule: %j', (given, expected) => {
    expect(refusal(setSessionMessage(version), { sessionId: 's1', sessionToken: 't', ...given })).toBe(expected);
  });

  it('reads the codes of a check and the ways of a challenge', () => {
    const given = {
      checks: { totp: { code: '123456' }, otpSms: { code: 's' }, otpEmail: { code: 'e' } },
      challenges: { otpSms: { returnCode: true }, otpEmail: { sendCode: { urlTemplate: 'https://a.example/{{.Code}}' } } },
    };
    const read = parse(setSessionMessage(version), { sessionId: 's1', sessionToken: 't', ...given });
    expect(read.checks).toEqual(given.checks);
    expect(read.challenges).toEqual({
      otpSms: { returnCode: true },
      otpEmail: { returnCode: false, urlTemplate: 'https://a.example/{{.Code}}' },
    });
  });
});

describe('a part that is not built', () => {
  const sample = message({ name: text(1, 200).optional(), part: message({ unbuiltThing: unbuilt('part.unbuiltThing') }).optional() });
  const read = (body: object) => decoded(sample, JSON.stringify(body));

  it('is refused, also when it is empty, and named', async () => {
    const expected: Problem = { kind: 'unimplemented', id: 'SALLY-NotBuilt', message: 'part.unbuiltThing is not implemented' };
    for (const given of ['unbuiltThing', 'unbuilt_thing']) {
      for (const value of [{}, { code: '123456' }, false, '']) expect((await read({ part: { [given]: value } })).problem).toEqual(expected);
    }
    expect(problemResponse(expected).status).toBe(501);
  });

  it('is absent when it is null', async () => {
    expect((await read({ part: { unbuiltThing: null } })).problem).toBeUndefined();
  });

  it('is named after any broken rule', async () => {
    expect((await read({ part: { unbuiltThing: {} }, name: '' })).problem?.kind).toBe('invalid-argument');
  });
});

describe('SetSession', () => {
  it('of v2beta requires its token', () => {
    expect(refusal(setSessionMessage('v2beta'), { sessionId: 's1' })).toBe('sessionToken: value is required');
    expect(refusal(setSessionMessage('v2beta'), { sessionId: 's1', sessionToken: null })).toBe('sessionToken: value is required');
    expect(refusal(setSessionMessage('v2beta'), { sessionId: 's1', sessionToken: '' })).toContain('sessionToken: value length');
  });

  it('of v2 may leave it out, and takes an empty one for none', () => {
    expect(parse(setSessionMessage('v2'), { sessionId: 's1' }).sessionToken).toBeUndefined();
    expect(parse(setSessionMessage('v2'), { sessionId: 's1', sessionToken: '' }).sessionToken).toBeUndefined();
    expect(parse(setSessionMessage('v2'), { sessionId: 's1', sessionToken: 't' }).sessionToken).toBe('t');
  });

  it('of v2 has recovery codes; to v2beta they are an unknown field', async () => {
    const body = { checks: { recoveryCode: { code: 'c' } } };
    expect(await decodedSet('v2', body)).toEqual({ value: { sessionId: 's1', sessionToken: 't', ...body } });
    expect((await decodedSet('v2', { checks: { recovery_code: {} } })).problem?.kind).toBe('invalid-argument');
    expect(await decodedSet('v2beta', body)).toEqual({ value: { sessionId: 's1', sessionToken: 't', checks: {} } });
  });

  it('does not look at an agent: that is for Create alone', () => {
    expect(parse(setSessionMessage('v2'), { sessionId: 's1', userAgent: { ip: 1 } })).not.toHaveProperty('userAgent');
  });
});

describe('a body', () => {
  const input = setSessionMessage('v2');

  it('may be empty', async () => {
    expect(await decoded(input, '')).toEqual({ value: { sessionId: 's1' } });
  });

  it('does not name the session: the path does', async () => {
    expect(await decoded(input, '{"sessionId": "other"}')).toEqual({ value: { sessionId: 's1' } });
    expect(await decoded(input, '{"session_id": "other"}')).toEqual({ value: { sessionId: 's1' } });
  });

  it.each(['{', '{"a":}', "{'a': 1}", '\u0000'])('is refused when it is not JSON: %j', async (body) => {
    expect((await decoded(input, body)).problem).toEqual({ kind: 'invalid-argument', message: 'invalid request: malformed JSON' });
  });

  it.each(['null', '[]', '1', '"a"', 'true'])('is refused when it is not an object: %s', async (body) => {
    expect((await decoded(input, body)).problem).toEqual({ kind: 'invalid-argument', message: 'invalid request: must be an object' });
  });

  it('keeps __proto__ among the metadata and out of everything else', async () => {
    const body = '{"__proto__": {"sessionToken": "t"}, "metadata": {"__proto__": "MQ=="}, "checks": {"__proto__": {"user": {"userId": "u"}}}}';
    const { value } = await decoded(input, body);
    expect(value).toEqual({ sessionId: 's1', metadata: [['__proto__', 'MQ==']], checks: {} });
    expect(value).not.toHaveProperty('sessionToken');
  });
});

describe('a body of bytes', () => {
  const input = setSessionMessage('v2');
  const body = new TextEncoder().encode('{"lifetime": "1s"}');

  it('may begin with a byte order mark', async () => {
    expect(await decoded(input, new Uint8Array([0xef, 0xbb, 0xbf, ...body]))).toEqual({ value: { sessionId: 's1', lifetime: 1000 } });
  });

  it('is refused when it is not UTF-8', async () => {
    const latin1 = Buffer.from('{"sessionToken": "caf\u00e9"}', 'latin1');
    expect((await decoded(input, new Uint8Array(latin1))).problem?.message).toBe('invalid request: malformed JSON');
  });
});

describe('a query', () => {
  const input = message({
    sessionId: text(1, 200),
    sessionToken: text(1, 200).optional(),
    ctx: message({ orgId: text(1, 200).optional(), deep: message({ er: text(1, 200).optional() }).optional() }).optional(),
    ids: z.array(text(1, 200)).optional(),
  });

  it('is read under either name, the path first, and what is unknown is ignored', async () => {
    expect(await decodedQuery(input, 'session_token=t&orgId=&sessionId=other')).toEqual({ ok: true, value: { sessionId: 's1', sessionToken: 't' } });
    expect(await decodedQuery(input, 'sessionToken=t')).toEqual({ ok: true, value: { sessionId: 's1', sessionToken: 't' } });
  });

  it('leads into messages with dots, and lists what is given more than once', async () => {
    const value = { sessionId: 's1', ctx: { orgId: 'o', deep: { er: 'd' } }, ids: ['a', 'b'] };
    expect(await decodedQuery(input, 'ctx.orgId=o&ctx.deep.er=d&ids=a&ids=b')).toEqual({ ok: true, value });
  });

  it('does not reach prototypes', async () => {
    expect(await decodedQuery(input, '__proto__.sessionToken=t&constructor.prototype.polluted=1')).toEqual({ ok: true, value: { sessionId: 's1' } });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('CreateSession', () => {
  const agentOf = (userAgent: unknown) => parse(createSessionMessage('v2'), { userAgent }).userAgent;
  const agentRefusal = (userAgent: unknown) => refusal(createSessionMessage('v2'), { userAgent });

  it('asks for nothing', () => {
    expect(parse(createSessionMessage('v2'), {})).toEqual({});
  });

  it('reads the agent, with every value of a header', () => {
    const agent = { fingerprintId: 'f', ip: '192.0.2.1', description: 'd', header: { accept: { values: ['a', 'b'] }, empty: {} } };
    expect(agentOf(agent)).toEqual({ fingerprintId: 'f', ip: '192.0.2.1', description: 'd', header: { accept: ['a', 'b'], empty: [] } });
  });

  it('takes an agent of which nothing is known for none', () => {
    expect(agentOf({})).toBeUndefined();
    expect(agentOf({ unknown: 1 })).toBeUndefined();
  });

  it('holds each part of the agent to its length, and lets it be empty', () => {
    expect(agentOf({ fingerprintId: '', description: '', header: { '': { values: [''] } } })).toEqual({
      fingerprintId: '',
      description: '',
      header: { '': [''] },
    });
    expect(agentRefusal({ ip: '' })).toBe('not refused');
    expect(agentRefusal({ fingerprintId: 'x'.repeat(200), ip: 'x'.repeat(200) })).toBe('not refused');
    expect(agentRefusal({ fingerprintId: 'x'.repeat(201) })).toContain('userAgent.fingerprintId: value length');
    expect(agentRefusal({ ip: 'x'.repeat(201) })).toContain('userAgent.ip: value length');
    expect(agentRefusal({ header: { ['x'.repeat(1000)]: {} } })).toBe('not refused');
    expect(agentRefusal({ header: { ['x'.repeat(1001)]: {} } })).toContain('userAgent.header: key: value length');
  });

  it('drops an address that is none, and writes IPv6 in its normal form', () => {
    expect(agentOf({ ip: 'nowhere', description: 'd' })).toEqual({ description: 'd' });
    expect(agentOf({ ip: '2001:DB8:0::1' })).toEqual({ ip: '2001:db8::1' });
  });

  it('takes 50 headers and not one more', () => {
    const headers = (length: number) => ({ header: Object.fromEntries(Array.from({ length }, (_, n) => [`h${n}`, { values: ['v'] }])) });
    expect(agentRefusal(headers(50))).toBe('not refused');
    expect(agentRefusal(headers(51))).toBe('userAgent: at most 50 headers');
  });

  it('takes an agent of 16 KiB and not a byte more', () => {
    const overhead = JSON.stringify({ description: '' }).length;
    expect(agentRefusal({ description: 'x'.repeat(16 * 1024 - overhead) })).toBe('not refused');
    expect(agentRefusal({ description: 'x'.repeat(16 * 1024 - overhead + 1) })).toBe('userAgent: at most 16384 bytes');
    expect(agentRefusal({ description: 'ü'.repeat(9000) })).toBe('userAgent: at most 16384 bytes');
  });
});

describe('GetSession and DeleteSession', () => {
  it('take a token of up to 500 characters', () => {
    for (const schema of [getSessionMessage('v2'), getSessionMessage('v2beta'), deleteSessionMessage]) {
      expect(parse(schema, { sessionId: 's1', sessionToken: 'x'.repeat(500) }).sessionToken).toHaveLength(500);
      expect(refusal(schema, { sessionId: 's1', sessionToken: 'x'.repeat(501) })).toContain('500 runes');
      expect(parse(schema, { sessionId: 's1' }).sessionToken).toBeUndefined();
      expect(refusal(schema, {})).toBe('sessionId: value is required');
      expect(parse(schema, { sessionId: 's', sessionToken: 't' })).toEqual({ sessionId: 's', sessionToken: 't' });
      expect(refusal(schema, { sessionId: 'x'.repeat(200) })).toBe('not refused');
      expect(refusal(schema, { sessionId: 'x'.repeat(201) })).toContain('sessionId: value length');
      expect(refusal(schema, { sessionId: '' })).toContain('sessionId: value length');
    }
  });

  it('take an empty token for none, but for GetSession of v2, which refuses it', () => {
    expect(parse(getSessionMessage('v2beta'), { sessionId: 's1', sessionToken: '' }).sessionToken).toBeUndefined();
    expect(parse(deleteSessionMessage, { sessionId: 's1', sessionToken: '' }).sessionToken).toBeUndefined();
    expect(refusal(getSessionMessage('v2'), { sessionId: 's1', sessionToken: '' })).toContain('sessionToken: value length');
  });
});

describe('a session as Get shows it', () => {
  const shown = (session: ReturnType<typeof newSession>, stopOf = noStops, now = NOW) =>
    presentSession(must(read(session, { token: 'current', read: EVERYWHERE, callerId: '' }, stopOf, now)));
  const full = newSession(
    {
      ...checkBoth,
      metadata: [pair('a', '1')],
      lifetimeMs: 2 * MINUTE,
      userAgent: { ip: '192.0.2.1', fingerprintId: '', header: { accept: ['a'], empty: [] } },
    },
    { user: minnie({ admittedAt: NOW - MINUTE }), password: passwordOf('minnie', NOW - MINUTE) },
  );
  const born = new Date(NOW - MINUTE).toISOString();

  it('has neither token, nor creator, nor what the cells remember', () => {
    expect(shown(full)).toEqual({
      id: 'session-1',
      creationDate: born,
      changeDate: born,
      sequence: '6',
      factors: {
        user: { verifiedAt: born, id: 'minnie', loginName: 'minnie@mouse.com', displayName: 'Minnie Mouse', organizationId: 'org-1' },
        password: { verifiedAt: born },
      },
      metadata: { a: btoa('1') },
      userAgent: { ip: '192.0.2.1', fingerprintId: '', header: { accept: { values: ['a'] }, empty: {} } },
      expirationDate: new Date(NOW + MINUTE).toISOString(),
    });
  });

  it('leaves out what is empty', () => {
    expect(Object.keys(shown(newSession()))).toEqual(['id', 'creationDate', 'changeDate', 'sequence', 'expirationDate']);
    const nameless = newSession({ checks: { user: { userId: 'minnie' } } }, { user: minnie({ displayName: '', admittedAt: NOW - MINUTE }) });
    expect(shown(nameless).factors).toEqual({ user: { verifiedAt: born, id: 'minnie', loginName: 'minnie@mouse.com', organizationId: 'org-1' } });
  });

  it('keeps a name that reads "0"', () => {
    const zero = newSession(
      { checks: { user: { userId: 'minnie' } } },
      { user: minnie({ loginName: '0', displayName: '0', admittedAt: NOW - MINUTE }) },
    );
    expect(shown(zero).factors).toMatchObject({ user: { loginName: '0', displayName: '0' } });
  });

  it('shows of the agent what was given, also when it is empty', () => {
    expect(shown(newSession({ userAgent: { description: '' } })).userAgent).toEqual({ description: '' });
    expect(shown(newSession({ userAgent: { description: 'd', header: {} } })).userAgent).toEqual({ description: 'd' });
    expect(shown(newSession({ userAgent: { header: { a: ['1'] } } })).userAgent).toEqual({ header: { a: { values: ['1'] } } });
  });

  it('says when it is expired or stopped', () => {
    expect(shown(full, noStops, NOW + MINUTE).state).toBe('SESSION_STATE_EXPIRED');
    expect(shown(full, stopped('minnie')).state).toBe('SESSION_STATE_STOPPED');
  });

  it('shows a key named __proto__ like any other', () => {
    expect(JSON.stringify(shown(newSession({ metadata: [pair('__proto__', '1')] })))).toContain(`"metadata":{"__proto__":"${btoa('1')}"}`);
  });
});
