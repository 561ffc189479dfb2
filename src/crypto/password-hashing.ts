import type { KeyRing } from './key-ring.ts';

/** The schemes that new passwords can be hashed with. */
export const PASSWORD_SCHEMES = ['pbkdf2-sha512', 'argon2id', 'scrypt'] as const;
export type PasswordScheme = (typeof PASSWORD_SCHEMES)[number];

/** How passwords are hashed: by which scheme new ones, and under which peppers all of them. */
export interface PasswordHashing {
  readonly scheme: PasswordScheme;
  readonly peppers: KeyRing;
}
