import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { configOf } from '../../src/config.ts';
import { ok } from '../../src/core/result.ts';
import { callerOf } from '../../src/http/caller.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { cells, must, newSession, newUser, PASSWORD, passwordCheck, patch, tokenAfter } from './world.ts';

const passFence = async () => ok(undefined);
const ask = (token: string, settings: object, now = Date.now()) =>
  callerOf(`Bearer ${token}`, { config: configOf({ ...env, ...settings }), db: env.DB, cells, passFence }, now);

const mfaRequired = { ok: false, problem: { kind: 'permission-denied', id: 'AUTHZ-Kl3p0', message: 'mfa required' } };

describe('FORCE_MFA', () => {
  it('takes no session as a bearer in which one factor is verified; without it, one is enough', async () => {
    const user = await newUser();
    const token = tokenAfter(await patch(await newSession(user), passwordCheck()));
    expect(must(await ask(token, { FORCE_MFA: 'false' }))).toMatchObject({ kind: 'session', userId: user.id });
    expect(await ask(token, { FORCE_MFA: 'true' })).toEqual(mfaRequired);
  });

  it('takes a session in which two factors are verified', async () => {
    const user = await newUser();
    const [code = ''] = await newRecoveryCodes(user, 1);
    const checks = { password: { password: PASSWORD }, recoveryCode: { code } };
    const token = tokenAfter(await patch(await newSession(user), { checks }));
    expect(must(await ask(token, { FORCE_MFA: 'true' }))).toMatchObject({ kind: 'session', userId: user.id });
  });
});

describe('a second factor that its user has', () => {
  it.each([
    ["UPDATE user SET otp_email = 1, email = 'mini@mouse.com', email_verified = ?2 WHERE id = ?1", 'codes by e-mail'],
    ["UPDATE user SET otp_sms = 1, phone = '+41791234567', phone_verified = ?2 WHERE id = ?1", 'codes by SMS'],
    ["INSERT INTO totp (user_id, seed, verified, creation_date) VALUES (?1, '', ?2, 0)", 'TOTP'],
  ])('is asked for once it is ready: %s', async (sql) => {
    for (const ready of [0, 1]) {
      const user = await newUser();
      await env.DB.prepare(sql).bind(user.id, ready).run();
      const token = tokenAfter(await patch(await newSession(user), passwordCheck()));
      const answer = await ask(token, {});
      if (ready === 0) expect(must(answer)).toMatchObject({ kind: 'session', userId: user.id });
      else expect(answer).toEqual(mfaRequired);
    }
  });

  it('is asked for half a minute after it was added at the latest, like roles', async () => {
    const user = await newUser();
    const token = tokenAfter(await patch(await newSession(user), passwordCheck()));
    const now = Date.now();
    must(await ask(token, {}, now));
    await env.DB.prepare("UPDATE user SET otp_email = 1, email = 'mini@mouse.com', email_verified = 1 WHERE id = ?1").bind(user.id).run();
    must(await ask(token, {}, now + 29_000));
    expect(await ask(token, {}, now + 30_000)).toEqual(mfaRequired);
  });
});
