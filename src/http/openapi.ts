import * as z from 'zod';
import { messageSchema, type Schema } from './answer-schema.ts';
import { fieldsOf, type MessageSchema } from './message-schema.ts';
import { ERROR_COMPONENTS, PLACES } from './openapi-places.ts';
import type { Operation, Route } from './operation.ts';
import { methodOf } from './services.ts';

const VERSION = '0.1.0';
const DESCRIPTION = `Zitadel-compatible login sessions. Every operation also answers over Connect and gRPC-Web, at \`POST /{x-rpc}\`.

Names of fields are taken in lowerCamelCase and in snake_case; unknown ones are ignored. Members that are zero are left out of answers.
The bearer is a personal access token, a JWT of a trusted issuer, a session's token, or the operator's token.
\`x-zitadel-orgid\` names the organisation where an operation needs one that the message does not name.`;

/** One operation of the document. */
export interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly 'x-rpc'?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: { readonly 'application/json': { readonly schema: Schema } } };
  readonly responses: Readonly<Record<string, Schema>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: true;
  readonly description?: string;
  readonly schema: Schema;
}

export interface Document {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly object[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The document (OpenAPI 3.1) of all that is served: every operation by REST, from the schemas that validate it, and what stands beside the table. */
export function documentOf(operations: readonly Operation[]): Document {
  const schemas: Record<string, Schema> = {};
  const paths: Record<string, Record<string, Described>> = structuredClone(PLACES);
  for (const operation of operations) {
    for (const route of operation.routes) {
      const [verb, path] = route.split(' ') as [string, string];
      paths[path] = { ...paths[path], [verb.toLowerCase()]: describe(operation, route, schemas) };
    }
  }
  const tags = new Set(Object.values(paths).flatMap((verbs) => Object.values(verbs).flatMap((operation) => operation.tags)));
  return {
    openapi: '3.1.0',
    info: { title: 'Sallyport', version: VERSION, description: DESCRIPTION },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [...tags].sort().map((name) => ({ name })),
    paths,
    components: { ...ERROR_COMPONENTS, schemas: { ...ERROR_COMPONENTS.schemas, ...schemas } },
  };
}

function describe(operation: Operation, route: Route, schemas: Record<string, Schema>): Described {
  const [service = '', method = ''] = operation.rpc.split('/');
  const [, version = '', name = ''] = /\.(v\w+)\.(\w+?)(?:Service)?$/.exec(service) ?? [];
  const fields = fieldsOf(operation.input());
  const keyed = KEYED.test(operation.rpc);
  return {
    operationId: `${version}${name}${method}`,
    summary: method.replace(/([a-z])([A-Z])/g, '$1 $2'),
    tags: [`${name} ${version}`],
    'x-rpc': operation.rpc,
    parameters: [...parametersOf(route, fields), ...(keyed ? [IDEMPOTENCY_KEY] : [])],
    ...bodyOf(route, fields),
    responses: {
      [operation.success]: {
        description: 'Done',
        headers: { 'x-request-id': { $ref: '#/components/headers/x-request-id' } },
        content: { 'application/json': { schema: answerOf(operation, schemas) } },
      },
      ...Object.fromEntries([...REFUSALS, ...(keyed ? ['422'] : [])].map((status) => [status, { $ref: `#/components/responses/${status}` }])),
    },
  };
}

const KEYED = /\.SessionService\/(Create|Set)Session$/;
const REFUSALS = ['400', '401', '403', '404', '409', '413', '429', '501', '503'];
const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'A repeat of a success under the same key, within 5 minutes, is told the same answer again',
  schema: { type: 'string', minLength: 1, maxLength: 200, pattern: '^[!-~]+$' },
};

const pathNames = (route: Route): string[] => [...route.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');

const inPath = (route: Route, fields: MessageSchema): Parameter[] =>
  pathNames(route).map((name) => ({ name, in: 'path', required: true, schema: fields.properties[name] ?? { type: 'string' } }));

function parametersOf(route: Route, fields: MessageSchema): Parameter[] {
  if (!route.startsWith('GET ')) return inPath(route, fields);
  const named = pathNames(route);
  const rest = Object.entries(fields.properties).filter(([name]) => !named.includes(name));
  return [...inPath(route, fields), ...rest.flatMap(([name, schema]) => inQuery(name, schema, fields.required.includes(name)))];
}

/** A field of the query; what is in a nested message has its path, with dots. */
function inQuery(name: string, schema: Schema, required: boolean, description?: string): Parameter[] {
  const nested = schema.properties as Readonly<Record<string, Schema>> | undefined;
  const said = (schema.description ?? description) as string | undefined;
  if (nested) return Object.entries(nested).flatMap(([inner, its]) => inQuery(`${name}.${inner}`, its, false, said));
  return [{ name, in: 'query', ...(required && { required }), ...(said && { description: said }), schema }];
}

function bodyOf(route: Route, { properties, required, ...rules }: MessageSchema): Pick<Described, 'requestBody'> {
  if (route.startsWith('GET ')) return {};
  const inPath = pathNames(route);
  const rest = Object.fromEntries(Object.entries(properties).filter(([name]) => !inPath.includes(name)));
  if (Object.keys(rest).length === 0) return {};
  const needed = required.filter((name) => !inPath.includes(name));
  const schema = { type: 'object', properties: rest, ...(needed.length > 0 && { required: needed }), ...rules };
  return { requestBody: { required: needed.length > 0, content: { 'application/json': { schema } } } };
}

/** What `@zitadel/proto` knows of an answer, or what the operation says of it itself. */
function answerOf({ rpc, output }: Operation, schemas: Record<string, Schema>): Schema {
  if (output) return z.toJSONSchema(output(), { io: 'output' });
  const method = methodOf(rpc) ?? methodOf(rpc.replace('.v2beta.', '.v2.'));
  if (method === undefined) throw new Error(`nobody says what ${rpc} answers`);
  return messageSchema(method.output, schemas);
}
