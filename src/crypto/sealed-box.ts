import { toBase64Url, utf8 } from './base64.ts';
import type { KeyRing } from './key-ring.ts';

/** What a box holds and whose it is: a box cannot be opened under another label, so one cannot be put in the place of another. */
export interface Label {
  readonly purpose: string;
  readonly owner: string;
}

const SHAPE = /^(\d{1,6})\.([A-Za-z0-9_-]+)$/;
const NONCE_BYTES = 12;

/**
 * Seals a text with AES-256-GCM (NIST SP 800-38D) under the newest key: `<key number>.<base64url of nonce and ciphertext>`. Key number,
 * purpose and owner are authenticated with it.
 */
export async function seal(ring: KeyRing, label: Label, text: string): Promise<string> {
  const key = await ring.keys.get(ring.newest);
  if (key === undefined) throw new Error('the newest key is missing');
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: dataOf(ring.newest, label) }, key, utf8(text));
  const box = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  box.set(iv);
  box.set(new Uint8Array(sealed), NONCE_BYTES);
  return `${ring.newest}.${toBase64Url(box)}`;
}

/** Opens a box; undefined when its key is no longer listed, or it was sealed under another label or altered. */
export async function unseal(ring: KeyRing, label: Label, box: string): Promise<string | undefined> {
  const [, number, content = ''] = SHAPE.exec(box) ?? [];
  const key = await ring.keys.get(Number(number));
  if (key === undefined) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(content, { alphabet: 'base64url' });
    const iv = bytes.slice(0, NONCE_BYTES);
    const opened = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv, additionalData: dataOf(Number(number), label) },
      key,
      bytes.slice(NONCE_BYTES) as Uint8Array<ArrayBuffer>,
    );
    return new TextDecoder().decode(opened);
  } catch {
    return undefined;
  }
}

/** Whether a box was sealed under the key that seals now. */
export const isSealedByNewest = ({ newest }: KeyRing, box: string): boolean => box.startsWith(`${newest}.`);

/** JSON keeps the parts apart, whatever they hold. */
const dataOf = (key: number, { purpose, owner }: Label): Uint8Array<ArrayBuffer> => utf8(JSON.stringify([key, purpose, owner]));
