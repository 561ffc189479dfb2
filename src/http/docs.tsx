import type { Schema } from './answer-schema.ts';
import type { Described, Document, Parameter } from './openapi.ts';

interface Props {
  readonly document: Document;
  /** Where the API is, for the lines to paste. */
  readonly origin: string;
}

/** The document as a page to read, without a script. */
export function DocsPage({ document, origin }: Props) {
  const groups = document.tags.map(({ name }) => ({ name, operations: operationsOf(document, name) }));
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${document.info.title} API`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/docs/style.css" />
      </head>
      <body>
        <nav aria-label="Resources">
          <ul>
            {groups.map(({ name }) => (
              <li>
                <a href={`#${anchorOf(name)}`}>{name}</a>
              </li>
            ))}
          </ul>
        </nav>
        <main>
          <h1>{`${document.info.title} API`}</h1>
          {document.info.description.split('\n\n').map((paragraph) => (
            <p>{paragraph.replaceAll('`', '')}</p>
          ))}
          <p>
            The same for machines: <a href="/openapi.json">openapi.json</a>
          </p>
          {groups.map(({ name, operations }) => (
            <section aria-labelledby={anchorOf(name)}>
              <h2 id={anchorOf(name)}>{name}</h2>
              {operations.map((found) => (
                <Operation document={document} origin={origin} {...found} />
              ))}
            </section>
          ))}
        </main>
      </body>
    </html>
  );
}

const anchorOf = (tag: string): string => tag.toLowerCase().replaceAll(' ', '-');

interface Found {
  readonly verb: string;
  readonly path: string;
  readonly operation: Described;
}

const operationsOf = ({ paths }: Document, tag: string): Found[] =>
  Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).flatMap(([verb, operation]) => (operation.tags.includes(tag) ? [{ verb: verb.toUpperCase(), path, operation }] : [])),
  );

function Operation({ document, origin, verb, path, operation }: Props & Found) {
  const body = operation.requestBody?.content['application/json'].schema;
  return (
    <details id={operation.operationId}>
      <summary>
        <span class={`verb ${verb.toLowerCase()}`}>{verb}</span> <code>{path}</code> <span class="name">{operation.summary}</span>
      </summary>
      {operation['x-rpc'] && (
        <p class="rpc">
          RPC <code>{operation['x-rpc']}</code>
        </p>
      )}
      <Parameters parameters={operation.parameters ?? []} />
      {body && (
        <>
          <h3>Body</h3>
          <Members document={document} schema={body} within={[]} />
        </>
      )}
      <h3>Answers</h3>
      <dl>
        {Object.entries(operation.responses).map(([status, given]) => (
          <Answer document={document} status={status} response={resolve(document, given)} />
        ))}
      </dl>
      <pre>
        <code>{lineOf(origin, verb, path, operation)}</code>
      </pre>
    </details>
  );
}

function Parameters({ parameters }: { parameters: readonly Parameter[] }) {
  if (parameters.length === 0) return null;
  return (
    <>
      <h3>Parameters</h3>
      <ul class="members">
        {parameters.map(({ name, in: place, required, description, schema }) => (
          <li>
            <code>{name}</code> <span class="type">{`${typeOf(schema)}, in the ${place}${required ? ', required' : ''}`}</span>
            {description && <p>{description.replaceAll('`', '')}</p>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Answer({ document, status, response }: { document: Document; status: string; response: Schema }) {
  const { description, content } = response as { description?: string; content?: Record<string, { schema: Schema }> };
  const schema = content?.['application/json']?.schema;
  return (
    <>
      <dt>
        <code>{status}</code> {description}
      </dt>
      {schema && status.startsWith('2') && (
        <dd>
          <Members document={document} schema={schema} within={[]} />
        </dd>
      )}
    </>
  );
}

/** The members of a message, and theirs; what stands within itself is not opened again. */
function Members({ document, schema: given, within }: { document: Document; schema: Schema; within: readonly Schema[] }) {
  const schema = resolve(document, given);
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>);
  if (properties.length === 0 || within.includes(schema)) return null;
  const required = (schema.required ?? []) as readonly string[];
  return (
    <>
      {typeof schema.description === 'string' && within.length > 0 && <p>{schema.description}</p>}
      <ul class="members">
        {properties.map(([name, member]) => (
          <li>
            <code>{name}</code> <span class="type">{`${typeOf(resolve(document, member))}${required.includes(name) ? ', required' : ''}`}</span>
            <Members document={document} schema={contentOf(document, member)} within={[...within, schema]} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** Of a list or a map, what is in it. */
function contentOf(document: Document, member: Schema): Schema {
  const { items, additionalProperties } = resolve(document, member) as { items?: Schema; additionalProperties?: Schema };
  return items ?? (typeof additionalProperties === 'object' ? additionalProperties : member);
}

function resolve({ components }: Document, schema: Schema): Schema {
  if (typeof schema.$ref !== 'string') return schema;
  const [, , kind = '', name = ''] = schema.$ref.split('/');
  return (components[kind]?.[name] ?? {}) as Schema;
}

function typeOf(schema: Schema): string {
  const { type, format, minLength, maxLength, enum: values, contentEncoding } = schema;
  if (Array.isArray(values)) return values.filter((value) => typeof value === 'string').join(' | ');
  if (contentEncoding) return 'bytes, base64';
  if (format === 'date-time') return 'timestamp';
  if (maxLength !== undefined)
    return `string of ${minLength === maxLength ? '' : minLength ? `${minLength} to ` : 'at most '}${maxLength} characters`;
  return typeof type === 'string' ? type : 'any';
}

/** The request, to be pasted into a shell. */
function lineOf(origin: string, verb: string, path: string, { requestBody, security }: Described): string {
  const bearer = security === undefined ? ` -H "Authorization: Bearer $TOKEN"` : '';
  return `curl -X ${verb} '${origin}${path}'${bearer}${requestBody ? " -d '{}'" : ''}`;
}
