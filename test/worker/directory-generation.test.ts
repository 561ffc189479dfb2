import { createExecutionContext, evictDurableObject, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EVERYWHERE } from '../../src/core/permission.ts';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { Session } from '../../src/core/session/session.ts';
import { informationLabel, intentToken } from '../../src/crypto/intent-token.ts';
import { seal } from '../../src/crypto/sealed-box.ts';
import { insertProvider } from '../../src/directory/identity-providers.ts';
import { claimIntent, consumeIntent, findCheckedIntent, findIntent, insertIntent, succeedIntent } from '../../src/directory/intents.ts';
import { addLink } from '../../src/directory/links.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { alarmOf, cellStub, evict, indexed, sessionIn, until, untilIndexed } from './watcher.ts';
import { cells, config, type Login, must, newSession, newUser, outcome, passwordCheck, patch, read, tokenAfter } from './world.ts';

const NOW_HERE = config.directoryGeneration;
const ANOTHER = 'after-the-restore';
const NOT_SUCCEEDED = 'COMMAND-Df4bw';
const SECOND_MS = 1000;

/** Has a cell, when it next wakes, find that its generation is not the directory's: as if the setting had been changed meanwhile. */
async function changeGeneration(login: Login): Promise<void> {
  await runInDurableObject(cellStub(login), (_, { storage }) => void storage.kv.put('generation', 'before-the-restore'));
  await evict(login);
}

const ring = (login: Login) => runInDurableObject(cellStub(login), (instance) => instance.alarm());
const end = (login: Login) =>
  cells.session(login.sessionCell).terminate({ sessionId: login.sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE });

/** What the index has to say of the sessions of a cell, by their rows in it. */
const expectedRows = (login: Login) =>
  runInDurableObject(cellStub(login), (_, { storage }) =>
    [...storage.sql.exec<{ content: string }>('SELECT content FROM session')]
      .map(({ content }) => (JSON.parse(content) as { session: Session }).session)
      .map(({ id, sequence, creator, user, creationDate, lifetimeEndsAt, terminatedAt }) => ({
        id,
        sequence,
        creator,
        fingerprint_id: null,
        user_id: user?.id ?? null,
        organization_id: user?.organizationId ?? null,
        epoch: user?.epoch ?? null,
        creation_date: creationDate,
        expiration_date: lifetimeEndsAt,
        ended: Number(terminatedAt !== undefined),
      }))
      .sort((one, other) => one.id.localeCompare(other.id)),
  );

const rowsOf = async (logins: readonly Login[]) =>
  (await Promise.all(logins.map(indexed))).filter((row) => row !== null).sort((one, other) => String(one.id).localeCompare(String(other.id)));

/** A cell with a session of every kind, known to the index, and the index as it was before all of that. */
async function aRestoredCell() {
  vi.useFakeTimers({ toFake: ['Date'] });
  const user = await newUser();
  const cell = `sessions:weur:${Math.floor(Math.random() * 99_999)}`;
  const [lost, checked, ended, prolonged] = [await sessionIn(cell), await sessionIn(cell), await sessionIn(cell), await sessionIn(cell)];
  const logins = [lost, checked, ended, prolonged];
  for (const login of logins) await untilIndexed(login);
  const before = await rowsOf([checked, ended, prolonged]);
  must(await patch(checked, { checks: { user: { userId: user.id } } }));
  must(await end(ended));
  must(await patch(prolonged, { lifetimeMs: 60_000 }));
  // What was touched in the moment of telling is told again by a cell that wakes; only what is older tells whether everything is.
  vi.setSystemTime(Date.now() + SECOND_MS);
  for (const login of logins) await untilIndexed(login);
  expect(await rowsOf(logins)).toEqual(await expectedRows(lost));
  await env.DB.prepare('DELETE FROM session_index WHERE id IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(logins.map(({ sessionId }) => sessionId)))
    .run();
  for (const row of before) {
    const columns = Object.keys(row);
    const places = columns.map(() => '?').join(', ');
    await env.DB.prepare(`INSERT INTO session_index (${columns.join(', ')}) VALUES (${places})`)
      .bind(...Object.values(row))
      .run();
  }
  return { cell, logins, lost };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a session cell', () => {
  it('tells the index nothing anew when it wakes under the same generation', async () => {
    const { logins, lost } = await aRestoredCell();
    await evict(lost);
    must(await read(lost));
    await ring(lost);
    const rows = await rowsOf(logins);
    expect(rows).toHaveLength(3);
    expect(rows).not.toEqual((await expectedRows(lost)).filter(({ id }) => id !== lost.sessionId));
  });

  it('tells the index of everything anew when it wakes under another: what was lost, what has changed since, and what has ended', async () => {
    const { logins, lost } = await aRestoredCell();
    await changeGeneration(lost);
    must(await read(lost));
    expect(await alarmOf(lost)).toBeLessThanOrEqual(Date.now());
    await ring(lost);
    expect(await rowsOf(logins)).toEqual(await expectedRows(lost));
  });

  it('does so by its own alarm', async () => {
    const { logins, lost } = await aRestoredCell();
    await changeGeneration(lost);
    must(await read(lost));
    await until(async () => JSON.stringify(await rowsOf(logins)) === JSON.stringify(await expectedRows(lost)));
  });

  it('does so although it is evicted before it has come to it', async () => {
    const { logins, lost } = await aRestoredCell();
    await changeGeneration(lost);
    must(await read(lost));
    await evict(lost);
    await ring(lost);
    expect(await rowsOf(logins)).toEqual(await expectedRows(lost));
  });

  it('does so as well when it is asked to while it is awake', async () => {
    const { logins, lost } = await aRestoredCell();
    await cells.session(lost.sessionCell).reindex();
    await ring(lost);
    expect(await rowsOf(logins)).toEqual(await expectedRows(lost));
  });

  it('does so once, and not at each waking from then on', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const login = await newSession();
    await untilIndexed(login);
    await changeGeneration(login);
    vi.setSystemTime(Date.now() + SECOND_MS);
    must(await read(login));
    await ring(login);
    expect(await indexed(login)).not.toBeNull();
    await env.DB.prepare('DELETE FROM session_index WHERE id = ?').bind(login.sessionId).run();
    await evict(login);
    must(await read(login));
    await ring(login);
    expect(await indexed(login)).toBeNull();
  });

  it('keeps nothing and has no alarm for having been asked, as long as no generation was ever named', async () => {
    const sessionCell = `sessions:weur:unused-${crypto.randomUUID()}`;
    const [kept] = await cells.session(sessionCell).kept(['any']);
    expect([kept, await alarmOf({ sessionId: 'any', sessionCell, token: '' })]).toEqual([undefined, null]);
  });

  it('enters itself anew in the register of cells, by which reindexing goes, when it wakes under another generation', async () => {
    const login = await newSession();
    await untilIndexed(login);
    const registered = () => env.DB.prepare('SELECT name FROM cell WHERE name = ?').bind(login.sessionCell).first('name');
    expect(await registered()).toBe(login.sessionCell);
    await env.DB.prepare('DELETE FROM cell WHERE name = ?').bind(login.sessionCell).run();
    await changeGeneration(login);
    must(await read(login));
    await ring(login);
    expect(await registered()).toBe(login.sessionCell);
  });
});

let intents = 0;

/** A log-in at a provider, whose account is linked to a user, that was begun under a generation. */
async function anIntent(user: User, generation = NOW_HERE, also: { succeeded?: boolean; linked?: boolean } = {}) {
  const { succeeded = true, linked = true } = also;
  intents += 1;
  const [id, idpId, idpUserId] = [`intent-${user.id}-${intents}`, `idp-${user.id}-${intents}`, `minnie-${user.id}`];
  const now = Date.now();
  const content = { id: idpId, name: 'Mouse House', type: 'oidc' as const, config: {} as never, clientSecret: undefined };
  await insertProvider(env.DB, content, now);
  const link = { idpId, idpUserId, idpUserName: 'minnie' };
  if (linked) await addLink(env.DB, user.id, link, now);
  const urls = { successUrl: 'https://login.example.com/ok', failureUrl: 'https://login.example.com/no', redirectUri: 'https://here/idps/callback' };
  await insertIntent(env.DB, { id, idpId, ...urls, proof: 'sealed', expiresAt: now + 600_000 }, generation, now);
  if (succeeded) {
    expect(await claimIntent(env.DB, id, generation, now)).toBeDefined();
    const told = { user: { id: idpUserId, userName: 'minnie' }, raw: {} };
    const information = await seal(config.sealKeys, informationLabel(id), JSON.stringify(told));
    await succeedIntent(env.DB, id, { idpUserId, idpUserName: 'minnie', userId: user.id, information, expiresAt: now + 600_000 }, now);
  }
  return { id, link, token: await intentToken(config.passwords.peppers, id) };
}

type Intent = Awaited<ReturnType<typeof anIntent>>;

const giving = ({ id, token }: Intent): Partial<UpdateSession> => ({ checks: { idpIntent: { intentId: id, token } } });
const stateOf = ({ id }: Intent) => env.DB.prepare('SELECT state FROM idp_intent WHERE id = ?').bind(id).first('state');

/** D1 as it was before an intent was consumed. */
const restore = ({ id }: Intent) =>
  env.DB.prepare("UPDATE idp_intent SET state = 'succeeded', consumed_by = NULL, consumed_request = NULL WHERE id = ?").bind(id).run();

/** One request to the whole Worker under a generation. */
async function request(method: string, path: string, { body, bearer = env.ADMIN_TOKEN, generation = NOW_HERE }: Asked = {}): Promise<Response> {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${bearer}` };
  const asked = new Request(`https://sallyport.test${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const response = await app.fetch(asked, { ...env, DIRECTORY_GENERATION: generation } as typeof env, context);
  await waitOnExecutionContext(context);
  return response;
}
interface Asked {
  readonly body?: object;
  readonly bearer?: string;
  readonly generation?: string;
}
const idOf = async (response: Response) => [response.status, (await response.json<{ details?: { id?: string }[] }>()).details?.[0]?.id];

describe('an intent of another generation', () => {
  it('is claimed by no callback, and stays as it was', async () => {
    const intent = await anIntent(await newUser(), NOW_HERE, { succeeded: false });
    expect(await claimIntent(env.DB, intent.id, ANOTHER, Date.now())).toBeUndefined();
    const callback = await request('GET', `/idps/callback?state=${intent.id}&code=any`, { generation: ANOTHER });
    const location = new URL(callback.headers.get('location') ?? '');
    expect([callback.status, location.pathname, location.searchParams.get('error')]).toEqual([302, '/no', 'IDP-Sfrgs']);
    expect(await stateOf(intent)).toBe('started');
    expect(await claimIntent(env.DB, intent.id, NOW_HERE, Date.now())).toMatchObject({ id: intent.id });
  });

  it('is not retrieved', async () => {
    const intent = await anIntent(await newUser());
    const body = { idpIntentToken: intent.token };
    expect((await request('POST', `/v2/idp_intents/${intent.id}`, { body })).status).toBe(200);
    expect(await idOf(await request('POST', `/v2/idp_intents/${intent.id}`, { body, generation: ANOTHER }))).toEqual([400, 'IDP-nme4gszsvx']);
    expect(await findIntent(env.DB, intent.id, ANOTHER)).toBeUndefined();
  });

  it('passes no check, and is not used up by it', async () => {
    const user = await newUser();
    const intent = await anIntent(user);
    const login = await newSession(user);
    expect(outcome(await patch(login, giving(intent), { generation: ANOTHER }))).toBe(NOT_SUCCEEDED);
    expect(await findCheckedIntent(env.DB, intent.id, user.id, { attemptId: 'a', generation: ANOTHER })).toBeUndefined();
    expect(await stateOf(intent)).toBe('succeeded');
    expect(outcome(await patch(login, giving(intent)))).toBe('ok');
    expect(await stateOf(intent)).toBe('consumed');
  });

  it('is consumed by nobody', async () => {
    const user = await newUser();
    const intent = await anIntent(user);
    const consumer = { attemptId: 'attempt', requestId: 'request' };
    expect(await consumeIntent(env.DB, intent.id, user.id, { ...consumer, generation: ANOTHER }, Date.now())).toBe(false);
    expect(await stateOf(intent)).toBe('succeeded');
    expect(await consumeIntent(env.DB, intent.id, user.id, { ...consumer, generation: NOW_HERE }, Date.now())).toBe(true);
    // Nor gone on with by the attempt that has consumed it.
    expect(await consumeIntent(env.DB, intent.id, user.id, { ...consumer, generation: ANOTHER }, Date.now())).toBe(false);
  });

  it('is no proof by which a person links the account to themselves', async () => {
    const user = await newUser();
    const intent = await anIntent(user, NOW_HERE, { linked: false });
    const login = await newSession(user);
    const bearer = tokenAfter(await patch(login, passwordCheck()));
    const link = { idpId: intent.link.idpId, userId: intent.link.idpUserId, userName: 'minnie' };
    const path = `/v2/users/${user.id}/links`;
    expect((await request('POST', path, { body: { idpLink: link }, bearer, generation: ANOTHER })).status).toBe(403);
    expect((await request('POST', path, { body: { idpLink: link }, bearer })).status).toBe(200);
  });

  it('is what a start under that generation makes', async () => {
    const provider = {
      name: 'Mouse House',
      clientId: 'client',
      clientSecret: 'secret',
      authorizationEndpoint: 'https://mouse.example/authorize',
      tokenEndpoint: 'https://mouse.example/token',
      userEndpoint: 'https://mouse.example/user',
      idAttribute: 'id',
    };
    const added = await request('POST', '/admin/v1/idps/oauth', { body: provider });
    const { id: idpId, ...rest } = await added.json<{ id: string; message?: string }>();
    expect([added.status, rest.message]).toEqual([200, undefined]);
    const urls = { successUrl: 'https://sallyport.test/ok', failureUrl: 'https://sallyport.test/no' };
    const started = await request('POST', '/v2/idp_intents', { body: { idpId, urls }, generation: ANOTHER });
    expect(started.status).toBe(200);
    const { results } = await env.DB.prepare('SELECT generation FROM idp_intent WHERE idp_id = ?').bind(idpId).all();
    expect(results).toEqual([{ generation: ANOTHER }]);
  });

  it('stands beside new ones, which are good under theirs alone', async () => {
    const user = await newUser();
    const intent = await anIntent(user, ANOTHER);
    const login = await newSession(user);
    expect(outcome(await patch(login, giving(intent)))).toBe(NOT_SUCCEEDED);
    expect(outcome(await patch(login, giving(intent), { generation: ANOTHER }))).toBe('ok');
  });
});

describe('an intent that was consumed, and that a restore of the directory brought back', () => {
  it('is refused for its generation once that was changed', async () => {
    const [user, login] = await aUserWithLogin();
    const intent = await anIntent(user);
    const token = tokenAfter(await patch(login, giving(intent)));
    await restore(intent);
    expect(outcome(await patch({ ...login, token }, giving(intent), { generation: ANOTHER }))).toBe(NOT_SUCCEEDED);
    expect(outcome(await patch(await newSession(user), giving(intent), { generation: ANOTHER }))).toBe(NOT_SUCCEEDED);
    expect(await stateOf(intent)).toBe('succeeded');
  });

  it('is refused by the cell of its user as long as it was not, in the same session and in others, also after an eviction', async () => {
    const [user, login] = await aUserWithLogin();
    const intent = await anIntent(user);
    const token = tokenAfter(await patch(login, giving(intent)));
    await restore(intent);
    expect(outcome(await patch({ ...login, token }, giving(intent)))).toBe(NOT_SUCCEEDED);
    await evictDurableObject(env.USERS.getByName(user.cell));
    expect(outcome(await patch(await newSession(user), giving(intent)))).toBe(NOT_SUCCEEDED);
    expect(await stateOf(intent)).toBe('succeeded');
    // It is the cell that refuses: to the directory it is as good as new.
    const consumer = { attemptId: 'a', generation: NOW_HERE };
    expect(await findCheckedIntent(env.DB, intent.id, user.id, consumer)).toMatchObject({ state: 'succeeded', linked: true });
  });
});

async function aUserWithLogin(): Promise<[User, Login]> {
  const user = await newUser();
  return [user, await newSession(user)];
}
