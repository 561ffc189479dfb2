import fc from 'fast-check';

/** A schema of JSON, as the document has them. */
export type Schema = { readonly [keyword: string]: unknown };

/** An operation of the document. */
export interface Described {
  readonly operationId: string;
  /** Service and method, where the operation is spoken as an RPC too. */
  readonly 'x-rpc'?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: true; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}

/** What every API answers at `/openapi.json`, as far as requests are made by it. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
}

export type Route = readonly [verb: string, path: string, operation: Described];

/** What tells every cell to tell everything anew, what browsers bring, and what is no request with one answer. */
const LEFT_ALONE = /^(\/reindex|\/idps\/callback|\/v2\/sessions\/\{sessionId\}\/watch)$/;

export const routesOf = ({ paths }: Document): Route[] =>
  Object.entries(paths)
    .filter(([path]) => !LEFT_ALONE.test(path))
    .flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => [verb, path, operation] as const));

/** JSON that a schema takes, as far as a schema can tell. */
function jsonOf(schema: Schema): fc.Arbitrary<unknown> {
  const { type, enum: values, anyOf, const: constant, pattern, format, contentEncoding, items, properties } = schema;
  if (constant !== undefined) return fc.constant(constant);
  if (Array.isArray(values)) return fc.constantFrom(...values);
  if (Array.isArray(anyOf)) return fc.oneof(...anyOf.map(jsonOf));
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true, min: new Date('2000-01-01'), max: new Date('2100-01-01') }).map((date) => date.toISOString());
  if (contentEncoding === 'base64') return fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.toBase64());
  if (typeof pattern === 'string') return fc.stringMatching(new RegExp(pattern.replaceAll('\\d', '[0-9]'))).filter((text) => text.length <= 200);
  if (type === 'string') return textOf(schema);
  if (type === 'boolean') return fc.boolean();
  if (type === 'number' || type === 'integer') return fc.integer({ min: 0, max: 1000 });
  if (type === 'array') return fc.array(jsonOf((items ?? {}) as Schema), { maxLength: 3 });
  if (type === 'object' && properties === undefined) return mapOf(schema);
  return type === 'object' ? objectOf(schema) : fc.jsonValue();
}

function textOf({ minLength = 0, maxLength = 50 }: Schema): fc.Arbitrary<string> {
  const [least, most] = [Number(minLength), Math.min(Number(maxLength), 300)];
  return fc.oneof(
    fc.string({ minLength: least, maxLength: most, unit: 'grapheme-ascii' }),
    fc.string({
      minLength: least,
      maxLength: most,
      unit: fc
        .integer({ min: 0x20, max: 0x10ffff })
        .filter((at) => at < 0xd800 || at > 0xdfff)
        .map((at) => String.fromCodePoint(at)),
    }),
  );
}

const mapOf = ({ additionalProperties, propertyNames }: Schema): fc.Arbitrary<unknown> =>
  additionalProperties === undefined
    ? fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
    : fc.dictionary(textOf((propertyNames ?? {}) as Schema), jsonOf(additionalProperties as Schema), { maxKeys: 3 });

function objectOf(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  const members = Object.entries(schema.properties as Record<string, Schema>);
  const required = (schema.required ?? []) as string[];
  return fc
    .record(Object.fromEntries(members.map(([name, member]) => [name, jsonOf(member)])), { requiredKeys: required })
    .map((value) => withoutRivals(value as Record<string, unknown>, schema));
}

/** Of members that exclude each other, the first. */
function withoutRivals(value: Record<string, unknown>, { allOf = [] }: Schema): Record<string, unknown> {
  const kept = { ...value };
  for (const { not } of allOf as { not?: { required: string[] } }[]) {
    const [one = '', other = ''] = not?.required ?? [];
    if (one in kept && other in kept) delete kept[other];
  }
  return kept;
}

/** One thing in a message made wrong, or strange. */
const broken = (message: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc
    .tuple(message, fc.nat(), fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(null, [], {}, '', 'x'.repeat(3000), -1, 1e30, true)))
    .map(([value, at, wrong]) => {
      const names = [...Object.keys(value), 'unheardOf', '__proto__'];
      return Object.fromEntries([...Object.entries(value), [names[at % names.length] ?? '', wrong]]);
    });

/** A request by REST. */
export interface Sent {
  readonly path: string;
  readonly body: unknown;
}

/** Requests of an operation, in which ids are those that are known or anything; with one thing wrong in each message, if it is to be broken. */
export function requestsOf(path: string, operation: Described, known: Record<string, string>, breaking: boolean): fc.Arbitrary<Sent> {
  const parameters = operation.parameters ?? [];
  const idOf = (name: string): fc.Arbitrary<string> =>
    fc.oneof(fc.constant(known[name] ?? 'nobody'), fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme-ascii' }));
  const inPath = fc.record(Object.fromEntries(parameters.filter((one) => one.in === 'path').map(({ name }) => [name, idOf(name)])));
  const queried = parameters.filter((one) => one.in === 'query');
  const inQuery = fc.record(Object.fromEntries(queried.map(({ name, schema }) => [name, jsonOf(schema)])), {
    requiredKeys: queried.filter(({ required }) => required).map(({ name }) => name),
  });
  const schema = operation.requestBody?.content['application/json'].schema;
  const message = schema ? objectOf(schema) : fc.constant({});
  return fc.tuple(inPath, inQuery, breaking ? broken(message) : message).map(([named, query, body]) => ({
    path: pathOf(path, named as Record<string, string>, query as Record<string, unknown>),
    body: schema ? body : undefined,
  }));
}

function pathOf(template: string, named: Record<string, string>, query: Record<string, unknown>): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(named[name] ?? '').replace(/^\.{1,2}$/, 'dot'));
  const search = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  return search.size > 0 ? `${path}?${search}` : path;
}
