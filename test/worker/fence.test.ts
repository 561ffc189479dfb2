import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { app } from '../../src/http/app.ts';
import { newSession } from './world.ts';

/** As many requests as no two minutes allow, from one address of its own unless another is told; their statuses. */
async function flood(
  path: string,
  init: RequestInit = {},
  address = anAddress(),
  fence: object = { RATE_LIMIT: env.FIVE_A_MINUTE },
): Promise<number[]> {
  const bindings = { ...env, ...fence };
  const statuses: number[] = [];
  for (let n = 0; n < 11; n += 1) {
    const headers = { ...init.headers, ...(address && { 'cf-connecting-ip': address }) };
    const answer = await app.fetch(new Request(`http://sallyport.test${path}`, { ...init, headers }), bindings, createExecutionContext());
    if (answer.status === 429) expect(answer.headers.get('retry-after')).toBe('60');
    await answer.body?.cancel();
    statuses.push(answer.status);
  }
  return statuses;
}

const byte = () => Math.floor(Math.random() * 256);
const anAddress = () => `10.${byte()}.${byte()}.${byte()}`;
const group = () => Math.floor(Math.random() * 65_536).toString(16);
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

/** Of those allowed each has its answer, and the rest is kept out. */
function expectFenced(statuses: readonly number[], answered: number): void {
  expect(statuses.slice(0, 5)).toEqual([answered, answered, answered, answered, answered]);
  expect(statuses).toContain(429);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('an outer fence', () => {
  it('keeps out an address that tries personal access tokens, before the directory is asked', async () => {
    const asked = vi.spyOn(env.DB, 'prepare');
    const statuses = await flood('/v2/sessions/x', bearer('pat_nobodys'));
    expectFenced(statuses, 401);
    expect(asked).toHaveBeenCalledTimes(statuses.filter((status) => status !== 429).length);
  });

  it('keeps out an address that tries the tokens of a session, as bearer or for its watch, before the session is asked', async () => {
    const { sessionId } = await newSession();
    expectFenced(await flood('/v2/sessions/x', bearer(`sess_${sessionId}_guess`)), 403);
    const watch = { headers: { upgrade: 'websocket', 'sec-websocket-protocol': `sallyport.watch.v1, sess_${sessionId}_guess` } };
    expectFenced(await flood(`/v2/sessions/${sessionId}/watch`, watch), 403);
  });

  it('keeps out an address that opens login pages, and the way back from a provider', async () => {
    expectFenced(await flood('/login'), 200);
    expectFenced(await flood('/login/account'), 303);
    expectFenced(await flood('/idps/callback?state=x'), 400);
  });

  it('counts an IPv6 network as one address, and each IPv4 address for itself', async () => {
    const [home, token] = [`2001:db8:${group()}:${group()}`, bearer('pat_nobodys')];
    expectFenced(await flood('/v2/sessions/x', token, `${home}::1`), 401);
    const next = await flood('/v2/sessions/x', token, `${home}:1:2:3:4`);
    expect(next.filter((status) => status === 401).length).toBeLessThan(11);
    expectFenced(await flood('/v2/sessions/x', token, `2001:db8:${group()}::7`), 401);
    expectFenced(await flood('/v2/sessions/x', token), 401);
  });

  it('is not in the way of the operator, of the login client, of what is known already, nor of a page’s style', async () => {
    const all = (status: number) => Array.from({ length: 11 }, () => status);
    for (const token of [env.ADMIN_TOKEN, env.LOGIN_CLIENT_TOKEN]) expect(await flood('/v2/sessions/x', bearer(token))).toEqual(all(404));
    expect(await flood('/login/style.css')).toEqual(all(200));
    expect(await flood('/healthz')).toEqual(all(200));
  });

  it('is not asked of what is refused without looking', async () => {
    const limit = vi.fn(async () => ({ success: false }));
    for (const token of ['anything', 'sess_nobodys_x']) {
      const statuses = await flood('/v2/sessions/x', bearer(token), anAddress(), { RATE_LIMIT: { limit } });
      expect(new Set(statuses)).toEqual(new Set([401]));
    }
    await flood('/v2/sessions/x');
    expect(limit).not.toHaveBeenCalled();
  });

  it('lets everybody pass when it fails, when there is none, and where no address is told', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    const broken = { RATE_LIMIT: { limit: () => Promise.reject(new Error('down')) } };
    expect(await flood('/v2/sessions/x', bearer('pat_nobodys'), anAddress(), broken)).not.toContain(429);
    expect(await flood('/v2/sessions/x', bearer('pat_nobodys'), anAddress(), {})).not.toContain(429);
    expect(await flood('/v2/sessions/x', bearer('pat_nobodys'), '')).not.toContain(429);
  });
});
