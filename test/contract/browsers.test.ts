import { describe, expect, inject, it } from 'vitest';

const LISTED = 'https://login.example.com';
const STRANGE = 'https://evil.example';

const ask = (path: string, headers: Record<string, string>, method = 'OPTIONS') => fetch(new URL(path, inject('baseUrl')), { method, headers });

/** What a browser asks before it lets a script call. */
const preflight = (path: string, origin: string, method: string) =>
  ask(path, { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization,content-type' });

const words = (header: string | null): string[] => (header ?? '').split(',').map((word) => word.trim().toLowerCase());

describe.skipIf(inject('issuers') === undefined)('a script in a browser', () => {
  const CALLS = [
    ['/v2/sessions/s1', 'PATCH'],
    ['/v2beta/sessions', 'POST'],
    ['/v2/sessions/s1', 'DELETE'],
    ['/zitadel.session.v2.SessionService/SetSession', 'POST'],
  ] as const;

  it.each(CALLS)('of a listed origin may call %s by %s', async (path, method) => {
    const { status, headers } = await preflight(path, LISTED, method);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(LISTED);
    expect(words(headers.get('access-control-allow-methods'))).toContain(method.toLowerCase());
    const sendable = words(headers.get('access-control-allow-headers'));
    expect(sendable).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'idempotency-key', 'x-zitadel-orgid', 'connect-protocol-version', 'x-grpc-web']),
    );
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each(CALLS)('of another origin may not call %s by %s', async (path, method) => {
    const { status, headers } = await preflight(path, STRANGE, method);
    expect(status).toBe(405);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('sees an answer, also a refusal, in a listed origin alone, with the headers that it may need', async () => {
    for (const path of ['/v2/sessions/s1', '/nowhere', '/healthz']) {
      const seen = await ask(path, { origin: LISTED }, 'GET');
      expect(seen.headers.get('access-control-allow-origin')).toBe(LISTED);
      expect(words(seen.headers.get('access-control-expose-headers'))).toEqual(
        expect.arrayContaining(['x-request-id', 'retry-after', 'grpc-status', 'grpc-message', 'grpc-status-details-bin']),
      );
      expect(words(seen.headers.get('vary'))).toContain('origin');
      for (const origin of [STRANGE, 'null', `${LISTED}.evil.example`, `${LISTED}:8443`, 'http://login.example.com']) {
        expect((await ask(path, { origin }, 'GET')).headers.get('access-control-allow-origin')).toBeNull();
      }
    }
  });
});

describe('every answer', () => {
  it.each(['/healthz', '/v2/sessions/s1', '/nowhere', '/zitadel.session.v2.SessionService/GetSession', '/idps/callback'])(
    'tells a browser to run, to frame and to guess nothing: %s',
    async (path) => {
      const { headers } = await ask(path, {}, 'GET');
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{7,}$/);
    },
  );
});
