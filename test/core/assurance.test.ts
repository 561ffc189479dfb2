import { describe, expect, it } from 'vitest';
import { assuranceOf } from '../../src/core/session/assurance.ts';
import type { Factors } from '../../src/core/session/session.ts';

const at = (verifiedAt: number) => ({ verifiedAt });
const password = (verifiedAt = 1) => ({ password: { verifiedAt, version: 1 } });
const key = (userVerified: boolean, verifiedAt = 1) => ({ webAuthN: { verifiedAt, userVerified } });

/** Factors, and what they come to: methods in the order of the checks, `mfa` last. */
const ROWS: readonly [what: string, factors: Factors, amr: string[], aal: number][] = [
  ['no factor', {}, [], 0],
  ['a password', password(), ['pwd'], 1],
  ['a code of an app', { totp: at(1) }, ['otp'], 1],
  ['a code by SMS', { otpSms: at(1) }, ['otp'], 1],
  ['a code by e-mail', { otpEmail: at(1) }, ['otp'], 1],
  ['a security key that did not verify its user', key(false), ['user'], 1],
  ['a passkey that verified its user', key(true), ['user', 'mfa'], 2],
  ['an identity provider', { idpIntent: at(1) }, [], 1],
  ['a recovery code', { recoveryCode: at(1) }, [], 1],
  ['a password and a code of an app', { ...password(), totp: at(1) }, ['pwd', 'otp', 'mfa'], 2],
  ['a password and a security key', { ...password(), ...key(false) }, ['pwd', 'user', 'mfa'], 2],
  ['a password and a passkey', { ...password(), ...key(true) }, ['pwd', 'user', 'mfa'], 2],
  ['a password and a recovery code', { ...password(), recoveryCode: at(1) }, ['pwd', 'mfa'], 2],
  ['an identity provider and a code by e-mail', { idpIntent: at(1), otpEmail: at(1) }, ['otp', 'mfa'], 2],
  ['an identity provider and a recovery code', { idpIntent: at(1), recoveryCode: at(1) }, ['mfa'], 2],
  ['two kinds of codes, which are named once', { totp: at(1), otpSms: at(1) }, ['otp', 'mfa'], 2],
  [
    'everything there is',
    { ...password(), idpIntent: at(1), ...key(true), totp: at(1), otpSms: at(1), otpEmail: at(1), recoveryCode: at(1) },
    ['pwd', 'user', 'otp', 'mfa'],
    2,
  ],
];

describe('what the factors of a session come to', () => {
  for (const [what, factors, amr, aal] of ROWS) {
    it(`with ${what} is AAL${aal}, ${amr.join(' ') || 'no method'}`, () => {
      expect(assuranceOf({ factors })).toMatchObject({ amr, aal });
    });
  }

  it('dates from the latest proof, whichever it is', () => {
    expect(assuranceOf({ factors: { ...password(30), totp: at(20) } }).authTime).toBe(30);
    expect(assuranceOf({ factors: { ...password(10), ...key(false, 40), totp: at(20) } }).authTime).toBe(40);
    expect(assuranceOf({ factors: {} }).authTime).toBeUndefined();
  });

  it('takes a factor that was dropped for none', () => {
    const factors = { password: undefined, totp: at(5) } as unknown as Factors;
    expect(assuranceOf({ factors })).toEqual({ amr: ['otp'], aal: 1, authTime: 5 });
  });
});
