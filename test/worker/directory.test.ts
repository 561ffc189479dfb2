import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { replacePassword } from '../../src/directory/passwords.ts';
import { mirrorStanding } from '../../src/directory/standing.ts';
import { findUser } from '../../src/directory/users.ts';
import { newUser } from './world.ts';

const stored = (userId: string) => findUser(env.DB, { userId });

describe('the directory', () => {
  it('lets one of two passwords win that were set on top of the same one', async () => {
    const { id, passwordVersion } = await newUser();
    const replace = (passwordHash: string) =>
      replacePassword(env.DB, { userId: id, passwordHash, changeRequired: false, expectedVersion: passwordVersion }, 1);
    expect(await replace('first')).toBeDefined();
    expect(await replace('second')).toBeUndefined();
    expect((await stored(id))?.passwordHash).toBe('first');
  });

  it('never lets an older standing overwrite a newer one, nor bring a deleted user back', async () => {
    const { id } = await newUser();
    await mirrorStanding(env.DB, id, { state: 'active', epoch: 5 }, 1);
    await mirrorStanding(env.DB, id, { state: 'locked', epoch: 4 }, 2);
    expect(await stored(id)).toMatchObject({ state: 'active', epoch: 5 });
    await mirrorStanding(env.DB, id, { state: 'deleted', epoch: 6 }, 3);
    await mirrorStanding(env.DB, id, { state: 'locked', epoch: 4 }, 4);
    expect(await stored(id)).toBeUndefined();
  });
});
