import { describe, expect, it } from 'vitest';
import { api, newUser, PASSWORD } from '../support/api.ts';
import { createFor, get, type Login, password, refusal, set } from '../support/login.ts';

const NEW_PASSWORD = 'N3wS3cret!';

const setPassword = (userId: string, body: object = {}, bearer?: string) =>
  api(bearer).post(`/v2/users/${userId}/password`, { newPassword: { password: NEW_PASSWORD }, ...body });

const factorsOf = async (login: Login) => (await get(login)).body.session.factors;

/** A user with this many sessions, in each of which the password is verified. */
async function loggedIn(sessions: number) {
  const user = await newUser();
  const logins: Login[] = [];
  for (let n = 0; n < sessions; n += 1) {
    const login = await createFor(user.userId);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
    logins.push(login);
  }
  return { user, logins };
}

describe('a change of password', () => {
  it('drops the password factor in every session of the user, and leaves token and user factor in force', async () => {
    const { user, logins } = await loggedIn(3);
    expect((await setPassword(user.userId)).status).toBe(200);
    for (const login of logins) {
      expect(Object.keys(await factorsOf(login))).toEqual(['user']);
      expect((await set(login, { metadata: { a: 'MQ==' } })).status).toBe(200);
    }
  });

  it('with the current password does the same', async () => {
    const { user, logins } = await loggedIn(2);
    expect((await setPassword(user.userId, { currentPassword: PASSWORD })).status).toBe(200);
    for (const login of logins) expect(Object.keys(await factorsOf(login))).toEqual(['user']);
  });

  it('is told by the sequence and change date of a session that it changed', async () => {
    const { user, logins } = await loggedIn(1);
    const [login] = logins as [Login];
    const before = (await get(login)).body.session;
    await setPassword(user.userId);
    expect(Number((await get(login)).body.session.sequence)).toBe(Number(before.sequence) + 1);
  });

  it('lets the new password in, whose factor the next change drops again', async () => {
    const { user, logins } = await loggedIn(1);
    const [login] = logins as [Login];
    await setPassword(user.userId);
    expect(refusal(await set(login, password(PASSWORD)))).toEqual([400, 'COMMAND-3M0fs']);
    expect((await set(login, password(NEW_PASSWORD))).status).toBe(200);
    expect(Object.keys(await factorsOf(login))).toEqual(['user', 'password']);
    await setPassword(user.userId, { newPassword: { password: PASSWORD } });
    expect(Object.keys(await factorsOf(login))).toEqual(['user']);
  });

  it('leaves the sessions of other users alone', async () => {
    const [mine, theirs] = [await loggedIn(1), await loggedIn(1)];
    await setPassword(mine.user.userId, { endOtherSessions: true });
    const [login] = theirs.logins as [Login];
    expect(Object.keys(await factorsOf(login))).toEqual(['user', 'password']);
  });

  it('that is refused drops nothing', async () => {
    const { user, logins } = await loggedIn(1);
    const [login] = logins as [Login];
    expect((await setPassword(user.userId, { newPassword: { password: 'short' } })).status).toBe(400);
    expect((await setPassword(user.userId, { currentPassword: 'wrong', endOtherSessions: true })).status).toBe(400);
    expect(Object.keys(await factorsOf(login))).toEqual(['user', 'password']);
  });

  it('ends the sessions of the user where that is asked for', async () => {
    const { user, logins } = await loggedIn(2);
    expect((await setPassword(user.userId, { endOtherSessions: true })).status).toBe(200);
    for (const login of logins) {
      expect(refusal(await get(login))).toEqual([404, 'QUERY-SFeaa']);
      expect(refusal(await set(login, {}))).toEqual([404, 'QUERY-SFeaa']);
    }
  });
});
