import { Code } from '@connectrpc/connect';
import { createServerTransport } from '@zitadel/client/node';
import { createFeatureServiceClient } from '@zitadel/client/v2';
import { createAccessTokenInterceptor, createOidcClient, createSessionClient } from '@zitadel/node/dist/api/index.js';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type GrpcBridge, startGrpcBridge } from '../../support/grpc-bridge.ts';
import { descriptorClient } from './descriptor-client.ts';
import { generatedClient } from './generated-client.ts';
import { wholeLogin } from './whole-login.ts';

const token = inject('adminToken');
let bridge: GrpcBridge;
beforeAll(async () => {
  bridge = await startGrpcBridge(inject('baseUrl'));
});
afterAll(() => bridge.close());

describe.each(['v2', 'v2beta'] as const)('native gRPC, through a bridge to gRPC-Web: %s', (version) => {
  it('enrols somebody and signs them in, step by step: @zitadel/client/node', () =>
    wholeLogin(descriptorClient(createServerTransport(token, { baseUrl: bridge.origin }), version)));

  it('enrols somebody and signs them in, step by step: @zitadel/node', () => wholeLogin(generatedClient(bridge.origin, token, version)));
});

describe('native gRPC, through a bridge to gRPC-Web', () => {
  it('is told that what is not here is not implemented', async () => {
    const { Unimplemented: code } = Code;
    await expect(createFeatureServiceClient(createServerTransport(token, { baseUrl: bridge.origin })).getSystemFeatures({})).rejects.toMatchObject({
      code,
    });
    await expect(createOidcClient(bridge.origin, createAccessTokenInterceptor(token)).getAuthRequest({})).rejects.toMatchObject({ code });
  });

  it('is told who calls for nothing', async () => {
    const { Unauthenticated: code } = Code;
    const nobody = createSessionClient(bridge.origin, createAccessTokenInterceptor('nobody'));
    await expect(nobody.getSession({ sessionId: '1' })).rejects.toMatchObject({ code });
  });
});
