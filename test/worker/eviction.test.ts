import { evictAllDurableObjects } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { Session } from '../../src/core/session/session.ts';
import { cells, interposed, type Login, must, newSession, newUser, outcome, PASSWORD, passwordCheck, patch, read, tokenAfter } from './world.ts';

/** Two failures first, so that the walk has every step there is: peek, (admit,) reserve, load, reserve, settle, commit, resetFailures. */
async function aLoginWithFailures() {
  const user = await newUser();
  const login = await newSession(user);
  await patch(login, passwordCheck('wrong'));
  await patch(login, passwordCheck('wrong'));
  return { user, login };
}

async function expectUntouched(login: Login, before: Session, kind: string): Promise<void> {
  expect(kind).toBe('unavailable');
  expect(must(await read(login)).session).toEqual(before);
}

const checksOf = (userId: string, named: boolean) => ({
  checks: { ...(named && { user: { userId } }), password: { password: PASSWORD } },
});

describe('a walk during which every cell is evicted', () => {
  for (const named of [false, true]) {
    const what = named ? 'user and password' : 'password';
    for (let step = 1; step <= 8; step += 1) {
      it(`before call ${step} of ${what} succeeds, or is answered 503 and succeeds when it is repeated as it was`, async () => {
        const { user, login } = await aLoginWithFailures();
        const before = must(await read(login)).session;
        const evicting = interposed(async (_, nth) => {
          if (nth === step) await evictAllDurableObjects();
        });

        const first = await patch(login, checksOf(user.id, named), { cells: evicting });
        if (!first.ok) await expectUntouched(login, before, first.problem.kind);
        const last = first.ok ? first : await patch(login, checksOf(user.id, named));
        expect(outcome(last)).toBe('ok');
        const { session } = must(await read(login));
        expect(session.factors.password?.verifiedAt).toBe(session.changeDate);
        expect(outcome(await patch({ ...login, token: tokenAfter(last) }, { metadata: [['a', 'MQ==']] }))).toBe('ok');
        expect(outcome(await patch(login, { metadata: [['b', 'MQ==']] }))).toBe('COMMAND-sGr42');
      });
    }
  }

  it('answers 503 to a wrong password as well when the attempt was lost, and counts it', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const evicting = interposed(async (verb) => {
      if (verb === 'settle') await evictAllDurableObjects();
    });
    const lost = await patch(login, passwordCheck('wrong'), { cells: evicting });
    expect(lost).toMatchObject({ ok: false, problem: { kind: 'unavailable' } });
    expect(lost).not.toHaveProperty('problem.evidence.failedAttempts');
    expect(await patch(login, passwordCheck('wrong'))).toMatchObject({ problem: { evidence: { failedAttempts: '2' } } });
  });

  it('keeps an acknowledged change across an eviction', async () => {
    const login = await newSession();
    const { sessionToken } = must(await patch(login, { metadata: [['a', 'MQ==']] }));
    await evictAllDurableObjects();
    expect(must(await read(login)).session.metadata).toEqual({ a: 'MQ==' });
    expect(outcome(await patch({ ...login, token: sessionToken }, { metadata: [['b', 'Mg==']] }))).toBe('ok');
  });

  it('keeps a stop and its epoch across an eviction', async () => {
    const user = await newUser();
    const login = await newSession(user);
    must(await cells.user(user.cell).transit({ userId: user.id, seen: { state: 'active', epoch: user.epoch }, transition: 'lock' }));
    await evictAllDurableObjects();
    expect(await cells.user(user.cell).finish(user.id)).toBe(true);
    expect(outcome(await patch(login, passwordCheck()))).toBe('SESSION-Gj4ko');
  });
});
