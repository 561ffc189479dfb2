const LEAST_LENGTH = 8;
const SESSION_OR_PERSONAL_TOKEN = /^(?:sess|pat)_.*?([\w-]{43})$/s;

/** Where a secret was found. */
export interface Find {
  readonly secret: string;
  readonly form: string;
}

/** Secrets in the forms that they may be kept in by mistake, to be searched for all at once. */
export class Needles {
  /** By their first bytes; most places of a haystack are the beginning of none. */
  readonly #begins = new Uint8Array(1 << 24);
  readonly #byHead = new Map<string, { readonly bytes: Buffer; readonly find: Find }[]>();
  readonly count: number;

  constructor(secrets: Iterable<string>) {
    const distinct = new Set([...secrets].map((secret) => SESSION_OR_PERSONAL_TOKEN.exec(secret)?.[1] ?? secret));
    for (const secret of distinct) for (const [form, bytes] of formsOf(secret)) this.#add(bytes, { secret, form });
    this.count = distinct.size;
  }

  #add(bytes: Buffer, find: Find): void {
    if (bytes.length < LEAST_LENGTH) return;
    this.#begins[bytes.readUIntLE(0, 3)] = 1;
    const head = bytes.toString('latin1', 0, LEAST_LENGTH);
    this.#byHead.set(head, [...(this.#byHead.get(head) ?? []), { bytes, find }]);
  }

  in(haystack: Buffer): Find[] {
    const found: Find[] = [];
    for (let at = 0; at + LEAST_LENGTH <= haystack.length; at += 1) {
      if (this.#begins[haystack.readUIntLE(at, 3)] === 0) continue;
      for (const { bytes, find } of this.#byHead.get(haystack.toString('latin1', at, at + LEAST_LENGTH)) ?? [])
        if (haystack.subarray(at, at + bytes.length).equals(bytes) && !isWithinNumber(haystack, at, bytes)) found.push(find);
    }
    return found;
  }
}

/** A secret as text, and what is made of text and of bytes on the way into a store or a log. */
function* formsOf(secret: string): Generator<[form: string, bytes: Buffer]> {
  const text = Buffer.from(secret);
  yield ['text', text];
  yield ['UTF-16', Buffer.from(secret, 'utf16le')];
  yield ['hex', Buffer.from(text.toString('hex'))];
  yield ['percent-encoding', Buffer.from(encodeURIComponent(secret.toWellFormed()))];
  for (let shift = 0; shift < 3; shift += 1) yield ['base64', base64Within(text, shift)];
  if (/^[\w-]{43}$/.test(secret)) yield ['bytes', Buffer.from(secret, 'base64url')];
  if (/^[A-Z2-7]{16,}$/.test(secret)) yield ['bytes', fromBase32(secret)];
}

/** The part of a base64 text that is the same whatever stands before and behind, at one of its three alignments. */
function base64Within(text: Buffer, shift: number): Buffer {
  const whole = Buffer.concat([Buffer.alloc(shift), text]);
  const certain = whole.subarray(0, whole.length - (whole.length % 3)).toString('base64');
  return Buffer.from(certain.slice(shift === 0 ? 0 : 4));
}

function fromBase32(text: string): Buffer {
  const bits = [...text].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Digits of a code stand in longer numbers (ids, times) by chance. */
function isWithinNumber(haystack: Buffer, at: number, bytes: Buffer): boolean {
  const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39;
  return isDigit(bytes[0]) && isDigit(bytes.at(-1)) && (isDigit(haystack[at - 1]) || isDigit(haystack[at + bytes.length]));
}
