import { describe, expect, it } from 'vitest';
import { emailAddress } from '../../src/core/user/email-address.ts';
import { phoneNumber } from '../../src/core/user/phone-number.ts';

const refusedWith = (id: string) => ({ ok: false, problem: { kind: 'invalid-argument', id } });

describe('an e-mail address', () => {
  it('is taken as it is, without the white space around it', () => {
    for (const address of ['mini@mouse.com', 'm@localhost', 'a.b+c@sub.example.org', "o'neil@x.ie", 'jürgen@example.org']) {
      expect(emailAddress(` ${address}\n`)).toEqual({ ok: true, value: address });
    }
  });

  it('may not be empty', () => {
    for (const input of ['', '  ']) expect(emailAddress(input)).toMatchObject(refusedWith('EMAIL-spblu'));
  });

  it('carries no display name', () => {
    for (const input of ['Mini <mini@mouse.com>', '"Mini" <mini@mouse.com>']) expect(emailAddress(input)).toMatchObject(refusedWith('EMAIL-599GV'));
  });

  it('has a local part, one at sign and a host', () => {
    const long = `${'a'.repeat(65)}@mouse.com`;
    for (const input of [
      'mini',
      '@mouse.com',
      'mini@',
      'a@b@c.d',
      'mi ni@mouse.com',
      '.a@b.c',
      'a..b@c.d',
      'a@-b.c',
      'a@b..c',
      'a@b_c',
      'a\u0000@b.c',
      long,
    ]) {
      expect(emailAddress(input), JSON.stringify(input)).toMatchObject(refusedWith('EMAIL-599BI'));
    }
  });
});

describe('a phone number', () => {
  it('is brought into the form of E.164', () => {
    for (const input of ['+41791234567', '+41 79 123 45 67', ' +41 (79) 123-45-67 ']) {
      expect(phoneNumber(input)).toEqual({ ok: true, value: '+41791234567' });
    }
  });

  it('needs its plus, a country code and a plausible length', () => {
    for (const input of ['0791234567', '0041791234567', '+0791234567', '+41', '+1234567890123456', '+41 79 CALL ME', '+', '++41791234567']) {
      expect(phoneNumber(input), input).toMatchObject(refusedWith('PHONE-so0wa'));
    }
  });
});
