import * as z from 'zod';
import type { Schema } from './answer-schema.ts';
import { type Description, described } from './described.ts';

/** A message that a request holds, as the schema that validates it has it. */
export interface MessageSchema {
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required: readonly string[];
  /** What is said of oneofs. */
  readonly description?: string;
  readonly allOf?: readonly Schema[];
}

/** The JSON that a schema takes. */
export function schemaOf(schema: z.ZodType): Schema {
  const { $schema: _, ...taken } = z.toJSONSchema(schema, {
    metadata: described,
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => expand(jsonSchema),
  });
  return taken;
}

/** The fields of an operation's message. */
export function fieldsOf(input: z.ZodType): MessageSchema {
  const { properties = {}, required = [], description, allOf } = schemaOf(input) as Partial<MessageSchema>;
  return { properties, required, ...(description && { description }), ...(allOf && { allOf }) };
}

/** Puts what a description stands for in its place. */
function expand(schema: Record<string, unknown> & Description): void {
  const { message, map, list } = schema;
  for (const ours of ['message', 'map', 'list', 'unbuilt']) delete schema[ours];
  if (message) Object.assign(schema, messageOf(message.fields as z.ZodRawShape, message.oneofs));
  if (map) {
    Object.assign(schema, { type: 'object', additionalProperties: schemaOf(map.value as z.ZodType), propertyNames: schemaOf(map.key as z.ZodType) });
  }
  if (list) schema.items = schemaOf(list as z.ZodType);
}

function messageOf(fields: z.ZodRawShape, oneofs: readonly (readonly string[])[]): Schema {
  const built = Object.entries(fields as Record<string, z.ZodType>).filter(([, field]) => !described.get(field)?.unbuilt);
  const names = new Set(built.map(([name]) => name));
  const required = built.filter(([, field]) => field._zod.optin !== 'optional').map(([name]) => name);
  const excluding = oneofs.map((oneof) => oneof.filter((name) => names.has(name))).filter((oneof) => oneof.length > 1);
  return {
    type: 'object',
    properties: Object.fromEntries(built.map(([name, field]) => [name, schemaOf(field)])),
    ...(required.length > 0 && { required }),
    ...(excluding.length > 0 && {
      description: excluding.map((oneof) => `At most one of ${oneof.join(', ')}.`).join(' '),
      // Of any two, not both.
      allOf: excluding.flatMap((oneof) => oneof.flatMap((one, at) => oneof.slice(at + 1).map((other) => ({ not: { required: [one, other] } })))),
    }),
  };
}
