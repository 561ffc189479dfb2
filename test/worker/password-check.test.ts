import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/crypto/password-hash.ts';
import { config, must, newSession, newUser, outcome, PASSWORD, passwordCheck, patch, read } from './world.ts';

const STRANGE = {
  'under a pepper that is no longer listed': async () => (await hashPassword(PASSWORD, config.passwords)).replace('k=1', 'k=9'),
  'in an encoding that nobody knows': async () => '$strange$abc',
  'whose salt is no base64': async () => (await hashPassword(PASSWORD, config.passwords)).replace(/\$[^$]{24}$/, `$${'*'.repeat(24)}`),
  'that is damaged': async () => (await hashPassword(PASSWORD, config.passwords)).slice(0, 40),
};

describe('a password hash', () => {
  for (const [what, hash] of Object.entries(STRANGE)) {
    it(`${what} is told clearly, passes nobody and counts for nothing`, async () => {
      const user = await newUser({ passwordHash: await hash() });
      const login = await newSession(user);
      for (let attempt = 0; attempt < 12; attempt += 1) expect(outcome(await patch(login, passwordCheck()))).toBe('COMMAND-CahN2');
      expect(must(await read(login)).session.factors).toEqual({});
    });
  }

  it('of a machine, or of nobody, is no attempt: however often it is tried, nothing is counted', async () => {
    for (const [overrides, id] of [
      [{ kind: 'machine' }, 'COMMAND-3n77z'],
      [{ passwordHash: null }, 'COMMAND-3nJ4t'],
    ] as const) {
      const login = await newSession(await newUser(overrides));
      for (let attempt = 0; attempt < 12; attempt += 1) expect(outcome(await patch(login, passwordCheck()))).toBe(id);
    }
  });
});
