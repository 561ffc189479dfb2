import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { newRecoveryCodes, writeRecoveryCodes } from './recovery-codes.ts';
import { type Login, newSession, newUser, outcome, patch, tokenAfter } from './world.ts';

afterEach(() => {
  vi.useRealTimers();
});

const check = (login: Login, code: string) => patch(login, { checks: { recoveryCode: { code } } });
const checkAnew = async (user: User, code: string) => outcome(await check(await newSession(user), code));

/** How many codes the user's cell remembers as spent. */
const remembered = (user: User): Promise<number> =>
  runInDurableObject(env.USERS.getByName(user.cell), (_, state) => {
    const [row] = state.storage.sql.exec<{ things: string }>("SELECT things FROM spent WHERE user_id = ? AND kind = 'recoveryCode'", user.id);
    return row ? JSON.parse(row.things).length : 0;
  });

/** Asks the API for new codes, as the operator. */
async function generate(user: User): Promise<string[]> {
  const context = createExecutionContext();
  const url = `http://sallyport.test/v2/users/${user.id}/recovery_codes`;
  const request = new Request(url, { method: 'POST', headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` }, body: '{}' });
  const response = await app.fetch(request, env, context);
  await waitOnExecutionContext(context);
  const { recoveryCodes } = await response.json<{ recoveryCodes: string[] }>();
  return recoveryCodes;
}

describe('recovery codes', () => {
  it('are stored as nothing but a MAC each', async () => {
    const user = await newUser();
    const codes = await generate(user);
    const { results } = await env.DB.prepare('SELECT tag FROM recovery_code WHERE user_id = ?1').bind(user.id).all<{ tag: string }>();
    expect(results.map(({ tag }) => tag)).toEqual(codes.map(() => expect.stringMatching(/^1\.[A-Za-z0-9+/]{86}==$/)));
    const stored = JSON.stringify(results).toLowerCase();
    for (const code of codes) for (const form of [code, code.replace('-', '')]) expect(stored).not.toContain(form);
    expect(await checkAnew(user, codes[0] ?? '')).toBe('ok');
  });

  it('are locked by 10 wrong ones in a row, right ones too, until the time of the lock is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    const [code = ''] = await newRecoveryCodes(user, 1);
    const login = await newSession(user);
    for (let failures = 0; failures < 10; failures += 1) {
      expect(outcome(await check(login, 'aaaaa-aaaaa'))).toBe('DOMAIN-6uvh0');
      vi.setSystemTime(Date.now() + 60_000);
    }
    const locked = await check(login, code);
    expect(locked).toMatchObject({ ok: false, problem: { kind: 'failed-precondition', id: 'COMMAND-2w6oa', message: 'User is locked' } });
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(await checkAnew(user, code)).toBe('ok');
  });

  it('are remembered as spent while their set is there, and not for ever', async () => {
    const user = await newUser();
    for (let round = 0; round < 4; round += 1) {
      const codes = await newRecoveryCodes(user, 3);
      for (const code of codes) expect(await checkAnew(user, code)).toBe('ok');
      expect(await remembered(user)).toBe(3);
      const [first = ''] = codes;
      expect(await checkAnew(user, first)).toBe('DOMAIN-6uvh0');
    }
  });

  it('stay spent while an attempt is in flight that began before their set was replaced', async () => {
    const user = await newUser();
    const cell = env.USERS.getByName(user.cell);
    const [old = ''] = await newRecoveryCodes(user, 1);
    expect(await checkAnew(user, old)).toBe('ok');
    const [fresh = '', another = ''] = await newRecoveryCodes(user, 2);
    const tries = [{ method: 'recoveryCode' as const }];
    await cell.load(user.id);
    const rival = await cell.reserve({ userId: user.id, tries });
    if (rival.kind !== 'reserved') throw new Error(rival.kind);
    expect(await checkAnew(user, fresh)).toBe('ok');
    expect(await remembered(user)).toBe(2);
    await cell.settle({ reservationId: rival.id, userId: user.id, attemptId: 'rival', verdicts: [] });
    expect(await checkAnew(user, another)).toBe('ok');
    expect(await remembered(user)).toBe(2);
    expect(await checkAnew(user, old)).toBe('DOMAIN-6uvh0');
  });

  it('of a set whose replacement the user\u2019s cell was not told of pass for a minute yet, but none of them twice', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newUser();
    const [old = '', older = ''] = await newRecoveryCodes(user, 2);
    expect(await checkAnew(user, older)).toBe('ok');
    await writeRecoveryCodes(user, ['fresh-fresh', 'fresh-again']);
    expect([await checkAnew(user, old), await checkAnew(user, old), await checkAnew(user, older)]).toEqual(['ok', 'DOMAIN-6uvh0', 'DOMAIN-6uvh0']);
    vi.setSystemTime(Date.now() + 60_000);
    expect([await checkAnew(user, 'fresh-fresh'), await checkAnew(user, old)]).toEqual(['ok', 'DOMAIN-6uvh0']);
    expect(await remembered(user)).toBe(1);
  });

  it('do not pass again in the session whose token the first use has replaced', async () => {
    const user = await newUser();
    const [code = ''] = await newRecoveryCodes(user, 1);
    const login = await newSession(user);
    const token = tokenAfter(await check(login, code));
    expect(outcome(await check({ ...login, token }, code))).toBe('DOMAIN-6uvh0');
  });
});
