const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BITS = 5;

/** Base32 of RFC 4648 section 6, without padding: the form in which TOTP seeds are shown. */
export function toBase32(bytes: Uint8Array): string {
  let [text, buffer, bits] = ['', 0, 0];
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= BITS; bits -= BITS) text += ALPHABET[(buffer >> (bits - BITS)) & 31];
    buffer &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(buffer << (BITS - bits)) & 31] : text;
}

/** Reads base32 in either case, with or without padding; white space and dashes, as apps print them, are passed over. Undefined for anything else. */
export function fromBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  const letters = text.replace(/[\s-]/g, '').replace(/=+$/, '').toUpperCase();
  const bytes: number[] = [];
  let [buffer, bits] = [0, 0];
  for (const letter of letters) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return undefined;
    buffer = ((buffer << BITS) | value) & 0xfff;
    bits += BITS;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((buffer >> bits) & 0xff);
  }
  return bytes.length > 0 ? new Uint8Array(bytes) : undefined;
}
