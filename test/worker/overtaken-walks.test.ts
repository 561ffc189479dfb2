import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { EVERYWHERE } from '../../src/core/permission.ts';
import { hashPassword } from '../../src/crypto/password-hash.ts';
import type { User } from '../../src/directory/users.ts';
import { findUser } from '../../src/directory/users.ts';
import { cells, config, interposed, type Login, must, newSession, newUser, outcome, PASSWORD, passwordCheck, patch, read, transit } from './world.ts';

/** Runs `meanwhile` once, ahead of the walk's first call of `verb`. */
const during = (verb: string, meanwhile: () => Promise<unknown>) => {
  let done = false;
  return {
    cells: interposed(async (called) => {
      if (called !== verb || done) return;
      done = true;
      await meanwhile();
    }),
  };
};

const end = (login: Login) =>
  cells.session(login.sessionCell).terminate({ sessionId: login.sessionId, callerId: 'x', presented: undefined, delete: EVERYWHERE });

async function setPassword(user: User, password: string): Promise<void> {
  const cell = cells.user(user.cell);
  await cell.forget(user.id);
  const hash = await hashPassword(password, config.passwords);
  await env.DB.prepare('UPDATE user SET password_hash = ?2 WHERE id = ?1').bind(user.id, hash).run();
  await cell.forget(user.id);
}

describe('a PATCH whose world changes between its steps', () => {
  for (const verb of ['reserve', 'settle', 'commit']) {
    it(`is told 403 when a newer token was made before its ${verb}`, async () => {
      const login = await newSession(await newUser());
      const rival = () => patch(login, { metadata: [['rival', 'MQ==']] });
      expect(outcome(await patch(login, passwordCheck(), during(verb, rival)))).toBe('COMMAND-sGr42');
      expect(must(await read(login)).session).toMatchObject({ metadata: { rival: 'MQ==' }, factors: {} });
    });

    it(`is told 404 when the session ended before its ${verb}`, async () => {
      const login = await newSession(await newUser());
      expect(
        outcome(
          await patch(
            login,
            passwordCheck(),
            during(verb, () => end(login)),
          ),
        ),
      ).toBe('QUERY-SFeaa');
    });

    for (const transition of ['lock', 'deactivate'] as const) {
      it(`is refused as for a stopped user when ${transition} came before its ${verb}`, async () => {
        const user = await newUser();
        const login = await newSession(user);
        expect(
          outcome(
            await patch(
              login,
              passwordCheck(),
              during(verb, () => transit(user, transition)),
            ),
          ),
        ).toBe('SESSION-Gj4ko');
        expect(must(await read(login))).toMatchObject({ state: 'stopped', session: { factors: {} } });
      });
    }

    it(`is told 404 when its user was deleted before its ${verb}`, async () => {
      const user = await newUser();
      const login = await newSession(user);
      const refusal = outcome(
        await patch(
          login,
          passwordCheck(),
          during(verb, () => transit(user, 'delete')),
        ),
      );
      expect(verb === 'commit' ? ['QUERY-SFeaa'] : ['QUERY-SFeaa', 'SESSION-Gj4ko']).toContain(refusal);
      expect(outcome(await read(login))).toBe('QUERY-SFeaa');
    });
  }

  it('does not let a user check in that was admitted before a stop and commits after it', async () => {
    const user = await newUser();
    const login = await newSession();
    const named = { checks: { user: { userId: user.id } } };
    expect(
      outcome(
        await patch(
          login,
          named,
          during('commit', () => transit(user, 'lock')),
        ),
      ),
    ).toBe('SESSION-Gj4ko');
    expect(must(await read(login)).session.user).toBeUndefined();
  });

  it('does not let it in either when the user was made active again in between', async () => {
    const user = await newUser();
    const login = await newSession();
    const lockAndUnlock = async () => {
      await transit(user, 'lock');
      await transit(user, 'unlock');
    };
    const named = { checks: { user: { userId: user.id } } };
    expect(outcome(await patch(login, named, during('commit', lockAndUnlock)))).toBe('SESSION-Gj4ko');
    expect(outcome(await patch(login, named))).toBe('ok');
  });

  it('does not create a session for a user who was stopped after the look-up', async () => {
    const user = await newUser();
    for (const verb of ['admit', 'create']) {
      const fresh = await newUser();
      await expect(
        newSession(
          fresh,
          during(verb, () => transit(fresh, 'lock')),
        ),
      ).rejects.toThrow('SESSION-Gj4ko');
    }
    await expect(newSession(user)).resolves.toBeDefined();
  });

  it('checks the new password when the password was changed during the hash', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const change = () => setPassword(user, 'N3wS3cret!');
    expect(await patch(login, passwordCheck(), during('settle', change))).toMatchObject({
      problem: { id: 'COMMAND-3M0fs', evidence: { failedAttempts: '1' } },
    });
    expect(outcome(await patch(login, passwordCheck('N3wS3cret!')))).toBe('ok');
  });

  it('lets the new password in that was set during the hash, and counts no failure', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const change = () => setPassword(user, 'N3wS3cret!');
    expect(outcome(await patch(login, passwordCheck('N3wS3cret!'), during('settle', change)))).toBe('ok');
    expect(await patch(await newSession(user), passwordCheck(PASSWORD))).toMatchObject({ problem: { evidence: { failedAttempts: '1' } } });
  });

  it('begins again, without a token, on top of what overtook it, and gives up after three times', async () => {
    const login = { ...(await newSession(await newUser())), token: undefined };
    const rival = (n: number) => patch(login, { metadata: [[`rival${n}`, 'MQ==']] });
    expect(
      outcome(
        await patch(
          login,
          passwordCheck(),
          during('commit', () => rival(0)),
        ),
      ),
    ).toBe('ok');

    let rivals = 0;
    const always = interposed(async (verb) => {
      if (verb !== 'commit') return;
      rivals += 1;
      await rival(rivals);
    });
    expect(await patch(login, passwordCheck(), { cells: always })).toMatchObject({ problem: { kind: 'aborted' } });
    expect(rivals).toBe(3);
  });

  it('resets failures only when the success is committed', async () => {
    const user = await newUser();
    const [one, other] = [await newSession(user), await newSession(user)];
    await patch(one, passwordCheck('wrong'));
    const lost = await patch(
      one,
      passwordCheck(),
      during('commit', () => patch(one, { metadata: [['rival', 'MQ==']] })),
    );
    expect(outcome(lost)).toBe('COMMAND-sGr42');
    expect(await patch(other, passwordCheck('wrong'))).toMatchObject({ problem: { evidence: { failedAttempts: '2' } } });
    expect(outcome(await patch(other, passwordCheck()))).toBe('ok');
    expect(await patch({ ...other, token: undefined }, passwordCheck('wrong'))).toMatchObject({ problem: { evidence: { failedAttempts: '1' } } });
  });

  it('forgets no failure that was counted between the success and its reset', async () => {
    const user = await newUser();
    const [login, other] = [await newSession(user), await newSession(user)];
    const guess = () => patch(other, passwordCheck('wrong'));
    await guess();
    expect(outcome(await patch(login, passwordCheck(), during('resetFailures', guess)))).toBe('ok');
    expect(await guess()).toMatchObject({ problem: { evidence: { failedAttempts: '2' } } });
  });

  it('forgets no failure twice when the resets of two successes overlap', async () => {
    const user = await newUser();
    const [one, two, other] = [await newSession(user), await newSession(user), await newSession(user)];
    const guess = () => patch(other, passwordCheck('wrong'));
    await guess();
    await guess();
    const meanwhile = async () => {
      await guess();
      expect(outcome(await patch(two, passwordCheck()))).toBe('ok');
      for (let n = 0; n < 3; n += 1) await guess();
    };
    expect(outcome(await patch(one, passwordCheck(), during('resetFailures', meanwhile)))).toBe('ok');
    expect(await guess()).toMatchObject({ problem: { evidence: { failedAttempts: '4' } } });
  });

  it('answers the committed success even when the failures before it cannot be reset', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await patch(login, passwordCheck('wrong'));
    const broken = interposed((verb) => {
      if (verb === 'resetFailures') throw new Error('out of reach');
    });
    expect(outcome(await patch(login, passwordCheck(), { cells: broken }))).toBe('ok');
  });

  it('mirrors a stop to the directory, where an older standing never overwrites a newer one', async () => {
    const user = await newUser();
    await transit(user, 'lock');
    expect(await findUser(env.DB, { userId: user.id })).toMatchObject({ state: 'locked', epoch: user.epoch + 1 });
    await transit(user, 'unlock');
    expect(await findUser(env.DB, { userId: user.id })).toMatchObject({ state: 'active', epoch: user.epoch + 2 });
  });
});
