import { describe, expect, it, vi } from 'vitest';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { Walk } from '../../src/login-step/walk.ts';
import { codeOf, configure, emailCode, newOtpUser, returned, sent } from './otp-user.ts';
import { httpPeer, requestsAt } from './post-office.ts';
import { interposed, type Login, must, newSession, outcome, patch } from './world.ts';

/** One PATCH with the same Idempotency-Key each time. */
const repeat = (login: Login, command: Partial<UpdateSession>, within: Partial<Walk> = {}) =>
  patch(login, command, within, { key: 'key', body: JSON.stringify(command) });

describe('a request with an Idempotency-Key that opens a code', () => {
  it('is told the same code each time, also when 16 come at once', async () => {
    const login = await newSession(await newOtpUser());
    const answers = (await Promise.all(Array.from({ length: 16 }, () => repeat(login, returned)))).map(must);
    const [first] = answers;
    expect(first?.handedBack.otpEmail).toMatch(/^\d{8}$/);
    for (const { sessionToken, handedBack } of answers)
      expect({ sessionToken, handedBack }).toEqual({ sessionToken: first?.sessionToken, handedBack: first?.handedBack });
    const next = { ...login, token: first?.sessionToken ?? '' };
    expect(outcome(await patch(next, emailCode(first?.handedBack.otpEmail ?? '')))).toBe('ok');
  });

  it('has it sent once, and counted as one send', async () => {
    const port = await httpPeer({ answers: [200] });
    const login = await newSession(await newOtpUser());
    await configure(login, {
      EMAIL_PROVIDER: 'http',
      EMAIL_HTTP_URL: `http://127.0.0.1:${port}/`,
      EMAIL_HTTP_SIGNING_KEY: 'a signing key of this test',
    });
    const answers = await Promise.all(Array.from({ length: 16 }, () => repeat(login, sent)));
    expect(answers.map(outcome)).toEqual(Array(16).fill('ok'));
    await vi.waitFor(async () => expect(await requestsAt(port)).toHaveLength(1), { timeout: 10_000 });
    expect(outcome(await repeat(login, sent))).toBe('ok');
    expect(await requestsAt(port)).toHaveLength(1);
  });
});

describe('a request with an Idempotency-Key that gives a code', () => {
  async function challenged() {
    const before = await newSession(await newOtpUser());
    return codeOf(before, await patch(before, returned));
  }

  it('is carried out once and told the same 16 times, when 16 come at once', async () => {
    const { code, login } = await challenged();
    const answers = await Promise.all(Array.from({ length: 16 }, () => repeat(login, emailCode(code))));
    expect(new Set(answers.map((answer) => must(answer).sessionToken)).size).toBe(1);
  });

  it('is repeated to success when the walk of the first ended between its settle and its commit', async () => {
    const { code, login } = await challenged();
    const ending = interposed((verb) => {
      if (verb === 'commit') throw new Error('the walk ended');
    });
    await expect(repeat(login, emailCode(code), { cells: ending })).rejects.toThrow('the walk ended');
    const again = must(await repeat(login, emailCode(code)));
    expect(must(await repeat(login, emailCode(code))).sessionToken).toBe(again.sessionToken);
  });
});
