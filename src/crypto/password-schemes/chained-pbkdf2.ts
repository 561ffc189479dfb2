import { utf8 } from '../base64.ts';
import type { Scheme } from './scheme.ts';
import { MOST_ROUNDS_PER_CALL, webPbkdf2 } from './web-pbkdf2.ts';

const DIGEST_BYTES = 64;

/**
 * Our own: PBKDF2-HMAC-SHA-512 in calls of 100,000 rounds at most, each fed with the digest of the one before, as the production runtime
 * allows no more in one. `$sallyport-pbkdf2-sha512$i=210000$<salt>`. None is made elsewhere, so none is imported.
 */
export const chainedPbkdf2: Scheme = {
  most: 'none',

  read: () => undefined,

  async derive(password, recipe) {
    const [, rounds, salt] = /^\$sallyport-pbkdf2-sha512\$i=([1-9]\d{0,6})\$([A-Za-z0-9+/]{22}==)$/.exec(recipe) ?? [];
    if (salt === undefined) return undefined;
    const saltBytes = Uint8Array.fromBase64(salt) as Uint8Array<ArrayBuffer>;
    let derived = utf8(password);
    for (let left = Number(rounds); left > 0; left -= MOST_ROUNDS_PER_CALL) {
      derived = await webPbkdf2('SHA-512', derived, saltBytes, Math.min(left, MOST_ROUNDS_PER_CALL), DIGEST_BYTES);
    }
    return derived;
  },
};
