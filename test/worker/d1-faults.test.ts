import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { app } from '../../src/http/app.ts';
import { type Asked, KINDS, type Kind } from './directory-requests.ts';
import { type Fault, FaultyDirectory } from './faulty-directory.ts';
import { newProvider, startedIntent } from './idp-user.ts';
import { rowsOf } from './passkey-user.ts';
import { must, newSession, newUser, PASSWORD, read } from './world.ts';

beforeAll(async () => {
  // What other tests have left, and nobody could show.
  await env.DB.prepare("DELETE FROM identity_provider WHERE json_extract(config, '$.options') IS NULL").run();
});
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** One request to the whole Worker, and all that it has set going. */
async function send(
  { method, path, body, bearer = env.ADMIN_TOKEN }: Omit<Asked, 'about'>,
  bindings: object = {},
  headers: object = {},
  origin = 'https://sallyport.test',
) {
  const context = createExecutionContext();
  const init = {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${bearer}`, ...headers },
    ...(body && { body: JSON.stringify(body) }),
  };
  const response = await app.fetch(new Request(origin + path, init as RequestInit), { ...env, ...bindings } as typeof env, context);
  const { status, headers: told } = response;
  const answer = { status, retryAfter: told.get('retry-after'), location: told.get('location') ?? '', text: await response.text() };
  return { ...answer, over: waitOnExecutionContext(context) };
}

type Told = Awaited<ReturnType<typeof send>>;
const refusal = ({ status, text }: Told) => `${status} ${JSON.parse(text).details?.[0]?.id}`;

/** The directory's tables, but for those that follow the cells in their own time, and what in their rows says whom or what they are about. */
const TABLES: Readonly<Record<string, readonly string[]>> = {
  organization: ['id', 'name'],
  user: ['id'],
  user_metadata: ['user_id'],
  personal_access_token: ['user_id'],
  member: ['user_id'],
  totp: ['user_id'],
  recovery_code: ['user_id'],
  credential: ['user_id'],
  credential_registration: ['user_id'],
  identity_provider: ['id', 'name'],
  idp_intent: ['id', 'idp_id'],
  idp_link: ['user_id'],
};

/** What counts the changes, and so tells a change that was made twice: sequences, and versions of passwords. */
const isCounter = (name: string): boolean => ['sequence', 'epoch', 'password_version'].includes(name);
/** What is no id, no date and no secret. */
const isPlain = ([name, value]: [string, unknown]): boolean =>
  typeof value === 'number' ? !/_(date|at)$/.test(name) && !isCounter(name) : ['state', 'kind', 'roles'].includes(name);

async function rowsAbout(ids: readonly string[]): Promise<string[]> {
  const tables = Object.entries(TABLES);
  const found = await env.DB.batch<Record<string, unknown>>(
    tables.map(([table, columns]) => {
      const isAbout = columns.map((column) => `${column} IN (SELECT value FROM json_each(?1))`).join(' OR ');
      return env.DB.prepare(`SELECT * FROM ${table} WHERE ${isAbout}`).bind(JSON.stringify(ids));
    }),
  );
  return found.flatMap(({ results }, n) =>
    results.map((row) => JSON.stringify([tables[n]?.[0], Object.fromEntries(Object.entries(row).filter(isPlain))])),
  );
}

/** All that a request may change, as far as it is the same each time. */
async function look({ about, login, user }: Asked): Promise<object> {
  const view = login && (await read(login));
  const session = view?.ok ? view.value.session : undefined;
  const parts = Object.entries(session ?? {}).filter(([, value]) => typeof value === 'object' && value !== null);
  return {
    rows: await rowsAbout(about),
    sequence: session?.sequence,
    session: Object.fromEntries(parts.map(([name, value]) => [name, Object.keys(value).sort()])),
    failures: user && (await rowsOf(user, 'failure')).length,
  };
}

/** What a request asks of D1, and what is so once it has succeeded. */
async function unfaulted(kind: Kind) {
  const directory = new FaultyDirectory();
  const asked = await kind.ask();
  directory.plan();
  const answer = await send(asked, directory.bindings);
  expect([answer.text, answer.status < 300]).toEqual([answer.text, true]);
  await answer.over;
  return { queries: directory.asked, after: await look(asked) };
}

/** The same request once more; it succeeds, or is told that it was carried out before. */
async function repeat(asked: Asked, { again = [], another }: Kind, after: object, headers: object): Promise<void> {
  const wasCarriedOut = JSON.stringify(await look(asked)) === JSON.stringify(after);
  const answer = await send(asked, {}, headers);
  await answer.over;
  if (answer.status >= 300) expect([wasCarriedOut, again]).toEqual([true, expect.arrayContaining([refusal(answer)])]);
  else if (!(another && wasCarriedOut)) expect(await look(asked)).toEqual(after);
}

/** A request of which one query is to go wrong. */
async function prepared(kind: Kind, nth: number, fault: Fault, { after }: { after: object }) {
  const directory = new FaultyDirectory();
  const asked = await kind.ask();
  return { kind, nth, fault, after, directory, asked, before: await look(asked) };
}

/** It is answered 503, is carried out whole or not at all, and can be repeated; or it is carried out all the same, whole. */
async function goesWrong(trial: Awaited<ReturnType<typeof prepared>>, settings: object = {}, headers: object = {}) {
  const { kind, nth, fault, before, after, directory, asked } = trial;
  directory.plan(nth, fault);
  const answer = await send(asked, { ...directory.bindings, ...settings }, headers);
  directory.release();
  const what = `${asked.method} ${asked.path}, query ${nth}: ${directory.asked[nth - 1]}`;
  if (answer.status < 300) {
    await answer.over;
    expect([what, await look(asked)]).toEqual([what, after]);
    return;
  }
  expect([what, answer.status, answer.retryAfter, JSON.parse(answer.text).code]).toEqual([what, 503, '1', 14]);
  expect(answer.text).not.toContain('SECRET');
  await answer.over;
  const isAhead = kind.ahead?.test(directory.asked[nth - 1] ?? '') === true;
  directory.plan();
  if (!isAhead) expect([before, after]).toContainEqual(await look(asked));
  await repeat(asked, kind, after, headers);
}

async function eachGoesWrong(kind: Kind, fault: Fault): Promise<void> {
  const whole = await unfaulted(kind);
  expect(whole.queries.length).toBeGreaterThan(0);
  for (const nth of whole.queries.keys()) await goesWrong(await prepared(kind, nth + 1, fault, whole));
}

describe.each(['is refused', 'is carried out and its answer lost'] as const)('a query that %s', (fault) => {
  it.each(Object.keys(KINDS))('leaves of %s the change whole or not made, and the same request can be repeated after a 503', async (name) => {
    await eachGoesWrong(KINDS[name] as Kind, fault);
  });
});

describe('a query that is late', () => {
  const GROUP = 12;
  const names = Object.keys(KINDS);
  const groups = Array.from({ length: Math.ceil(names.length / GROUP) }, (_, n) => names.slice(n * GROUP, (n + 1) * GROUP));

  it.each(groups)(
    'makes a 503 at the deadline of %s and others, and the same request under the same Idempotency-Key can be repeated',
    async (...group) => {
      const trials: Awaited<ReturnType<typeof prepared>>[] = [];
      for (const name of group) {
        const kind = KINDS[name] as Kind;
        const whole = await unfaulted(kind);
        for (const nth of whole.queries.keys()) trials.push(await prepared(kind, nth + 1, 'is late', whole));
      }
      const settings = { DEADLINE_SECONDS: '1' };
      await Promise.all(trials.map((trial) => goesWrong(trial, settings, { 'idempotency-key': crypto.randomUUID() })));
    },
  );
});

describe('D1 that cannot be reached', () => {
  it.each(['is refused', 'meets no network', 'breaks inside the platform'] as const)('is a 503 whoever says so: a query that %s', async (fault) => {
    await eachGoesWrong(KINDS['SetSession with a user by login name and a password'] as Kind, fault);
  });
});

describe('what is no operation', () => {
  const hanging = { DB: new Proxy(env.DB, { get: () => () => ({ bind: () => ({ all: () => new Promise(() => {}) }) }) }), DEADLINE_SECONDS: '1' };
  const hangingBatch = { DB: { prepare: () => ({}), batch: () => new Promise(() => {}) }, DEADLINE_SECONDS: '1', DEV_MAILBOX: 'true' };

  it('such as a watch has the deadline as well, when D1 hangs while its caller is looked up', async () => {
    const { sessionId } = await newSession();
    const watch = { method: 'GET', path: `/v2/sessions/${sessionId}/watch`, bearer: 'pat_unknown' };
    const { status, retryAfter } = await send(watch, hanging, { upgrade: 'websocket' });
    expect([status, retryAfter]).toEqual([503, '1']);
  });

  it('such as the mailbox of a developer likewise', async () => {
    const { status } = await send({ method: 'GET', path: '/dev/mailbox' }, hangingBatch, {}, 'http://localhost');
    expect(status).toBe(503);
  });
});

describe('a browser that comes back from a provider', () => {
  const back = async () => {
    const state = await startedIntent(await newProvider());
    return { state, asked: { method: 'GET', path: `/idps/callback?state=${state}&error=access_denied` } };
  };
  const stateOf = (id: string) => env.DB.prepare('SELECT state FROM idp_intent WHERE id = ?').bind(id).first<string>('state');

  it('is told to come again while D1 cannot be reached, and then is sent on', async () => {
    const directory = new FaultyDirectory();
    const { state, asked } = await back();
    directory.plan(1, 'is refused');
    const refused = await send(asked, directory.bindings);
    expect([refused.status, refused.retryAfter, await stateOf(state)]).toEqual([503, '1', 'started']);
    const answer = await send(asked);
    expect([answer.status, answer.location]).toEqual([302, expect.stringContaining('error=access_denied')]);
  });

  it('is sent on to the failure URL, without a token, when the answer to the claim was lost', async () => {
    const directory = new FaultyDirectory();
    const { state, asked } = await back();
    directory.plan(1, 'is carried out and its answer lost');
    expect([(await send(asked, directory.bindings)).status, await stateOf(state)]).toEqual([503, 'claimed']);
    const answer = await send(asked);
    expect([answer.status, answer.location]).toEqual([302, expect.stringMatching(/^https:\/\/login.example.com\/no\?(?!.*token).*IDP-Sfrgs/)]);
  });

  it('is sent on all the same when it cannot be written down that the log-in failed', async () => {
    const directory = new FaultyDirectory();
    const { asked } = await back();
    directory.plan(2, 'is refused');
    const answer = await send(asked, directory.bindings);
    expect([answer.status, answer.location]).toEqual([302, expect.stringContaining('error=access_denied')]);
  });
});

describe('a new password', () => {
  it('drops the factor in every session before it is answered, also when D1 fails from then on', async () => {
    const directory = new FaultyDirectory();
    const user = await newUser();
    const login = await newSession(user);
    const checked = { method: 'PATCH', path: `/v2/sessions/${login.sessionId}`, body: { checks: { password: { password: PASSWORD } } } };
    expect((await send(checked)).status).toBe(200);
    const asked = { method: 'POST', path: `/v2/users/${user.id}/password`, body: { newPassword: { password: 'An0ther-one!' } } };
    directory.plan(4, 'is refused');
    expect((await send(asked, directory.bindings)).status).toBe(200);
    expect(must(await read(login)).session.factors).toEqual({});
    expect(directory.asked).toHaveLength(3);
  });
});
