import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { configOf } from '../../src/config.ts';
import { callerOf } from '../../src/http/caller.ts';
import { cells, must, newSession, newUser, passwordCheck, patch, tokenAfter } from './world.ts';

const ask = (token: string, settings: object) =>
  callerOf(`Bearer ${token}`, { config: configOf({ ...env, ...settings }), db: env.DB, cells }, Date.now());

describe('FORCE_MFA', () => {
  it('takes no session as a bearer in which one factor is verified; without it, one is enough', async () => {
    const user = await newUser();
    const token = tokenAfter(await patch(await newSession(user), passwordCheck()));
    expect(must(await ask(token, { FORCE_MFA: 'false' }))).toMatchObject({ kind: 'session', userId: user.id });
    expect(await ask(token, { FORCE_MFA: 'true' })).toEqual({
      ok: false,
      problem: { kind: 'permission-denied', id: 'AUTHZ-Kl3p0', message: 'mfa required' },
    });
  });
});
