import { describe, expect, it } from 'vitest';
import { api, newMachine, newOrganization, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, type Login, password, refusal, set } from '../support/login.ts';
import { byIds, search, totalOf, until, untilFound } from './searching.ts';

const endAll = (userId: string, body?: object, bearer?: string) => api(bearer).delete(`/v2/users/${userId}/sessions`, body);

const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** A session that is signed in with a password. */
async function signedIn(userId: string): Promise<Login> {
  const login = await createFor(userId);
  await set(login, password(PASSWORD));
  return login;
}

async function expectEnded(...logins: Login[]): Promise<void> {
  for (const login of logins) {
    expect(refusal(await get(login))).toEqual([404, 'QUERY-SFeaa']);
    expect(refusal(await set(login, { metadata: { a: 'MQ==' } }))).toEqual([404, 'QUERY-SFeaa']);
    expect((await api().delete(`/v2/sessions/${login.id}`)).status).toBe(200);
  }
}

describe('DELETE /v2/users/{userId}/sessions', () => {
  it('ends every session of the user before it answers, in whatever cell, and nobody else’s', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const logins = await times(12, () => createFor(user.userId));
    const [theirs, nobodys] = [await createFor(other.userId), await create()];
    await untilFound({ userIdQuery: { id: user.userId } }, logins);
    const { status, body } = await endAll(user.userId);
    expect(status).toBe(200);
    expect(body).toEqual({ details: { sequence: expect.any(String), changeDate: expect.any(String), resourceOwner: expect.any(String) } });
    await expectEnded(...logins);
    expect((await set(theirs, password(PASSWORD))).status).toBe(200);
    expect((await set(nobodys, { metadata: { a: 'MQ==' } })).status).toBe(200);
    await untilFound(byIds(...logins, theirs, nobodys), [theirs, nobodys]);
    const stopped = { statusQuery: { status: 'SESSION_STATUS_STOPPED' } };
    await until('the index knows them to have ended', async () => totalOf(await search({ queries: [byIds(...logins), stopped] })) === 0);
  });

  it('lets the user sign in anew', async () => {
    const { userId } = await newUser();
    const old = await signedIn(userId);
    await endAll(userId);
    const fresh = await signedIn(userId);
    expect((await api(fresh.token).get(`/v2/users/${userId}`)).status).toBe(200);
    expect((await api(old.token).get(`/v2/users/${userId}`)).status).toBe(404);
    await untilFound({ userIdQuery: { id: userId } }, [fresh]);
  });

  it('spares the one session that is named, which lives on and is found', async () => {
    const { userId } = await newUser();
    const [spared, ...others] = await times(6, () => createFor(userId));
    if (spared === undefined) throw new Error('no session');
    await untilFound({ userIdQuery: { id: userId } }, [spared, ...others]);
    const before = (await get(spared)).body.session;
    expect((await endAll(userId, { exceptSessionId: spared.id })).status).toBe(200);
    await expectEnded(...others);
    expect((await get(spared)).body.session).toEqual(before);
    expect((await set(spared, password(PASSWORD))).status).toBe(200);
    expect((await api(spared.token).get(`/v2/users/${userId}`)).status).toBe(200);
    await untilFound({ userIdQuery: { id: userId } }, [spared]);
    expect((await endAll(userId, { exceptSessionId: spared.id })).status).toBe(200);
    expect((await set(spared, { metadata: { a: 'MQ==' } })).status).toBe(200);
    await untilFound({ userIdQuery: { id: userId } }, [spared]);
    await endAll(userId);
    await expectEnded(spared);
  });

  it('spares nobody when the one that is named is not the user’s', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const [login, theirs] = [await createFor(user.userId), await createFor(other.userId)];
    expect((await endAll(user.userId, { exceptSessionId: theirs.id })).status).toBe(200);
    await expectEnded(login);
    expect((await set(theirs, password(PASSWORD))).status).toBe(200);
    const next = await createFor(user.userId);
    expect((await endAll(user.userId, { exceptSessionId: 'nobody' })).status).toBe(200);
    await expectEnded(next);
  });

  it('does not bring back a session that was ended before when that one is spared', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    await api().delete(`/v2/sessions/${login.id}`);
    expect((await endAll(userId, { exceptSessionId: login.id })).status).toBe(200);
    await expectEnded(login);
  });

  for (const [transition, back] of [
    ['lock', 'unlock'],
    ['deactivate', 'reactivate'],
  ] as const) {
    it(`does not bring back a session that was stopped by ${transition} when that one is spared`, async () => {
      const { userId } = await newUser();
      const login = await signedIn(userId);
      await api().post(`/v2/users/${userId}/${transition}`, {});
      await endAll(userId, { exceptSessionId: login.id });
      await api().post(`/v2/users/${userId}/${back}`, {});
      expect((await set(login, { metadata: { a: 'MQ==' } })).status).toBeGreaterThanOrEqual(400);
      expect((await api(login.token).get(`/v2/users/${userId}`)).status).toBeGreaterThanOrEqual(400);
    });

    it(`does not bring back a session that was stopped by ${transition} and ${back} when that one is spared`, async () => {
      const { userId } = await newUser();
      const login = await signedIn(userId);
      await api().post(`/v2/users/${userId}/${transition}`, {});
      await api().post(`/v2/users/${userId}/${back}`, {});
      expect(refusal(await set({ ...login }, { metadata: { a: 'MQ==' } }))).toEqual([400, 'SESSION-Gj4ko']);
      await endAll(userId, { exceptSessionId: login.id });
      expect((await set({ ...login }, { metadata: { a: 'MQ==' } })).status).toBeGreaterThanOrEqual(400);
      expect((await api(login.token).get(`/v2/users/${userId}`)).status).toBeGreaterThanOrEqual(400);
    });
  }

  it('ends the sessions of a locked user too, who stays locked', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    await api().post(`/v2/users/${userId}/lock`, {});
    expect((await endAll(userId)).status).toBe(200);
    await expectEnded(login);
    expect((await api().get(`/v2/users/${userId}`)).body.user.state).toBe('USER_STATE_LOCKED');
    expect(refusal(await api().post('/v2/sessions', { checks: { user: { userId } } }))).toEqual([400, 'SESSION-Gj4ko']);
  });

  it('can be repeated, by many at once as well, and where there is no session', async () => {
    const { userId } = await newUser();
    expect((await endAll(userId)).status).toBe(200);
    const logins = await times(4, () => createFor(userId));
    for (const { status } of await times(6, () => endAll(userId))) expect(status).toBe(200);
    await expectEnded(...logins);
    expect((await endAll(userId)).status).toBe(200);
    expect((await set(await createFor(userId), password(PASSWORD))).status).toBe(200);
  });

  it('leaves no session alive of those whose check was under way', async () => {
    const { userId } = await newUser();
    for (let round = 0; round < 5; round += 1) {
      const made = await times(5, () => create());
      const steps = times(5, (n) => set(made[n] as Login, { checks: { user: { userId }, password: { password: PASSWORD } } }));
      const ended = endAll(userId);
      const [answers, { status }] = [await steps, await ended];
      expect(status).toBe(200);
      for (const [n, answer] of answers.entries()) {
        const after = await get(made[n] as Login);
        // Either it was ended, or its check came after the end; of one that was refused, the session has no user.
        if (answer.status === 200) expect([200, 404]).toContain(after.status);
        else expect(after.body.session?.factors).toBeUndefined();
      }
      expect((await endAll(userId)).status).toBe(200);
      for (const [n, answer] of answers.entries()) if (answer.status === 200) await expectEnded(made[n] as Login);
    }
  });
});

describe('who ends all sessions of a user', () => {
  it('is the user, or whoever may delete sessions there', async () => {
    const organizationId = await newOrganization();
    const { userId } = await newUser({ organization: { orgId: organizationId } });
    const manager = await newMachine({ organizationId, organization: ['ORG_USER_MANAGER'] });
    const client = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const own = async () => (await signedIn(userId)).token;
    for (const bearerOf of [() => undefined, () => manager.token, () => client.token, own]) {
      const login = await createFor(userId);
      expect((await endAll(userId, {}, await bearerOf())).status).toBe(200);
      await expectEnded(login);
    }
  });

  it('may spare the session that asks', async () => {
    const { userId } = await newUser();
    const [asking, other] = [await signedIn(userId), await signedIn(userId)];
    expect((await endAll(userId, { exceptSessionId: asking.id }, asking.token)).status).toBe(200);
    await expectEnded(other);
    expect((await api(asking.token).get(`/v2/users/${userId}`)).status).toBe(200);
    expect((await endAll(userId, {}, asking.token)).status).toBe(200);
    expect((await api(asking.token).get(`/v2/users/${userId}`)).status).toBe(404);
  });

  it('is nobody else: no role 403, another organisation 404, no bearer 401', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    const nobody = await newMachine();
    const viewer = await newMachine({ instance: ['IAM_OWNER_VIEWER'] });
    const elsewhere = await newMachine({ organizationId: await newOrganization(), organization: ['ORG_OWNER'] });
    const stranger = await signedIn((await newUser()).userId);
    for (const bearer of [nobody.token, viewer.token, stranger.token]) {
      expect(refusal(await endAll(userId, {}, bearer))).toEqual([403, 'AUTH-AWfge']);
    }
    expect(refusal(await endAll(userId, {}, elsewhere.token))).toEqual([404, 'QUERY-Dfbg2']);
    expect((await endAll(userId, {}, '')).status).toBe(401);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
  });

  it('is told 404 of a user who is not there, or not any more', async () => {
    const { userId } = await newUser();
    await createFor(userId);
    await api().delete(`/v2/users/${userId}`);
    for (const id of [userId, 'nobody']) expect(refusal(await endAll(id))).toEqual([404, 'QUERY-Dfbg2']);
  });

  it('is told 400 of what is no id', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    for (const exceptSessionId of ['', 5, 'x'.repeat(201)]) expect((await endAll(userId, { exceptSessionId })).status).toBe(400);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
  });
});
