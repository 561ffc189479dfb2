import { createExecutionContext, evictDurableObject, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { app } from '../../src/http/app.ts';
import { must, newSession, newUser, PASSWORD, patch, read } from './world.ts';

/** One request to the whole Worker, with bindings and settings of the test's own. */
async function send(method: string, path: string, body?: object, bindings: object = {}, bearer = env.ADMIN_TOKEN) {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${bearer}` };
  const request = new Request(`http://sallyport.test${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const response = await app.fetch(request, { ...env, ...bindings } as typeof env, context);
  const answer = { status: response.status, body: await response.json(), headers: response.headers };
  // A store that hangs is never done with.
  await Promise.race([waitOnExecutionContext(context), scheduler.wait(5000)]);
  return answer;
}

/** D1 that fails, or that answers late. */
const brokenDb = (prepare: () => unknown) => new Proxy(env.DB, { get: () => prepare });
const failingDb = () =>
  brokenDb(() => {
    throw new Error('D1_ERROR: no such host: SECRET');
  });
const slowDb = () => brokenDb(() => ({ bind: () => ({ first: () => scheduler.wait(3000).then(() => null) }) }));

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('a store that cannot be reached', () => {
  it('is answered 503 with Retry-After, and the same request then succeeds', async () => {
    const user = await newUser();
    const { sessionId, token } = await newSession();
    const body = { sessionToken: token, checks: { user: { userId: user.id }, password: { password: PASSWORD } } };
    const refused = await send('PATCH', `/v2beta/sessions/${sessionId}`, body, { DB: failingDb() });
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(JSON.stringify(refused.body)).not.toContain('SECRET');
    expect((await send('PATCH', `/v2beta/sessions/${sessionId}`, body)).status).toBe(200);
  });

  it('is answered 503 when it is slower than the deadline', async () => {
    const refused = await send('POST', '/v2/sessions', { checks: { user: { userId: 'x' } } }, { DB: slowDb(), DEADLINE_SECONDS: '1' });
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
  });

  it('is answered 503 in time as well when it hangs while the caller is looked up', async () => {
    const hanging = brokenDb(() => ({ bind: () => ({ all: () => new Promise(() => {}) }) }));
    const refused = await send('GET', '/v2/sessions/x', undefined, { DB: hanging, DEADLINE_SECONDS: '1' }, 'pat_unknown');
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
  });

  it('does not matter to a PATCH that needs no D1', async () => {
    const { sessionId, token } = await newSession();
    const answer = await send('PATCH', `/v2beta/sessions/${sessionId}`, { sessionToken: token, metadata: { a: 'MQ==' } }, { DB: failingDb() });
    expect(answer.status).toBe(200);
  });

  it.each([{ retryable: true }, { overloaded: true }, { remote: true }, { durableObjectReset: true }])(
    'is answered 503 where a cell fails with %j',
    async (mark) => {
      const fails = () => Promise.reject(Object.assign(new Error('disk I/O error: SECRET'), mark));
      const SESSIONS = { getByName: () => ({ create: fails }) };
      const refused = await send('POST', '/v2/sessions', {}, { SESSIONS });
      expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(JSON.stringify(refused.body)).not.toContain('SECRET');
    },
  );

  it('leaves state and answer whole when a commit throws in its middle', async () => {
    const login = await newSession();
    const before = must(await read(login)).session;
    const stub = env.SESSIONS.getByName(login.sessionCell);
    await runInDurableObject(stub, (_, { storage }) => {
      const exec = storage.sql.exec.bind(storage.sql);
      storage.sql.exec = ((query: string, ...bindings: unknown[]) => {
        const cursor = exec(query, ...bindings);
        if (query.startsWith('UPDATE session')) throw new Error('disk I/O error at SECRET');
        return cursor;
      }) as typeof exec;
    });
    const body = { sessionToken: login.token, metadata: { a: 'MQ==' } };
    const refused = await send('PATCH', `/v2beta/sessions/${login.sessionId}`, body);
    expect(refused).toMatchObject({ status: 503, body: { code: 14 } });
    expect(JSON.stringify(refused.body)).not.toContain('SECRET');
    await evictDurableObject(stub);
    expect(must(await read(login)).session).toEqual(before);
    expect((await patch(login, { metadata: [['a', 'MQ==']] })).ok).toBe(true);
  });
});

describe('a setting', () => {
  for (const secret of ['ADMIN_TOKEN', 'SESSION_ID_KEYS', 'PEPPER_KEYS', 'SEAL_KEYS', 'IDEMPOTENCY_KEYS']) {
    it(`${secret} that is missing is a 503 that says so`, async () => {
      const answer = await send('POST', '/v2/sessions', {}, { [secret]: undefined });
      expect(answer).toMatchObject({ status: 503, body: { code: 14, message: expect.stringContaining(`${secret} is missing`) } });
      expect((await send('GET', '/ready', undefined, { [secret]: '' })).status).toBe(503);
      expect((await send('GET', '/healthz', undefined, { [secret]: '' })).status).toBe(200);
    });
  }

  it('of a short deadline still lets a password be checked', async () => {
    const user = await newUser();
    const { sessionId, token } = await newSession();
    const body = { sessionToken: token, checks: { user: { userId: user.id }, password: { password: PASSWORD } } };
    expect((await send('PATCH', `/v2beta/sessions/${sessionId}`, body, { DEADLINE_SECONDS: '2' })).status).toBe(200);
  });

  it('that is wrong is a 503 that names it and not its value', async () => {
    const answer = await send('POST', '/v2/sessions', {}, { PEPPER_KEYS: '1:tooshort' });
    expect(answer).toMatchObject({ status: 503, body: { message: expect.stringContaining('PEPPER_KEYS') } });
    expect(JSON.stringify(answer.body)).not.toContain('tooshort');
  });
});

describe('a defect of ours', () => {
  it('is answered 500, code 13, and says nothing of itself', async () => {
    const SESSIONS = {
      getByName: () => {
        throw new TypeError('undefined is not a SECRET');
      },
    };
    const answer = await send('POST', '/v2/sessions', {}, { SESSIONS });
    expect(answer).toMatchObject({ status: 500, body: { code: 13, message: 'An internal error occurred (SALLY-Internal)' } });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});
