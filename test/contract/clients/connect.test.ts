import { Code } from '@connectrpc/connect';
import { createConnectTransport as nodeTransport } from '@connectrpc/connect-node';
import { createConnectTransport as webTransport } from '@connectrpc/connect-web';
import { NewAuthorizationBearerInterceptor } from '@zitadel/client';
import { createFeatureServiceClient } from '@zitadel/client/v2';
import { createClientTransport } from '@zitadel/client/web';
import { describe, expect, inject, it } from 'vitest';
import { descriptorClient } from './descriptor-client.ts';
import { wholeLogin } from './whole-login.ts';

const baseUrl = inject('baseUrl');
const token = inject('adminToken');
/** A client with a deadline tells it, in a header of its protocol. */
const common = { baseUrl, defaultTimeoutMs: 30_000 };
const interceptors = [NewAuthorizationBearerInterceptor(token)];

const TRANSPORTS = {
  '@zitadel/client/web, gRPC-Web': () => createClientTransport(token, common),
  'connect-web, Connect in JSON': () => webTransport({ ...common, interceptors }),
  'connect-web, Connect in binary': () => webTransport({ ...common, interceptors, useBinaryFormat: true }),
  'connect-node, Connect in binary': () => nodeTransport({ ...common, interceptors, httpVersion: '1.1' }),
};

describe.each(Object.entries(TRANSPORTS))('%s', (_, transport) => {
  it.each(['v2', 'v2beta'] as const)('enrols somebody and signs them in, step by step: %s', (version) =>
    wholeLogin(descriptorClient(transport(), version)),
  );

  it('is told that what is not here is not implemented', async () => {
    await expect(createFeatureServiceClient(transport()).getSystemFeatures({})).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});
