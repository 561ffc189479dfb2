import { describe, expect, inject, it } from 'vitest';
import { api } from '../support/api.ts';

describe('every answer', () => {
  it('carries a request id that we made, and is not stored', async () => {
    const answers = [
      await api().post('/v2/sessions', {}, { 'x-request-id': 'theirs' }),
      await api('').get('/v2/sessions/unknown'),
      await api().get('/nowhere'),
      await api().get('/healthz'),
    ];
    const ids = answers.map(({ headers }) => headers.get('x-request-id'));
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-type')).toContain('application/json');
    }
  });
});

describe('a body', () => {
  it('of more than 1 MiB is refused with 413, code 8', async () => {
    const huge = { metadata: { a: 'A'.repeat(1024 * 1024) } };
    expect(await api().post('/v2/sessions', huge)).toMatchObject({ status: 413, body: { code: 8 } });
  });

  it('is refused as well when it does not say how long it is', async () => {
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    const body = new ReadableStream({
      start: (controller) => {
        for (let n = 0; n < 20; n += 1) controller.enqueue(chunk);
        controller.close();
      },
    });
    const headers = { authorization: `Bearer ${inject('adminToken')}` };
    const response = await fetch(new URL('/v2/sessions', inject('baseUrl')), { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
    expect(response.status).toBe(413);
  });

  it('is JSON whatever its content type says', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await api().post('/v2/sessions', '{"lifetime":"60s"}', headers)).status).toBe(201);
  });

  it('of a list with more elements than anybody has is 400, however many they are', async () => {
    const values = Array(200_000).fill(1);
    expect((await api().post('/v2/sessions', { userAgent: { header: { a: { values } } } })).status).toBe(400);
    const metadata = Array(150_000).fill({});
    const human = { profile: { givenName: 'a', familyName: 'b' }, email: { email: 'a@b.c' }, metadata };
    expect((await api().post('/v2/users/human', human)).status).toBe(400);
  });

  it('of 10,000 levels is no harm', async () => {
    const deep = `{"unheardOf":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    expect([201, 400]).toContain((await api().post('/v2/sessions', deep)).status);
  });
});

describe('an address', () => {
  it('that nobody knows is 404, code 5, as JSON', async () => {
    for (const path of ['/', '/v3/sessions', '/v2/sessions/a/b/c', '/%ff']) {
      expect(await api().get(path)).toMatchObject({ status: 404, body: { code: 5 } });
    }
  });

  it('of what Zitadel has and Sallyport has not yet is 501, code 12, for everybody and before anything is read', async () => {
    for (const bearer of [undefined, '', 'garbage']) {
      expect(await api(bearer).put('/v2/users/human/1', '{broken')).toMatchObject({ status: 501, body: { code: 12 } });
      for (const path of ['/v2/policies/security', '/v2beta/policies/security'])
        expect(await api(bearer).put(path)).toMatchObject({ status: 501, body: { code: 12 } });
    }
  });

  it('is healthy and ready', async () => {
    expect((await api('').get('/healthz')).body).toEqual({ status: 'ok' });
    expect((await api('').get('/ready')).body).toEqual({ status: 'ready' });
  });
});
