import type { DescEnum, DescField, DescMessage } from '@bufbuild/protobuf';
import { ScalarType } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { methodOf } from '../../src/http/services.ts';
import { api } from '../support/api.ts';

type Schema = { readonly [keyword: string]: unknown };

/** What requests may hold and `@zitadel/proto` 1.3.1 does not know, so that it comes in JSON alone: ours, newer, or older. */
const JSON_ALONE = new Set([
  'zitadel.session.v2.Checks.recoveryCode',
  'zitadel.session.v2.SearchQuery.expirationDateQuery',
  'zitadel.session.v2.SearchQuery.statusQuery',
  'zitadel.session.v2beta.SearchQuery.statusQuery',
  'zitadel.session.v2.ListSessionsRequest.pageToken',
  'zitadel.session.v2beta.ListSessionsRequest.pageToken',
  'zitadel.user.v2.CreateUserRequest.Machine.accessTokenType',
  'zitadel.user.v2.AddHumanUserRequest.organisation',
  'zitadel.user.v2beta.AddHumanUserRequest.organisation',
  'zitadel.user.v2.SetPasswordRequest.endOtherSessions',
  'zitadel.user.v2beta.SetPasswordRequest.endOtherSessions',
]);

const INT64 = [ScalarType.INT64, ScalarType.UINT64];
const INT32 = [ScalarType.INT32, ScalarType.UINT32];
/** The JSON that stands for a well-known message, when that is no object of its fields. */
const WRITTEN: Readonly<Record<string, string>> = { 'google.protobuf.Timestamp': 'string', 'google.protobuf.Duration': 'string' };

/** Where what we take of a message is not what Zitadel's clients write. */
function faultsOf(schema: Schema, message: DescMessage): string[] {
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>);
  return properties.flatMap(([name, taken]) => {
    const at = `${message.typeName}.${name}`;
    const field = message.fields.find(({ jsonName }) => jsonName === name);
    if (field === undefined) return JSON_ALONE.has(at) ? [] : [`${at} is no field`];
    if (JSON_ALONE.has(at)) return [`${at} is known after all`];
    return faultsOfField(at, taken, field);
  });
}

function faultsOfField(at: string, taken: Schema, field: DescField): string[] {
  if (field.fieldKind === 'list') {
    const { items = {}, type } = taken as { items?: Schema; type?: string };
    return type === 'array' ? faultsOfValue(at, items, field) : [`${at} is a list`];
  }
  if (field.fieldKind === 'map') {
    const { additionalProperties = {}, type } = taken as { additionalProperties?: Schema; type?: string };
    return type === 'object' ? faultsOfValue(at, additionalProperties, field) : [`${at} is a map`];
  }
  return faultsOfValue(at, taken, field);
}

function faultsOfValue(at: string, taken: Schema, { message, enum: named, scalar }: Pick<DescField, 'message' | 'enum' | 'scalar'>): string[] {
  if (message && !WRITTEN[message.typeName] && taken.properties) return faultsOf(taken, message);
  if (named) return faultsOfEnum(at, taken, named);
  const expected = message ? (WRITTEN[message.typeName] ?? 'object') : jsonOf(scalar);
  const types = taken.anyOf ? (taken.anyOf as Schema[]).map(({ type }) => type) : [taken.type];
  return types.includes(expected) ? [] : [`${at} is written as ${expected}`];
}

const faultsOfEnum = (at: string, { enum: names = [] }: { enum?: unknown[] } & Schema, { values }: DescEnum): string[] =>
  names
    .filter((name) => typeof name === 'string')
    .flatMap((name, number) => (values.find((one) => one.name === name)?.number === number ? [] : [`${at}: ${name} is not ${number}`]));

function jsonOf(scalar: ScalarType | undefined): string {
  if (scalar === ScalarType.BOOL) return 'boolean';
  if (INT64.includes(scalar as (typeof INT64)[number])) return 'string';
  return INT32.includes(scalar as (typeof INT32)[number]) ? 'number' : 'string';
}

interface Operation {
  readonly 'x-rpc'?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: { readonly properties: Record<string, Schema> } } } };
}

const { body: document } = await api('').get('/openapi.json');
const requests = Object.values<Record<string, Operation>>(document.paths).flatMap((verbs) =>
  Object.values(verbs).flatMap((operation) => {
    const method = methodOf(operation['x-rpc'] ?? '');
    return method ? [[operation['x-rpc'] as string, operation, method.input] as const] : [];
  }),
);

describe('a request that a Zitadel client writes in binary', () => {
  it.each(requests)('means what it means in JSON: %s', (_, { parameters = [], requestBody }, message) => {
    const inUrl = parameters.filter(({ name, in: place }) => place !== 'header' && !name.includes('.')).map(({ name, schema }) => [name, schema]);
    const properties = { ...Object.fromEntries(inUrl), ...requestBody?.content['application/json'].schema.properties };
    expect(faultsOf({ properties }, message)).toEqual([]);
  });
});
