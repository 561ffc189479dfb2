import { argon2 } from './argon2.ts';
import { bcrypt } from './bcrypt.ts';
import { chainedPbkdf2 } from './chained-pbkdf2.ts';
import { md5Crypt } from './md5-crypt.ts';
import { pbkdf2 } from './pbkdf2.ts';
import type { Scheme } from './scheme.ts';
import { scrypt } from './scrypt.ts';
import { sha2Crypt } from './sha2-crypt.ts';

/** Every scheme, by the name that stands between the first two dollars. Ours begin with `sallyport-`. */
const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ['sallyport-pbkdf2-sha512', chainedPbkdf2],
  ['sallyport-argon2id', argon2],
  ['sallyport-scrypt', scrypt],
  ...['2a', '2b', '2y'].map((name) => [name, bcrypt] as const),
  ...['argon2i', 'argon2id'].map((name) => [name, argon2] as const),
  ...['scrypt', '7'].map((name) => [name, scrypt] as const),
  ...['pbkdf2', 'pbkdf2-sha224', 'pbkdf2-sha256', 'pbkdf2-sha384', 'pbkdf2-sha512'].map((name) => [name, pbkdf2] as const),
  ...['5', '6'].map((name) => [name, sha2Crypt] as const),
  ['1', md5Crypt],
]);

/** The scheme of a hash or of a recipe, by its name; undefined when nobody knows it. */
export const schemeOf = (encoded: string): Scheme | undefined => SCHEMES.get(/^\$([^$]*)\$/.exec(encoded)?.[1] ?? '');
