import { utf8 } from '../base64.ts';
import { fromCryptBase64 } from './crypt-base64.ts';
import { type Hash, hashOfParts } from './hash-of-parts.ts';
import type { Scheme } from './scheme.ts';

const ROUNDS = 1000;
const DIGEST_BYTES = 16;

/** In which order crypt(3) writes the digest's bytes. */
const WRITTEN_ORDER = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

/**
 * MD5-crypt as FreeBSD's crypt(3) has it (Kamp, 1994), `$1$<salt>$<digest>`. Far too fast for passwords, which the pepper makes up for. Its steps
 * are here because no kept-up package has them.
 */
export const md5Crypt: Scheme = {
  most: 'MD5-crypt: any',

  read(encoded) {
    const [, recipe = '', text = ''] = /^(.*)\$([^$]+)$/.exec(encoded) ?? [];
    const digest = fromCryptBase64(text);
    return saltOf(recipe) === undefined || digest?.byteLength !== DIGEST_BYTES ? undefined : { recipe, digest };
  },

  async derive(password, recipe) {
    const salt = saltOf(recipe);
    return salt === undefined ? undefined : md5CryptDigest(await hashOfParts('md5'), utf8(password), utf8(salt));
  },
};

const saltOf = (recipe: string): string | undefined => /^\$1\$([!-#%-~]{1,8})$/.exec(recipe)?.[1];

function md5CryptDigest(md5: Hash, password: Uint8Array, salt: Uint8Array): Uint8Array<ArrayBuffer> {
  const inner = md5(password, salt, password);
  let digest = md5(password, utf8('$1$'), salt, repeated(inner, password.byteLength), byBits(password));
  for (let round = 0; round < ROUNDS; round += 1) digest = md5(...partsOf(round, digest, password, salt));
  return Uint8Array.from(WRITTEN_ORDER, (at) => digest[at] ?? 0);
}

function partsOf(round: number, digest: Uint8Array, password: Uint8Array, salt: Uint8Array): Uint8Array[] {
  const [first, last] = round % 2 === 1 ? [password, digest] : [digest, password];
  return [first, ...(round % 3 === 0 ? [] : [salt]), ...(round % 7 === 0 ? [] : [password]), last];
}

/** For each bit of the password's length, the lowest first: a zero byte for a 1, the password's first byte for a 0. */
function byBits(password: Uint8Array): Uint8Array {
  const bits = password.byteLength === 0 ? [] : [...password.byteLength.toString(2)].reverse();
  return Uint8Array.from(bits, (bit) => (bit === '1' ? 0 : (password[0] ?? 0)));
}

const repeated = (digest: Uint8Array, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => digest[at % digest.byteLength] ?? 0);
