import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { api, PASSWORD } from '../support/api.ts';
import { create, get, type Login, password, refusal, set } from '../support/login.ts';
import { RestartableServer } from '../support/restartable-server.ts';
import { secrets } from '../support/secrets.ts';
import { byIds, idsIn, totalOf, until } from './searching.ts';
import { watchByToken } from './watcher.ts';

const SOME_STARTS_MS = 300_000;

describe.skipIf(inject('issuers') === undefined)('a Worker that crashed and was started again', { timeout: SOME_STARTS_MS }, () => {
  let server: RestartableServer;
  const operator = () => api(secrets.ADMIN_TOKEN, server.origin);
  const signedIn = async (): Promise<Login> => {
    const { body: organization } = await operator().post('/v2/organizations', { name: 'mice' });
    const { body: user } = await operator().post('/v2/users/human', {
      organization: { orgId: organization.organizationId },
      profile: { givenName: 'Minnie', familyName: 'Mouse' },
      email: { email: 'minnie@mouse.example', isVerified: true },
      password: { password: PASSWORD },
    });
    const login = await create({ checks: { user: { userId: user.userId } } }, operator());
    expect((await set(login, password(PASSWORD), operator())).status).toBe(200);
    return login;
  };
  const search = (...logins: readonly Login[]) => operator().post('/v2/sessions/search', { queries: [byIds(...logins)] });
  const counted = async (...logins: readonly Login[]) => totalOf(await search(...logins));

  beforeEach(async () => {
    server = new RestartableServer();
    server.migrate();
    await server.start();
  }, SOME_STARTS_MS);
  afterEach(() => server.end());

  it('goes on with every session and its token, and with a watch, once its client has reconnected, from the whole state on', async () => {
    const login = await signedIn();
    const before = watchByToken(login, server.origin);
    await set(login, { metadata: { step: 'MQ==' } }, operator());
    const [, told] = await before.told(2);
    await server.crash();
    await before.ended();
    await server.start();
    const after = watchByToken(login, server.origin);
    const [whole] = await after.told(1);
    expect(whole).toEqual({ sequence: told?.sequence, session: told?.session });
    expect(whole?.session).toEqual((await get(login, operator())).body.session);
    const superseded = login.token;
    expect((await set(login, { metadata: { step: 'Mg==' } }, operator())).status).toBe(200);
    expect((await after.told(2))[1]).toMatchObject({
      events: ['session.metadata.set', 'session.token.set'],
      session: { metadata: { step: 'Mg==' } },
    });
    expect(refusal(await set({ ...login, token: superseded }, {}, operator()))).toEqual([403, 'COMMAND-sGr42']);
    expect((await operator().delete(`/v2/sessions/${login.id}`)).status).toBe(200);
    expect(await after.ended()).toEqual([4000, 'terminated']);
  });

  it('with D1 as it was earlier and another generation, finds again what only its cells know, and nothing that has ended since', async () => {
    const ended = await signedIn();
    await until('the first session is found', async () => (await counted(ended)) === 1);
    await server.crash();
    server.backUpD1();
    await server.start();
    const made = await create({}, operator());
    expect((await operator().delete(`/v2/sessions/${ended.id}`)).status).toBe(200);
    await until('the index follows', async () => (await counted(made)) === 1 && (await counted(ended)) === 0);
    await server.crash();
    server.restoreD1();
    await server.start({ DIRECTORY_GENERATION: 'restored' });
    expect(await counted(made)).toBe(0);
    expect(idsIn(await search(ended))).toEqual([]);
    expect((await set(made, { metadata: { still: 'MQ==' } }, operator())).status).toBe(200);
    await until('it is found, with no reindex', async () => (await counted(made)) === 1);
    expect((await operator().post('/reindex', {})).status).toBe(200);
    await until('what has ended is counted no more', async () => (await counted(ended)) === 0);
    expect(idsIn(await search(made, ended))).toEqual([made.id]);
  });
});
