import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, inject, it } from 'vitest';
import { operations } from '../../src/http/app.ts';
import { api } from '../support/api.ts';

const read = async (path: string) => fetch(new URL(path, inject('baseUrl')));
const { body: document } = await api('').get('/openapi.json');

interface Operation {
  readonly operationId: string;
  readonly 'x-rpc'?: string;
  readonly tags: readonly string[];
}

/** Every operation of the document, with its route. */
const described = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({ route: `${verb.toUpperCase()} ${path}`, operation })),
);

describe('the document of the API', () => {
  it('is valid OpenAPI 3.1, for everybody to read', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone<Record<string, unknown>>(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.version).toBe(JSON.parse(readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8')).version);
  });

  it('has every operation of the table under every route of it, and beside them only what is no operation', () => {
    const table = operations.flatMap(({ rpc, routes }) => routes.map((route) => `${route} ${rpc}`));
    const ofTable = described.filter(({ operation }) => operation['x-rpc']).map(({ route, operation }) => `${route} ${operation['x-rpc']}`);
    expect(ofTable.sort()).toEqual(table.sort());
    const beside = described.filter(({ operation }) => !operation['x-rpc']).map(({ route }) => route);
    expect(beside.sort()).toEqual(['GET /healthz', 'GET /idps/callback', 'GET /ready', 'GET /v2/sessions/{sessionId}/watch', 'POST /idps/callback']);
  });

  it('names each operation once, under a tag that it lists', () => {
    const ids = described.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }: { name: string }) => name);
    for (const { operation } of described) for (const tag of operation.tags) expect(tags).toContain(tag);
  });

  it('refers to nothing that is not in it', () => {
    const found = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
    expect(found.length).toBeGreaterThan(500);
    for (const path of new Set(found)) {
      expect([path, path.split('/').reduce((node, step) => node?.[step], document)]).toEqual([path, expect.any(Object)]);
    }
  });

  it('tells of a request what its schema holds: lengths, oneofs, what is required, and nothing that is not built', () => {
    const { patch } = document.paths['/v2beta/sessions/{sessionId}'];
    const { schema } = patch.requestBody.content['application/json'];
    expect(schema.required).toEqual(['sessionToken']);
    expect(schema.properties.sessionToken).toEqual({ type: 'string', minLength: 1, maxLength: 200 });
    expect(schema.properties.checks.properties.user).toMatchObject({ allOf: [{ not: { required: ['userId', 'loginName'] } }] });
    expect(schema.properties.checks.properties.totp.properties.code).toEqual({ type: 'string', minLength: 6, maxLength: 6 });
    expect(schema.properties.checks.properties).not.toHaveProperty('recoveryCode');
    expect(schema.properties.metadata).toMatchObject({ additionalProperties: { contentEncoding: 'base64' }, propertyNames: { maxLength: 200 } });
    expect(patch.parameters.map(({ name }: { name: string }) => name)).toEqual(['sessionId', 'Idempotency-Key']);
    const { get } = document.paths['/v2/settings/login/idps'];
    expect(get.parameters.map(({ name }: { name: string }) => name)).toContain('ctx.orgId');
    expect(get).not.toHaveProperty('requestBody');
  });
});

describe('the pages of the document', () => {
  it('show every operation, without a script and without anything from elsewhere', async () => {
    const page = await read('/docs');
    const html = await page.text();
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'self'");
    expect(html).not.toContain('<script');
    const [...links] = html.matchAll(/(?:href|src)="([^"]*)"/g);
    for (const [, link = ''] of links) expect(link).toMatch(/^(#[\w-]+|\/docs\/style\.css|\/openapi\.json|data:,)$/);
    for (const { operation } of described) expect(html).toContain(`id="${operation.operationId}"`);
    const style = await read('/docs/style.css');
    expect(style.headers.get('content-type')).toContain('text/css');
    expect(await style.text()).toContain('color-scheme: light dark');
  });
});
