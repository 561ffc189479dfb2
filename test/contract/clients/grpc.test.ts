import { createServerTransport } from '@zitadel/client/node';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
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
