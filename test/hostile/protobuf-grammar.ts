import fc from 'fast-check';

const DEPTH = 10_000;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const varint = (value: number): number[] => (value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...varint(Math.floor(value / 0x80))]);

const tag = (field: number, type: number): number[] => varint(field * 8 + type);

const delimited = (field: number, bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([...tag(field, LENGTH_DELIMITED), ...varint(bytes.length), ...bytes]);

const field = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 20 }) }, fc.constantFrom(0, 536_870_911, 19_000));

/** One field of any kind, and of the kinds that are no longer, or never were. */
const anyField: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.tuple(field, fc.nat({ max: 2 ** 31 })).map(([number, value]) => Uint8Array.from([...tag(number, VARINT), ...varint(value)])),
  fc.tuple(field, fc.uint8Array({ maxLength: 40 })).map(([number, bytes]) => delimited(number, bytes)),
  fc.tuple(field, fc.string({ maxLength: 40 })).map(([number, text]) => delimited(number, new TextEncoder().encode(text))),
  fc.tuple(field, fc.uint8Array({ minLength: 8, maxLength: 8 })).map(([number, bytes]) => Uint8Array.from([...tag(number, FIXED64), ...bytes])),
  fc.tuple(field, fc.uint8Array({ minLength: 4, maxLength: 4 })).map(([number, bytes]) => Uint8Array.from([...tag(number, FIXED32), ...bytes])),
  // Groups, and types that do not exist.
  fc.tuple(field, fc.constantFrom(3, 4, 6, 7)).map(([number, type]) => Uint8Array.from(tag(number, type))),
  // A varint that never ends, and a length beyond the end.
  field.map((number) => Uint8Array.from([...tag(number, VARINT), ...Array.from({ length: 12 }, () => 0xff)])),
  field.map((number) => Uint8Array.from([...tag(number, LENGTH_DELIMITED), 0xff, 0xff, 0xff, 0xff, 0x0f])),
);

const joined = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

/** Messages within messages, each the field of the one around it. */
function nested(number: number): Uint8Array {
  const lengths = [0];
  const head = tag(number, LENGTH_DELIMITED).length;
  for (let depth = 1; depth < DEPTH; depth += 1) {
    const inner = lengths[depth - 1] ?? 0;
    lengths.push(head + varint(inner).length + inner);
  }
  return Uint8Array.from(lengths.reverse().flatMap((length) => [...tag(number, LENGTH_DELIMITED), ...varint(length)]));
}

/** What becomes of a message of protobuf on its way into a body. */
export type Mangle = (message: Uint8Array) => Uint8Array;

/** Bodies from messages: as they are; with bits turned, cut off, or more behind; or of fields of any kind. */
export const mangles: fc.Arbitrary<Mangle> = fc.oneof(
  fc.constant<Mangle>((message) => message),
  fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }).map(
    (turned): Mangle =>
      (message) => {
        const bytes = Uint8Array.from(message);
        for (const [at, bits] of turned) if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ bits;
        return bytes;
      },
  ),
  fc.nat().map(
    (at): Mangle =>
      (message) =>
        message.slice(0, at % (message.length + 1)),
  ),
  fc.array(anyField, { maxLength: 6 }).map(
    (fields): Mangle =>
      (message) =>
        joined([message, ...fields]),
  ),
  fc.array(anyField, { maxLength: 12 }).map(
    (fields): Mangle =>
      () =>
        joined(fields),
  ),
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 6 }).map(
      (number): Mangle =>
        () =>
          nested(number),
    ),
  },
);

/** What becomes of the envelope of gRPC-Web: as it is; other flags; a length that is not so; cut off; or twice. */
export const envelopes: fc.Arbitrary<Mangle> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Mangle>((message) => enveloped(message)) },
  fc.integer({ min: 1, max: 255 }).map(
    (flags): Mangle =>
      (message) =>
        enveloped(message, flags),
  ),
  fc.nat({ max: 2 ** 32 - 1 }).map(
    (length): Mangle =>
      (message) =>
        enveloped(message, 0, length),
  ),
  fc.nat({ max: 5 }).map(
    (kept): Mangle =>
      (message) =>
        enveloped(message).slice(0, kept),
  ),
  fc.constant<Mangle>((message) => joined([enveloped(message), enveloped(message)])),
);

function enveloped(message: Uint8Array, flags = 0, length = message.length): Uint8Array {
  const body = new Uint8Array(5 + message.length);
  body[0] = flags;
  new DataView(body.buffer).setUint32(1, length);
  body.set(message, 5);
  return body;
}
