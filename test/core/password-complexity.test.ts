import { describe, expect, it } from 'vitest';
import { complexityProblem } from '../../src/core/user/password-complexity.ts';

const idOf = (password: string) => complexityProblem(password, 'DOMAIN')?.id;

describe('password complexity', () => {
  it('lets pass what has eight bytes and every class', () => {
    for (const password of ['V3ryS3cure!', 'aA1 aaaa', 'aA1!aaaa', 'Aa1ééé']) expect(idOf(password), password).toBeUndefined();
  });

  it('names the first rule that is broken, in Zitadel’s order', () => {
    expect(idOf('')).toBe('DOMAIN-HuJf6');
    expect(idOf('aA1!aaa')).toBe('DOMAIN-HuJf6');
    expect(idOf('AAAAAAAA')).toBe('DOMAIN-co3Xw');
    expect(idOf('aaaaaaaa')).toBe('DOMAIN-VoaRj');
    expect(idOf('aaaaAAAA')).toBe('DOMAIN-ZBv4H');
    expect(idOf('aaaAAA11')).toBe('DOMAIN-ZDLwA');
  });

  it('counts bytes, so that four letters beyond ASCII are eight', () => {
    expect(idOf('éééé')).toBe('DOMAIN-co3Xw');
  });

  it('counts only ASCII letters and digits as such', () => {
    expect(idOf('éÉ٣!éÉ٣!')).toBe('DOMAIN-co3Xw');
    expect(idOf('aAaAaA٣٣')).toBe('DOMAIN-ZBv4H');
  });

  it('uses the other prefix while a user is created', () => {
    expect(complexityProblem('short', 'COMMA')).toEqual({ kind: 'invalid-argument', id: 'COMMA-HuJf6', message: 'Password is too short' });
  });
});
