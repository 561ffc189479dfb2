import type { Schema } from './answer-schema.ts';
import type { Described } from './openapi.ts';

const TEXT: Schema = { type: 'string' };
const reference = (kind: string, name: string): Schema => ({ $ref: `#/components/${kind}/${name}` });
const json = (description: string, schema: Schema): Schema => ({ description, content: { 'application/json': { schema } } });
const state = (name: string): Schema => json('As it should be', { type: 'object', properties: { status: { const: name } }, required: ['status'] });

/** What is served beside the table of operations. */
export const PLACES: Record<string, Record<string, Described>> = {
  '/v2/sessions/{sessionId}/watch': {
    get: {
      operationId: 'v2SessionWatch',
      summary: 'Watch Session',
      tags: ['Session v2'],
      parameters: [
        { name: 'sessionId', in: 'path', required: true, schema: TEXT },
        { name: 'Upgrade', in: 'header', required: true, schema: { const: 'websocket' } },
        {
          name: 'Sec-WebSocket-Protocol',
          in: 'header',
          description: "`sallyport.watch.v1` and the session's token, for browsers, which cannot send a bearer with it",
          schema: TEXT,
        },
      ],
      responses: {
        101: { description: 'A WebSocket: first the session, then each change of it' },
        ...Object.fromEntries(['400', '401', '403', '404', '429', '503'].map((status) => [status, reference('responses', status)])),
      },
    },
  },
  '/idps/callback': Object.fromEntries(
    (['get', 'post'] as const).map((verb) => [
      verb,
      {
        operationId: `idpCallback${verb === 'get' ? '' : 'ByForm'}`,
        summary: 'Come back from an identity provider',
        tags: ['Browser'],
        security: [],
        responses: {
          302: { description: 'On to the success or the failure URL' },
          303: { description: 'On to the success or the failure URL' },
          400: { description: 'Nobody waits for this', content: { 'text/plain': { schema: TEXT } } },
          413: reference('responses', '413'),
          503: reference('responses', '503'),
        },
      },
    ]),
  ),
  '/healthz': { get: { operationId: 'healthz', summary: 'Is it there?', tags: ['Health'], security: [], responses: { 200: state('ok') } } },
  '/ready': {
    get: {
      operationId: 'ready',
      summary: 'Does it reach its directory?',
      tags: ['Health'],
      security: [],
      responses: { 200: state('ready'), 503: reference('responses', '503') },
    },
  },
};

const detail = (name: string, more: Readonly<Record<string, Schema>> = {}): Schema => ({
  type: 'object',
  properties: { '@type': { const: `type.googleapis.com/zitadel.v1.${name}` }, id: TEXT, message: TEXT, ...more },
  required: ['@type', 'message'],
});

const REFUSALS: Readonly<Record<string, string>> = {
  400: 'Not valid, or not possible as things stand',
  401: 'No valid bearer',
  403: 'Not allowed',
  404: 'Not found',
  409: 'In conflict with what is there, or with what others do at this moment',
  413: 'The body is too long',
  422: 'The Idempotency-Key came with another request',
  429: 'Too many attempts or messages: wait',
  501: 'A field that Zitadel has and Sallyport has not yet',
  503: 'A store or a peer does not answer: the change happened whole or not at all, and repeating is safe',
};

const WAITING = ['429', '503'];

/** What all operations share. */
export const ERROR_COMPONENTS = {
  securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  headers: {
    'x-request-id': { description: 'Names the request in the log', schema: TEXT },
    'retry-after': { description: 'Seconds to wait', schema: { type: 'string', pattern: '^\\d+$' } },
  },
  schemas: {
    Error: {
      type: 'object',
      properties: {
        code: { type: 'integer', description: 'The gRPC code' },
        message: { type: 'string', description: 'The text and, in parentheses, the id' },
        details: { type: 'array', items: { anyOf: [reference('schemas', 'ErrorDetail'), reference('schemas', 'CredentialsCheckError')] } },
      },
      required: ['code', 'message'],
    } as Schema,
    ErrorDetail: detail('ErrorDetail'),
    CredentialsCheckError: detail('CredentialsCheckError', { failedAttempts: { type: 'integer' } }),
  },
  responses: Object.fromEntries(
    Object.entries(REFUSALS).map(([status, description]) => [
      status,
      {
        ...json(description, reference('schemas', 'Error')),
        headers: {
          'x-request-id': reference('headers', 'x-request-id'),
          ...(WAITING.includes(status) && { 'retry-after': reference('headers', 'retry-after') }),
        },
      },
    ]),
  ),
};
