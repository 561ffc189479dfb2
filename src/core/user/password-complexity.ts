import type { Problem } from '../problem.ts';

/** Whose rules a password broke: those of setting one, or those of creating a user. Zitadel tells them apart in its ids. */
export type ComplexityPrefix = 'DOMAIN' | 'COMMA';

/** The shortest password, in bytes of UTF-8. */
export const PASSWORD_LEAST_BYTES = 8;

/**
 * Zitadel's default policy, in the order in which it is looked at. The length counts bytes of UTF-8; a symbol is whatever is neither an ASCII
 * letter nor a digit, so a space and "é" are symbols.
 */
const RULES: readonly { readonly suffix: string; readonly holds: (password: string) => boolean; readonly message: string }[] = [
  { suffix: 'HuJf6', holds: (password) => new TextEncoder().encode(password).byteLength >= PASSWORD_LEAST_BYTES, message: 'Password is too short' },
  { suffix: 'co3Xw', holds: (password) => /[a-z]/.test(password), message: 'Password must contain a lower case letter' },
  { suffix: 'VoaRj', holds: (password) => /[A-Z]/.test(password), message: 'Password must contain an upper case letter' },
  { suffix: 'ZBv4H', holds: (password) => /[0-9]/.test(password), message: 'Password must contain a number' },
  { suffix: 'ZDLwA', holds: (password) => /[^A-Za-z0-9]/.test(password), message: 'Password must contain a symbol' },
];

/** The first rule that a new password breaks; undefined when it keeps them all. Pure: no I/O, no clock. */
export function complexityProblem(password: string, prefix: ComplexityPrefix): Problem | undefined {
  const broken = RULES.find(({ holds }) => !holds(password));
  return broken && { kind: 'invalid-argument', id: `${prefix}-${broken.suffix}`, message: broken.message };
}
