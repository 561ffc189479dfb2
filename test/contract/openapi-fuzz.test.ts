import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { type Answer, anOrganization, api, newUser } from '../support/api.ts';
import { create } from '../support/login.ts';

type Schema = { readonly [keyword: string]: unknown };
interface Described {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: true; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}

const SEED = Number(process.env.FUZZ_SEED ?? 20261126);
const RUNS = Number(process.env.FUZZ_RUNS ?? 8);

/** What would end, or lock out, what other tests work with: the providers and members of the whole instance, and the index of all sessions. */
const LEFT_ALONE = /^(\/reindex|\/idps\/callback|\/v2\/sessions\/\{sessionId\}\/watch)$/;

const document: { paths: Record<string, Record<string, Described>> } = await (await fetch(new URL('/openapi.json', inject('baseUrl')))).json();

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

/** Ids of things that this test made itself, and of things that nobody made. */
const ids = async (): Promise<Record<string, string>> => ({
  userId: (await newUser()).userId,
  sessionId: (await create()).id,
  orgId: await anOrganization(),
});

interface Sent {
  readonly path: string;
  readonly body: unknown;
}

function requestsOf(path: string, operation: Described, known: Record<string, string>, breaking: boolean): fc.Arbitrary<Sent> {
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

const routes = Object.entries(document.paths)
  .filter(([path]) => !LEFT_ALONE.test(path))
  .flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => [verb, path, operation] as const));

/** `api` holds each answer against the document, and throws where it is none that the document tells of. */
const send = (verb: string, { path, body }: Sent): Promise<Answer> => api()[verb as 'get'](path, body, { 'x-zitadel-orgid': '' });

describe(`a client that knows the document alone (FUZZ_SEED=${SEED}, FUZZ_RUNS=${RUNS})`, () => {
  it.each(routes)('finds no answer outside it: %s %s', async (verb, path, operation) => {
    const known = await ids();
    for (const breaking of [false, true]) {
      const sent = fc.asyncProperty(requestsOf(path, operation, known, breaking), async (request) => {
        const { status } = await send(verb, request);
        expect(status).toBeLessThan(500);
      });
      await fc.assert(sent, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    }
  });
});
