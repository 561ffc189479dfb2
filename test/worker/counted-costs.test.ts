import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { type Bill, billOf, countCells } from './bill.ts';
import { type Login, newSession, newUser, outcome, passwordCheck, patch } from './world.ts';

describe('probe', () => {
  it('counts', async () => {
    const user = await newUser();
    const login = await newSession(user);
    await countCells(env.SESSIONS.getByName(login.sessionCell), env.USERS.getByName(user.cell));
    const go = async (name: string, command: Parameters<typeof patch>[1]) => {
      let r: unknown;
      const bill = await billOf(async () => {
        r = outcome(await patch({ ...login, token: undefined }, command));
      });
      console.log(name, r, JSON.stringify(bill));
    };
    for (let n = 0; n < 3; n += 1) await go('metadata', { metadata: [['a', btoa(String(n))]] });
    await go('lifetime', { lifetimeMs: 60_000 });
    await go('lifetime', { lifetimeMs: 61_000 });
    for (let n = 0; n < 3; n += 1) await go('user', { checks: { user: { userId: user.id } } });
    for (let n = 0; n < 3; n += 1) await go('password', passwordCheck());
  });
});
