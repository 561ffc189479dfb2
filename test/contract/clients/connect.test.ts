import { createConnectTransport as nodeTransport } from '@connectrpc/connect-node';
import { createConnectTransport as webTransport } from '@connectrpc/connect-web';
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createClientTransport } from '@zitadel/client/web';
import { describe, inject, it } from 'vitest';
import { descriptorClient } from './descriptor-client.ts';
import { wholeLogin } from './whole-login.ts';

const baseUrl = inject('baseUrl');
const token = inject('adminToken');
const interceptors = [NewAuthorizationBearerInterceptor(token)];

const TRANSPORTS = {
  '@zitadel/client/web, gRPC-Web': () => createClientTransport(token, { baseUrl }),
  'connect-web, Connect in JSON': () => webTransport({ baseUrl, interceptors }),
  'connect-web, Connect in binary': () => webTransport({ baseUrl, interceptors, useBinaryFormat: true }),
  'connect-node, Connect in binary': () => nodeTransport({ baseUrl, interceptors, httpVersion: '1.1' }),
};

describe.each(Object.entries(TRANSPORTS))('%s', (_, transport) => {
  it.each(['v2', 'v2beta'] as const)('enrols somebody and signs them in, step by step: %s', (version) =>
    wholeLogin(descriptorClient(transport(), version)),
  );
});
