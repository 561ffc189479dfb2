import type { BareWorker } from '../support/bare-worker.ts';
import { type Lane, request, run } from '../support/load.ts';
import { again, expectDone, type Scenario } from './scenario.ts';

const base64 = (n: number): string => Buffer.from(String(n)).toString('base64');

/** The floor: one durable write in one object. */
export const floor: Scenario = {
  name: 'the floor',
  most: 4000,
  lanes: async (connections) => {
    function* write(id: number): Lane {
      for (let n = 0; ; n += 1) expectDone(yield request('PATCH', `/${id}`, { 'content-type': 'application/json' }, { value: base64(n) }));
    }
    return Array.from({ length: connections }, (_, id) => write(id));
  },
};

const cookies = (head: string): string => [...head.matchAll(/\r\nset-cookie: ([^;]+)/gi)].map(([, cookie]) => cookie).join('; ');

/** better-auth at what comes nearest: its session's own field is written, its session is read, and a person signs in by password. */
export async function betterAuthOf({ port }: BareWorker): Promise<readonly Scenario[]> {
  const headers = { 'content-type': 'application/json', origin: 'http://localhost' };
  const signUp = (n: number) => request('POST', '/api/auth/sign-up/email', headers, { name: `Bench ${n}`, ...credentials(n) });
  const credentials = (n: number) => ({ email: `bench${n}@example.com`, password: 'correct horse battery staple' });
  const sessions: string[] = [];
  function* begin(): Lane {
    yield request('GET', '/tables', {});
    for (let n = 0; n < 32; n += 1) {
      const answer = yield signUp(n);
      expectDone(answer);
      sessions.push(cookies(answer.head));
    }
  }
  await run(port, [begin()]);
  const update = (cookie: string) => request('POST', '/api/auth/update-session', { ...headers, cookie }, { note: 'MQ==' });
  const get = (cookie: string) => request('GET', '/api/auth/get-session', { ...headers, cookie });
  const signIn = (n: number) => request('POST', '/api/auth/sign-in/email', headers, credentials(n));
  const lanesOf = (bytes: (cookie: string, at: number) => string) => async (connections: number) =>
    sessions.slice(0, connections).map((cookie, at) => again(bytes(cookie, at)));
  return [
    { name: 'better-auth: session update', most: 1000, lanes: lanesOf(update) },
    { name: 'better-auth: session read', most: 1000, lanes: lanesOf(get) },
    { name: 'better-auth: sign-in', most: 60, slow: true, lanes: lanesOf((_, at) => signIn(at)) },
  ];
}

/** A bare key derivation a request. */
export const derivation = (name: string, scheme: string): Scenario => ({
  name,
  most: 60,
  slow: true,
  lanes: async (connections) => Array.from({ length: connections }, () => again(request('GET', `/${scheme}`, {}))),
});
