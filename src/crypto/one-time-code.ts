import { toBase64, utf8 } from './base64.ts';
import { sameDigest } from './digest.ts';
import { type KeyRing, mac } from './key-ring.ts';

export const DIGITS = '0123456789';
export const CAPITALS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
export const LETTERS_AND_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Crockford's base32: no letter that is taken for another. */
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

const RECOVERY_CODE_LENGTH = 10;

/** A random code, each of its characters equally likely: numbers that would bias the draw are drawn again. */
export function newCode(length: number, alphabet: string): string {
  const fair = 256 - (256 % alphabet.length);
  let code = '';
  while (code.length < length) {
    const [byte = 255] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < fair) code += alphabet[byte % alphabet.length];
  }
  return code;
}

/** A fresh recovery code: ten characters (50 bits) with a hyphen in the middle. */
export function newRecoveryCode(): string {
  const code = newCode(RECOVERY_CODE_LENGTH, CROCKFORD);
  return `${code.slice(0, RECOVERY_CODE_LENGTH / 2)}-${code.slice(RECOVERY_CODE_LENGTH / 2)}`;
}

/** Whether two codes are the same, in a time that does not tell where they differ. */
export const sameCode = (given: string, expected: string): boolean => sameDigest(given, expected);

/** How a code that has to be read again is sealed: for the session, or the user, that it belongs to, and for the address that it is good for. */
export const codeLabel = (owner: string, address: string) => ({ purpose: 'one-time code', owner: JSON.stringify([owner, address]) });

/** The form in which a recovery code is stored. However it was typed, it is the same. */
export const recoveryTag = (peppers: KeyRing, userId: string, code: string, key = peppers.newest): Promise<string | undefined> =>
  codeTag(peppers, ['recovery code', userId, code.toLowerCase().replace(/[\s-]/g, '').replaceAll('o', '0').replace(/[il]/g, '1')], key);

/** A code as it is stored where it need not be read again: a MAC under the pepper, which names its key, so that no stolen database is searched through. */
export async function codeTag(peppers: KeyRing, parts: readonly string[], key = peppers.newest): Promise<string | undefined> {
  const tag = await mac(peppers, key, utf8(JSON.stringify(parts)));
  return tag && `${key}.${toBase64(tag)}`;
}
