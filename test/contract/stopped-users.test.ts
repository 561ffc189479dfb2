import { describe, expect, it } from 'vitest';
import { api, newMachine, newUser, PASSWORD } from '../support/api.ts';
import { create, createFor, get, password, refusal, set } from '../support/login.ts';

const userId = (value: string) => ({ checks: { user: { userId: value } } });

describe('a user who is locked or deactivated', () => {
  for (const [transition, back] of [
    ['lock', 'unlock'],
    ['deactivate', 'reactivate'],
  ] as const) {
    it(`has every session stopped before ${transition} answers: PATCH 400, GET 200 with its state, DELETE 200`, async () => {
      const user = await newUser();
      const logins = [await createFor(user.userId), await createFor(user.userId), await createFor(user.userId)];
      expect((await api().post(`/v2/users/${user.userId}/${transition}`, {})).status).toBe(200);
      for (const login of logins) {
        for (const body of [{}, { metadata: { a: 'MQ==' } }, password(PASSWORD), userId(user.userId)]) {
          expect(refusal(await set(login, body))).toEqual([400, 'SESSION-Gj4ko']);
        }
        expect((await get(login)).body.session).toMatchObject({ state: 'SESSION_STATE_STOPPED', factors: { user: { id: user.userId } } });
      }
      expect((await api().delete(`/v2/sessions/${logins[0]?.id}`)).status).toBe(200);
    });

    it(`logs in again after ${back}, in new sessions only`, async () => {
      const user = await newUser();
      const old = await createFor(user.userId);
      await api().post(`/v2/users/${user.userId}/${transition}`, {});
      expect(refusal(await api().post('/v2/sessions', userId(user.userId)))).toEqual([400, 'SESSION-Gj4ko']);
      expect((await api().post(`/v2/users/${user.userId}/${back}`, {})).status).toBe(200);
      const fresh = await createFor(user.userId);
      expect((await set(fresh, password(PASSWORD))).status).toBe(200);
      expect(refusal(await set(old, {}))).toEqual([400, 'SESSION-Gj4ko']);
      await api().post(`/v2/users/${user.userId}/${transition}`, {});
      expect(refusal(await set(fresh, {}))).toEqual([400, 'SESSION-Gj4ko']);
    });
  }

  it('is refused after the token was looked at: a wrong token is told so first', async () => {
    const user = await newUser();
    const login = await createFor(user.userId);
    await api().post(`/v2/users/${user.userId}/lock`, {});
    expect(refusal(await set({ ...login, token: 'wrong' }, {}))).toEqual([403, 'COMMAND-sGr42']);
  });

  it('does not stop the sessions of others', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const login = await createFor(other.userId);
    await api().post(`/v2/users/${user.userId}/lock`, {});
    expect((await set(login, password(PASSWORD))).status).toBe(200);
  });
});

describe('a user who is deleted', () => {
  it('takes every session along: 404 for PATCH and GET', async () => {
    const user = await newUser();
    const login = await createFor(user.userId);
    expect((await api().delete(`/v2/users/${user.userId}`)).status).toBe(200);
    expect(refusal(await set(login, { metadata: { a: 'MQ==' } }))).toEqual([404, 'QUERY-SFeaa']);
    expect(refusal(await get(login))).toEqual([404, 'QUERY-SFeaa']);
    expect(refusal(await set(await create(), userId(user.userId)))).toEqual([404, 'QUERY-Dfbg2']);
  });

  it('never gives its id to anybody else', async () => {
    const user = await newUser();
    await api().delete(`/v2/users/${user.userId}`);
    await expect(newUser({ userId: user.userId })).rejects.toThrow('already exists');
  });

  it('ends the tokens of a machine', async () => {
    const machine = await newMachine({ instance: ['SESSION_CLIENT'] });
    await api().delete(`/v2/users/${machine.userId}`);
    expect((await api(machine.token).post('/v2/sessions', {})).status).toBe(401);
  });
});
