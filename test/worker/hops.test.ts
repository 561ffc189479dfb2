import { describe, expect, it, vi } from 'vitest';
import type { UpdateSession } from '../../src/core/session/command.ts';
import { interposed, newSession, newUser, outcome, PASSWORD, passwordCheck, patch, cells as realCells } from './world.ts';

describe('the cost of a PATCH, counted', () => {
  it('that waits for rivals and is overtaken meanwhile reserves no further', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const cell = realCells.user(user.cell);
    await cell.load(user.id);
    for (let n = 0; n < 5; n += 1) await cell.reserve({ userId: user.id, tries: [{ method: 'password' }] });
    const hops: string[] = [];
    const cells = interposed(async (verb) => {
      hops.push(verb);
      if (verb === 'reserve') await patch(login, { metadata: [['rival', 'MQ==']] });
    });
    expect(outcome(await patch(login, passwordCheck(), { cells }))).toBe('COMMAND-sGr42');
    expect(hops).toEqual(['peek', 'reserve', 'peek']);
  });

  it('with an unknown user and a password is as many key derivations as with a wrong password', async () => {
    const derivations = vi.spyOn(crypto.subtle, 'deriveBits');
    const counted = async (command: Partial<UpdateSession>, id: string) => {
      const login = await newSession();
      derivations.mockClear();
      expect(outcome(await patch(login, command))).toBe(id);
      return derivations.mock.calls.length;
    };
    const user = await newUser();
    const wrong = await counted({ checks: { user: { userId: user.id }, password: { password: 'wrong' } } }, 'COMMAND-3M0fs');
    const unknown = await counted({ checks: { user: { userId: 'nobody' }, password: { password: 'wrong' } } }, 'QUERY-Dfbg2');
    derivations.mockRestore();
    expect(unknown).toBe(wrong);
    expect(wrong).toBeGreaterThan(0);
  });

  it('that the session refuses reserves nothing and hashes nothing', async () => {
    const user = await newUser();
    const login = await newSession(user);
    const hops: string[] = [];
    const cells = interposed((verb) => {
      hops.push(verb);
    });
    const refused = await patch({ ...login, token: 'wrong' }, { checks: { user: { userId: user.id }, password: { password: PASSWORD } } }, { cells });
    expect(outcome(refused)).toBe('COMMAND-sGr42');
    expect(hops).not.toContain('reserve');
  });
});
