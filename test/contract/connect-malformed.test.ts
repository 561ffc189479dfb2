import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newUser } from '../support/api.ts';
import { createFor } from '../support/login.ts';
import {
  BINARY_PROTOCOLS,
  bodyOf,
  enveloped,
  type Outcome,
  outcomeOf,
  PROTOCOLS,
  type Protocol,
  pathOf,
  post,
  type Rpc,
  TYPES,
} from '../support/rpc.ts';

const CREATE = 'session.v2/CreateSession';
const SET = 'session.v2/SetSession';
const INVALID_ARGUMENT = 3;
const UNAUTHENTICATED = 16;

const send = async (protocol: Protocol, rpc: Rpc, body: BodyInit | null, bearer?: string): Promise<Outcome> =>
  outcomeOf(protocol, rpc, await post(pathOf(rpc), TYPES[protocol], body, bearer === undefined ? {} : { bearer }));

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => new Uint8Array(values);
const joined = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(parts));

/** A field that holds bytes: a message, a text. */
function field(number: number, ...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const content = joined(...parts);
  return joined(varint(number * 8 + 2), varint(content.length), content);
}

function varint(value: number): Uint8Array<ArrayBuffer> {
  return value < 128 ? bytes(value) : joined(bytes((value % 128) + 128), varint(Math.floor(value / 128)));
}

const text = (value: string) => new TextEncoder().encode(value);
const VALID = bodyOf('Connect in binary', CREATE, { metadata: { key: 'MQ==' }, lifetime: '60s' });

/** A check of an assertion whose Struct has this value under `a`: CreateSessionRequest.checks (1), webAuthN (3), credential_assertion_data (1), fields (1). */
const assertionWith = (value: Uint8Array) => field(1, field(3, field(1, field(1, field(1, text('a')), field(2, value)))));
/** google.protobuf.Value.list_value (6), ListValue.values (1). */
function nested(levels: number): Uint8Array<ArrayBuffer> {
  const heads: Uint8Array[] = [bytes(0x08, 0x00)];
  let length = 2;
  for (let level = 0; level < levels * 2; level += 1) {
    const head = joined(bytes(level % 2 === 0 ? 0x0a : 0x32), varint(length));
    heads.push(head);
    length += head.length;
  }
  return joined(...heads.reverse());
}

const MALFORMED: Record<string, Uint8Array<ArrayBuffer>> = {
  'a message cut short': VALID.subarray(0, -1),
  garbage: bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  'a field number 0': bytes(0x02, 0x00),
  'a wire type that there is not': bytes(0x0f),
  'an end of a group that never began': bytes(0x0c),
  'a group that never ends': bytes(0x0b),
  'a length beyond the end': bytes(0x0a, 0x7f, 0x00),
  'text that is not UTF-8': field(4, field(1, bytes(0xc3, 0x28))),
  'a number of JSON that JSON has not': assertionWith(bytes(0x11, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)),
  'lists in lists, 10,000 deep': assertionWith(nested(10_000)),
  'a duration with nanoseconds beyond a second': field(5, bytes(0x10), varint(2_000_000_000)),
};

/** What a client may hold against us: not the word of a caller who is at fault. */
const ours = ({ status, refused }: Outcome) => status >= 500 || [2, 13, 14, 15].includes(refused?.code ?? 0);

describe.each(BINARY_PROTOCOLS)('a message in %s', (protocol) => {
  const body = (message: Uint8Array) => (protocol === 'gRPC-Web' ? enveloped(message) : new Uint8Array(message));

  it.each(Object.entries(MALFORMED))('that is malformed is the fault of its caller, who is asked for a bearer first: %s', async (_, message) => {
    const { refused } = await send(protocol, CREATE, body(message));
    expect(refused).toEqual({ code: INVALID_ARGUMENT, message: 'invalid request: malformed protobuf', details: [], retryAfter: null });
    expect((await send(protocol, CREATE, body(message), 'nobody')).refused?.code).toBe(UNAUTHENTICATED);
  });

  it('may be empty, and may have fields that nobody knows', async () => {
    expect((await send(protocol, CREATE, body(bytes()))).answer).toMatchObject({ sessionId: expect.any(String) });
    expect((await send(protocol, CREATE, body(joined(field(1000, text('unheard of')), VALID)))).answer).toMatchObject({
      sessionToken: expect.any(String),
    });
  });

  it('of whatever bytes is never our fault', async () => {
    const { userId } = await newUser();
    const { id, token } = await createFor(userId);
    const set = { sessionId: id, sessionToken: token, checks: { webAuthN: { credentialAssertionData: { a: [1, 'b', null, { c: true }] } } } };
    const search = { queries: [{ creationDateQuery: { creationDate: '2020-01-01T00:00:00Z', method: 1 } }, { userIdQuery: { id: userId } }] };
    const whole: [Rpc, Uint8Array][] = [
      [CREATE, VALID],
      [SET, bodyOf('Connect in binary', SET, set)],
      ['session.v2/ListSessions', bodyOf('Connect in binary', 'session.v2/ListSessions', search)],
      ['user.v2/GetUserByID', bodyOf('Connect in binary', 'user.v2/GetUserByID', { userId })],
    ];
    const changed = fc
      .record({ of: fc.constantFrom(...whole), at: fc.nat(), put: fc.uint8Array({ maxLength: 4 }), over: fc.nat(4) })
      .map(({ of: [rpc, valid], at, put, over }) => {
        const place = at % (valid.length + 1);
        return [rpc, joined(valid.subarray(0, place), put, valid.subarray(place + over))] as const;
      });
    const random = fc.tuple(fc.constantFrom(...whole.map(([rpc]) => rpc)), fc.uint8Array({ maxLength: 60 }));
    const framed = fc.boolean();
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 3, arbitrary: changed }, random), framed, async ([rpc, message], whole) => {
        const outcome = await send(protocol, rpc, whole ? body(message) : new Uint8Array(message));
        expect(ours(outcome), JSON.stringify(outcome)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a frame of gRPC-Web', () => {
  const refused = async (body: Uint8Array<ArrayBuffer>) => (await send('gRPC-Web', CREATE, body)).refused;

  it('that is too short, or is not as long as it says, is invalid', async () => {
    const frame = enveloped(VALID);
    for (const body of [bytes(), bytes(0, 0, 0, 0), frame.subarray(0, -1), joined(frame, bytes(0)), bytes(0, 0xff, 0xff, 0xff, 0xff)]) {
      expect(await refused(new Uint8Array(body))).toMatchObject({ code: INVALID_ARGUMENT });
    }
  });

  it('comes alone: of two, neither is taken', async () => {
    const frame = enveloped(VALID);
    expect(await refused(joined(frame, frame))).toMatchObject({ code: INVALID_ARGUMENT, message: 'invalid request: must be one message' });
    expect(await refused(joined(frame, enveloped(bytes(), 0x80)))).toMatchObject({ code: INVALID_ARGUMENT });
  });
});

describe('a message in Connect\u2019s JSON', () => {
  it('that is malformed is invalid, once its caller is known', async () => {
    for (const body of ['{', '[]', 'null', '{"lifetime":60}', '{"metadata":{"k":"MQ=="}', '\u0000']) {
      expect((await send('Connect in JSON', CREATE, body)).refused).toMatchObject({ code: INVALID_ARGUMENT, details: [] });
      expect((await send('Connect in JSON', CREATE, body, 'nobody')).refused?.code).toBe(UNAUTHENTICATED);
    }
  });
});

describe.each(PROTOCOLS)('a message in %s', (protocol) => {
  it('that breaks a rule names the field', async () => {
    const message = { sessionId: 's'.repeat(201) };
    const { refused } = await send(protocol, 'session.v2/GetSession', bodyOf(protocol, 'session.v2/GetSession', message));
    expect(refused).toMatchObject({ code: INVALID_ARGUMENT, message: expect.stringContaining('sessionId'), details: [] });
  });
});
