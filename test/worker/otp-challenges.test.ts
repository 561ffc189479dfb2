import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { GUESSES_MOST } from '../../src/core/user/attempts.ts';
import { recoveryTag } from '../../src/crypto/one-time-code.ts';
import { asksFor, codeOf, emailCode, newOtpUser, otherThan, returned, sent } from './otp-user.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { cells, config, interposed, type Login, must, newSession, newUser, outcome, patch, read } from './world.ts';

const MINUTE = 60_000;
const factorsOf = async (login: Login) => Object.keys(must(await read(login)).session.factors);

/** A session of a new person with a code that was handed back. */
async function challenged() {
  const user = await newOtpUser();
  const before = await newSession(user);
  return { user, ...codeOf(before, await patch(before, returned)) };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a code of a session', () => {
  it('is eight digits, sealed where it is kept, and verifies the factor once', async () => {
    const { code, login } = await challenged();
    expect(code).toMatch(/^\d{8}$/);
    expect(JSON.stringify(must(await read(login)))).not.toContain(code);
    const right = await patch(login, emailCode(code));
    expect(outcome(right)).toBe('ok');
    expect(await factorsOf(login)).toEqual(['otpEmail']);
    expect(outcome(await patch(codeOf(login, right).login, emailCode(code)))).toBe('COMMAND-S34gh');
  });

  it('is one of SMS or one of e-mail, and neither serves for the other', async () => {
    const login = await newSession(await newOtpUser());
    const answer = await patch(login, asksFor({ otpSms: { returnCode: true }, otpEmail: { returnCode: true } }));
    const { handedBack: codes, sessionToken: token = '' } = must(answer);
    expect(codes.otpSms).not.toBe(codes.otpEmail);
    const now = { ...login, token };
    expect(outcome(await patch(now, { checks: { otpSms: { code: codes.otpEmail ?? '' } } }))).toBe('CODE-woT0xc');
    expect(outcome(await patch(now, { checks: { otpSms: { code: codes.otpSms ?? '' }, otpEmail: { code: codes.otpEmail ?? '' } } }))).toBe('ok');
    expect(await factorsOf(now)).toEqual(['otpSms', 'otpEmail']);
  });

  it('is void after five wrong guesses: the right one is then not found', async () => {
    const { code, login } = await challenged();
    for (let guess = 0; guess < GUESSES_MOST; guess += 1) expect(outcome(await patch(login, emailCode(otherThan(code))))).toBe('CODE-woT0xc');
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-S34gh');
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-S34gh');
  });

  it('is guessed at no more than five times by many who guess at once', async () => {
    const { code, login } = await challenged();
    const guesses = await Promise.all(Array.from({ length: 16 }, () => patch(login, emailCode(otherThan(code)))));
    const told = guesses.map(outcome);
    expect(told.filter((id) => id === 'CODE-woT0xc')).toHaveLength(GUESSES_MOST);
    expect(told.filter((id) => id === 'COMMAND-S34gh')).toHaveLength(16 - GUESSES_MOST);
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-S34gh');
  });

  it('verifies one of many who present it with the same token at once', async () => {
    const { code, login } = await challenged();
    const told = (await Promise.all(Array.from({ length: 16 }, () => patch(login, emailCode(code))))).map(outcome);
    expect(told.filter((id) => id === 'ok')).toHaveLength(1);
    for (const id of told) expect(['ok', 'COMMAND-sGr42', 'COMMAND-S34gh']).toContain(id);
  });

  it('stays open when another check of the request fails', async () => {
    const { code, login } = await challenged();
    const both = { checks: { otpEmail: { code }, recoveryCode: { code: 'aaaaa-aaaaa' } } };
    expect(outcome(await patch(login, both))).toBe('COMMAND-84rgg');
    expect(outcome(await patch(login, emailCode(code)))).toBe('ok');
  });

  it('is replaced by the next one', async () => {
    const { code, login } = await challenged();
    const next = codeOf(login, await patch(login, returned));
    expect(next.code).not.toBe(code);
    expect(outcome(await patch(next.login, emailCode(code)))).toBe('CODE-woT0xc');
    expect(outcome(await patch(next.login, emailCode(next.code)))).toBe('ok');
  });

  it('is no code of another session of the same person', async () => {
    const { user, code } = await challenged();
    const other = await newSession(user);
    expect(outcome(await patch(other, emailCode(code)))).toBe('COMMAND-S34gh');
    const { login, code: its } = codeOf(other, await patch(other, returned));
    expect(outcome(await patch(login, emailCode(code)))).toBe('CODE-woT0xc');
    expect(outcome(await patch(login, emailCode(its)))).toBe('ok');
  });

  it('is not seen by a check of the request that opens it', async () => {
    const login = await newSession(await newOtpUser());
    expect(outcome(await patch(login, { ...returned, ...emailCode('12345678') }))).toBe('COMMAND-S34gh');
  });

  it('lasts five minutes to the millisecond; one that comes too late is a failure', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const { code, login } = await challenged();
    vi.setSystemTime(Date.now() + 5 * MINUTE - 1);
    expect(outcome(await patch(login, emailCode(otherThan(code))))).toBe('CODE-woT0xc');
    vi.setSystemTime(Date.now() + 1);
    for (let guess = 1; guess < GUESSES_MOST; guess += 1) expect(outcome(await patch(login, emailCode(code)))).toBe('CODE-QvUQ4P');
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-S34gh');
  });

  it('locks its method after ten failures in a row over as many codes as it takes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    let { code, login } = await challenged();
    for (let failures = 0; failures < 10; failures += 1) {
      if (failures === GUESSES_MOST) ({ code, login } = codeOf(login, await patch(login, returned)));
      vi.setSystemTime(Date.now() + MINUTE);
      expect(outcome(await patch(login, emailCode(otherThan(code)))), String(failures)).toMatch(/CODE-woT0xc|CODE-QvUQ4P/);
    }
    ({ code, login } = codeOf(login, await patch(login, returned)));
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-S6h4R');
  });

  it('is not found once the person has another address', async () => {
    const { user, code, login } = await challenged();
    await env.DB.prepare("UPDATE user SET email = 'elsewhere@mouse.com' WHERE id = ?1").bind(user.id).run();
    await cells.user(user.cell).forget(user.id);
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-S34gh');
    const next = codeOf(login, await patch(login, returned));
    expect(outcome(await patch(next.login, emailCode(next.code)))).toBe('ok');
  });

  it('is refused once the address is no factor any more', async () => {
    const { user, code, login } = await challenged();
    await env.DB.prepare('UPDATE user SET email_verified = 0 WHERE id = ?1').bind(user.id).run();
    await cells.user(user.cell).forget(user.id);
    expect(outcome(await patch(login, emailCode(code)))).toBe('COMMAND-d2r52');
  });
});

describe('a challenge', () => {
  it('needs a user and the factor, and so does its check', async () => {
    const [nobody, bare] = [await newSession(), await newSession(await newUser())];
    const rows = [
      [nobody, asksFor({ otpSms: { returnCode: true } }), 'COMMAND-JKL3g'],
      [nobody, asksFor({ otpEmail: { returnCode: true } }), 'COMMAND-JK3gp'],
      [nobody, emailCode('1'), 'COMMAND-S453v'],
      [nobody, { checks: { otpSms: { code: '1' } } }, 'COMMAND-S453v'],
      [bare, asksFor({ otpSms: { returnCode: true } }), 'COMMAND-BJ2g3'],
      [bare, asksFor({ otpEmail: { returnCode: true } }), 'COMMAND-JKLJ3'],
      [bare, emailCode('1'), 'COMMAND-d2r52'],
      [bare, { checks: { otpSms: { code: '1' } } }, 'COMMAND-d2r52'],
    ] as const;
    for (const [login, command, id] of rows) expect(outcome(await patch(login, command))).toBe(id);
  });

  it('may come with the user check that it needs', async () => {
    const user = await newOtpUser();
    const login = await newSession();
    const { code, login: next } = codeOf(login, await patch(login, { checks: { user: { userId: user.id } }, ...returned }));
    expect(outcome(await patch(next, emailCode(code)))).toBe('ok');
  });

  it('that may not be sent spends nothing of the request that asks for it', async () => {
    const user = await newOtpUser();
    const [recoveryCode = ''] = await newRecoveryCodes(user, 1);
    expect(outcome(await patch(await newSession(user), sent))).toBe('ok');
    const check = { checks: { recoveryCode: { code: recoveryCode } } };
    expect(outcome(await patch(await newSession(user), { ...check, ...sent }))).toBe('SALLY-Sends');
    expect(outcome(await patch(await newSession(user), check))).toBe('ok');
  });

  it('is sent to an address once in 30 seconds, and five times an hour; what is handed back is not counted', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const user = await newOtpUser();
    let login = await newSession(user);
    const ask = async (command = sent) => {
      const answer = await patch(login, command);
      if (answer.ok) login = codeOf(login, answer).login;
      return answer;
    };
    expect(outcome(await ask())).toBe('ok');
    for (let times = 0; times < 8; times += 1) expect(outcome(await ask(returned))).toBe('ok');
    expect(await ask()).toMatchObject({ problem: { kind: 'resource-exhausted', id: 'SALLY-Sends', evidence: { retryAfterSeconds: '30' } } });
    expect(outcome(await patch(await newSession(user), sent))).toBe('SALLY-Sends');
    expect(outcome(await ask(asksFor({ otpSms: { returnCode: false } })))).toBe('ok');
    for (let times = 1; times < 5; times += 1) {
      vi.setSystemTime(Date.now() + MINUTE / 2);
      expect(outcome(await ask())).toBe('ok');
    }
    vi.setSystemTime(Date.now() + MINUTE);
    expect(await ask()).toMatchObject({ problem: { evidence: { retryAfterSeconds: String(57 * 60) } } });
    vi.setSystemTime(Date.now() + 57 * MINUTE);
    expect(outcome(await ask())).toBe('ok');
  });

  it('for which there is no factor has a right code beside it spend nothing', async () => {
    const user = await newOtpUser();
    await env.DB.prepare('UPDATE user SET otp_sms = 0 WHERE id = ?1').bind(user.id).run();
    const tag = await recoveryTag(config.passwords.peppers, user.id, 'abcde-fghjk');
    await env.DB.prepare('INSERT INTO recovery_code (user_id, tag) VALUES (?1, ?2)').bind(user.id, tag).run();
    const login = await newSession(user);
    const right = { checks: { recoveryCode: { code: 'abcde-fghjk' } } };
    expect(outcome(await patch(login, { ...right, ...asksFor({ otpSms: { returnCode: true } }) }))).toBe('COMMAND-BJ2g3');
    const elsewhere = await newSession(user);
    expect(outcome(await patch(elsewhere, right))).toBe('ok');
    expect(outcome(await patch(login, right))).toBe('DOMAIN-6uvh0');
  });

  it('of a request without a token that is overtaken is counted once', async () => {
    const login = await newSession(await newOtpUser());
    let overtaken = false;
    const overtaking = interposed(async (verb) => {
      if (verb !== 'commit' || overtaken) return;
      overtaken = true;
      expect(outcome(await patch({ ...login, token: undefined }, { metadata: [['a', 'MQ==']] }))).toBe('ok');
    });
    expect(outcome(await patch({ ...login, token: undefined }, sent, { cells: overtaking }))).toBe('ok');
    expect(overtaken).toBe(true);
  });

  it('of a request whose check fails is not opened, and counts for no send', async () => {
    const user = await newOtpUser();
    const login = await newSession(user);
    expect(outcome(await patch(login, { checks: { password: { password: 'wrong' } }, ...sent }))).toBe('COMMAND-3M0fs');
    expect(outcome(await patch(login, sent))).toBe('ok');
  });
});
