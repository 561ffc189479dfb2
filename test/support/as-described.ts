import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

interface Described {
  readonly responses: Readonly<Record<string, unknown>>;
}

/** The document that a Worker serves of itself, ready to hold its answers against. */
class Reference {
  readonly #ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, base64: true },
  });
  readonly #paths: readonly { readonly template: string; readonly pattern: RegExp; readonly operations: Readonly<Record<string, Described>> }[];

  constructor(document: { readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>> }) {
    this.#ajv.addSchema(closed(document) as object, 'api');
    const templates = Object.entries(document.paths).map(([template, operations]) => ({ template, pattern: patternOf(template), operations }));
    // Concrete paths before templated ones (OpenAPI 3.1, section 4.8.8).
    this.#paths = templates.sort((one, other) => one.template.split('{').length - other.template.split('{').length);
  }

  /** What is wrong with an answer; nothing, where it is as described, or of what is not described. */
  faultOf(method: string, path: string, status: number, body: unknown): string | undefined {
    const found = this.#paths.find(({ pattern, operations }) => pattern.test(path) && operations[method]);
    const response = found?.operations[method]?.responses;
    if (found === undefined || response === undefined) return undefined;
    if (!(status in response)) return `${method} ${found.template} answered ${status}, of which the document does not speak`;
    const validate = this.#validatorOf(found.template, method, status, response[status]);
    if (validate(body)) return undefined;
    return `${method} ${found.template} answered ${status} otherwise than described: ${this.#ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`;
  }

  #validatorOf(template: string, method: string, status: number, response: unknown): ValidateFunction {
    const { $ref } = response as { $ref?: string };
    const at = $ref ?? `#/paths/${template.replaceAll('~', '~0').replaceAll('/', '~1')}/${method}/responses/${status}`;
    const schema = `api${encodeURI(at)}/content/application~1json/schema`;
    return this.#ajv.getSchema(schema) ?? this.#ajv.compile({ $id: schema.replace('#', '/'), $ref: schema });
  }
}

const patternOf = (template: string): RegExp => new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+')}$`);

/** The document with nothing allowed that it does not name, so that a member that nobody described is noticed. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const members = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  const open = members.type === 'object' && typeof members.properties === 'object' && !('additionalProperties' in members);
  return open ? { ...members, additionalProperties: false } : members;
}

const references = new Map<string, Promise<Reference>>();

/** @throws when an answer is none that the Worker's own document describes */
export async function checkAsDescribed(
  origin: string,
  method: string,
  path: string,
  { status, body }: { readonly status: number; readonly body: unknown },
): Promise<void> {
  const reference = references.get(origin) ?? fetch(new URL('/openapi.json', origin)).then(async (response) => new Reference(await response.json()));
  references.set(origin, reference);
  const fault = (await reference).faultOf(method.toLowerCase(), new URL(path, origin).pathname, status, body);
  if (fault) throw new Error(fault);
}
