import fc from 'fast-check';

const DEPTH = 10_000;
/** Over the limit of a body, 1 MiB. */
const HUGE = 1_100_000;

const utf8 = (text: string): Buffer => Buffer.from(text);

/** Values that no field expects, written as JSON. `marker` is to be found in no refusal. */
const strange = (marker: string): string[] => [
  'null',
  '[]',
  '{}',
  '""',
  'true',
  '-0',
  '1e999',
  '-1e999',
  '123456789012345678901234567890',
  '0.1',
  '"NaN"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u0000"',
  `"${marker}<script>alert(1)</script>"`,
  `"${"' OR 1=1; --"}${marker}"`,
  `"${'x'.repeat(20_000)}"`,
  `[${Array.from({ length: 2000 }, () => '0').join(',')}]`,
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{}}}',
  '{"toString":1,"hasOwnProperty":1,"valueOf":null}',
  '"2026-13-45T99:99:99Z"',
  '"-9223372036854775809s"',
  '"../../../etc/passwd"',
];

/** What is done to a body that was well written. Each gives bytes, which need not be JSON, nor text. */
const TWISTS: readonly ((text: string, at: number, marker: string) => Buffer)[] = [
  (text) => utf8(text),
  (text, at, marker) => utf8(withValue(text, at, strange(marker)[at % strange(marker).length] ?? '')),
  (text, at, marker) => utf8(withValue(text, at, strange(marker)[(at >> 4) % strange(marker).length] ?? '')),
  // A name twice, and names that objects have anyway.
  (text) => utf8(text.replace(/^\{("[^"]*":)/, '{$1null,$1')),
  (text, at) =>
    utf8(text.replace(/^\{/, `{"${['__proto__', 'constructor', 'toString', 'hasOwnProperty'][at % 4]}":{"a":1}${text === '{}' ? '' : ','}`)),
  // No text of JSON.
  (text, at) => utf8(text.slice(0, at % (text.length + 1))),
  (text) => utf8(`${text},`),
  (text) => utf8(`${text}${text}`),
  (text) => utf8(text.replace(/\}$/, ',}')),
  (text) => utf8(text.replaceAll('"', "'")),
  (text) => utf8(`/* */${text}`),
  (text) => utf8(`[${text}]`),
  () => utf8(''),
  // No UTF-8: overlong, truncated, surrogates as they stand, bytes that are never in it; and another form of Unicode.
  (text, at) => spliced(text, at, Buffer.from([0xc0, 0xaf])),
  (text, at) => spliced(text, at, Buffer.from([0xe2, 0x82])),
  (text, at) => spliced(text, at, Buffer.from([0xed, 0xa0, 0x80])),
  (text, at) => spliced(text, at, Buffer.from([0xff, 0xfe])),
  (text) => Buffer.from(text, 'utf16le'),
  (text) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), utf8(text)]),
];

/** Few of these: each weighs as much as a hundred others. */
const HEAVY: readonly ((text: string) => Buffer)[] = [
  (text) => utf8(withValue(text, 0, `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`)),
  (text) => utf8(withValue(text, 0, `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`)),
  () => utf8('['.repeat(DEPTH)),
  (text) => utf8(withValue(text, 0, `"${'x'.repeat(HUGE)}"`)),
];

/** One value in a message replaced, whichever `at` points to; or one more member, where there is none. */
function withValue(text: string, at: number, value: string): string {
  const members = [...text.matchAll(/"(?:[^"\\]|\\.)*":(?="|-?\d|true|false|null)("(?:[^"\\]|\\.)*"|[^,}\]]+)/g)];
  const member = members[at % Math.max(members.length, 1)];
  if (member === undefined) return text.replace(/^\{/, `{"userId":${value}${text === '{}' ? '' : ','}`);
  const [whole, old = ''] = member;
  return `${text.slice(0, member.index)}${whole.slice(0, whole.length - old.length)}${value}${text.slice(member.index + whole.length)}`;
}

function spliced(text: string, at: number, bytes: Buffer): Buffer {
  const whole = utf8(text);
  const middle = at % (whole.length + 1);
  return Buffer.concat([whole.subarray(0, middle), bytes, whole.subarray(middle)]);
}

/** What becomes of a message on its way into a body. */
export type Twist = (message: unknown, marker: string) => Buffer;

/** Bodies from messages: as they are, twisted, or heavy. */
export const twists: fc.Arbitrary<Twist> = fc.tuple(fc.nat({ max: 1000 }), fc.nat()).map(([kind, at]) => (message, marker) => {
  const text = JSON.stringify(message ?? {});
  const heavy = kind === 0 ? HEAVY[at % HEAVY.length] : undefined;
  return heavy ? heavy(text) : (TWISTS[kind % TWISTS.length] ?? utf8)(text, at, marker);
});
