import { describe, expect, inject, it } from 'vitest';
import { newUser } from '../support/api.ts';
import { BINARY_PROTOCOLS, bodyOf, call, enveloped, outcomeOf, PROTOCOLS, type Protocol, pathOf, post, type Rpc, TYPES } from '../support/rpc.ts';

const CREATE = 'session.v2/CreateSession';
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;

const typed = (protocol: Protocol, rpc: Rpc, body: BodyInit | null, options = {}) =>
  post(pathOf(rpc), TYPES[protocol], body, options).then((response) => outcomeOf(protocol, rpc, response));

describe('Connect-Protocol-Version', () => {
  it('may be missing or 1, and nothing else', async () => {
    const versions = [{}, { 'connect-protocol-version': '1' }];
    for (const headers of versions) expect((await call('Connect in JSON', CREATE, {}, { headers })).status).toBe(200);
    for (const protocol of PROTOCOLS) {
      const { refused } = await call(protocol, CREATE, {}, { headers: { 'connect-protocol-version': '2' } });
      expect(refused).toMatchObject({ code: INVALID_ARGUMENT, message: 'connect-protocol-version must be 1', details: [] });
    }
  });
});

describe('compression', () => {
  it('of a request is not implemented, and identity is none', async () => {
    for (const protocol of PROTOCOLS) {
      for (const name of ['content-encoding', 'grpc-encoding']) {
        expect((await call(protocol, CREATE, {}, { headers: { [name]: 'gzip' } })).refused?.code).toBe(UNIMPLEMENTED);
        expect((await call(protocol, CREATE, {}, { headers: { [name]: 'identity' } })).refused).toBeUndefined();
      }
    }
    expect((await typed('gRPC-Web', CREATE, enveloped(new Uint8Array(), 1))).refused?.code).toBe(UNIMPLEMENTED);
  });

  it('may be offered for the answer', async () => {
    const headers = { 'accept-encoding': 'identity', 'grpc-accept-encoding': 'gzip,br', 'connect-accept-encoding': 'gzip' };
    for (const protocol of PROTOCOLS) expect((await call(protocol, CREATE, {}, { headers })).answer).toBeDefined();
  });
});

describe('an RPC', () => {
  it('of a content type that nobody speaks is 415, and names those that are spoken', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/grpc',
      'application/grpc-web-text',
      'application/connect+json',
      'constructor',
    ]) {
      const { status, headers } = await post(pathOf(CREATE), type, '{}');
      expect(status).toBe(415);
      for (const spoken of Object.values(TYPES)) expect(headers.get('accept-post')).toContain(spoken);
    }
  });

  it('answers to POST alone', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const { status, headers } = await fetch(new URL(`${pathOf(CREATE)}?message={}&encoding=json`, inject('baseUrl')), { method });
      expect([status, headers.get('allow')]).toEqual([405, 'POST']);
    }
  });

  it('that nobody knows is 404, as any other path', async () => {
    for (const path of [
      '/zitadel.session.v2.SessionService/Nothing',
      '/zitadel.session.v3.SessionService/GetSession',
      '/zitadel.session.v2.SessionService',
    ]) {
      for (const type of Object.values(TYPES)) expect((await post(path, type, null)).status).toBe(404);
    }
  });

  it('that is newer than the descriptors, or none of theirs, is spoken in JSON alone', async () => {
    const { userId } = await newUser();
    const made = await post('/zitadel.user.v2.UserService/GenerateRecoveryCodes', 'application/json', JSON.stringify({ userId, count: 3 }));
    expect([made.status, ((await made.json()) as { recoveryCodes: string[] }).recoveryCodes.length]).toEqual([200, 3]);
    const events = await post('/sallyport.user.v2.UserService/ListUserEvents', 'application/json', JSON.stringify({ userId }));
    expect(events.status).toBe(200);
    const members = await post('/zitadel.admin.v1.AdminService/ListIAMMembers', 'application/json', '{}');
    expect(members.status).toBe(200);
    for (const protocol of BINARY_PROTOCOLS) {
      for (const path of [
        '/zitadel.user.v2.UserService/GenerateRecoveryCodes',
        '/sallyport.user.v2.UserService/ListUserEvents',
        '/zitadel.admin.v1.AdminService/ListIAMMembers',
      ]) {
        const { status, headers } = await post(path, TYPES[protocol], bodyOf(protocol, CREATE, {}));
        expect([status, headers.get('accept-post')]).toEqual([415, 'application/json']);
      }
    }
  });

  it('is there for every operation of the document, and asks who calls', async () => {
    const { paths } = (await (await fetch(new URL('/openapi.json', inject('baseUrl')))).json()) as {
      paths: Record<string, Record<string, { 'x-rpc'?: string }>>;
    };
    const rpcs = new Set(Object.values(paths).flatMap((verbs) => Object.values(verbs).flatMap(({ 'x-rpc': rpc }) => rpc ?? [])));
    expect(rpcs.size).toBeGreaterThan(100);
    for (const rpc of rpcs) {
      const json = await post(`/${rpc}`, 'application/json', '{broken', { bearer: 'nobody' });
      expect([rpc, json.status, ((await json.json()) as { code: string }).code]).toEqual([rpc, 401, 'unauthenticated']);
      const { status, headers } = await post(`/${rpc}`, 'application/grpc-web+proto', null, { bearer: 'nobody' });
      expect([rpc, status, headers.get('grpc-status')]).toEqual([rpc, ...(status === 415 ? [415, null] : [200, String(UNAUTHENTICATED)])]);
    }
  });
});

describe('a body of more than 1 MiB', () => {
  const HUGE = new Uint8Array(1024 * 1024 + 1);

  it.each(PROTOCOLS)('is refused, by its own account and as soon as it shows: %s', async (protocol) => {
    const chunked = new ReadableStream({
      start: (controller) => {
        for (let at = 0; at < HUGE.length; at += 64 * 1024) controller.enqueue(HUGE.subarray(at, at + 64 * 1024));
        controller.close();
      },
    });
    for (const body of [HUGE, chunked]) {
      const { status, refused } = await typed(protocol, CREATE, body);
      expect(refused).toMatchObject({ code: RESOURCE_EXHAUSTED, message: 'request body is too large' });
      expect(status).toBe(protocol === 'gRPC-Web' ? 200 : 429);
    }
  });
});
