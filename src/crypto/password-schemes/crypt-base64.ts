const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Decodes the base64 of crypt(3): an alphabet of its own, the lowest six bits first. Bits left over at the end must be 0. Undefined when it is
 * not well formed.
 */
export function fromCryptBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes: number[] = [];
  let [bits, held] = [0, 0];
  for (const character of text) {
    const value = ALPHABET.indexOf(character);
    if (value < 0) return undefined;
    bits |= value << held;
    held += 6;
    if (held >= 8) {
      bytes.push(bits & 0xff);
      bits >>= 8;
      held -= 8;
    }
  }
  return bits === 0 && held < 6 ? new Uint8Array(bytes) : undefined;
}

/** A number below 2^30 in the same notation; undefined when it is not well formed. */
export function numberFromCryptBase64(text: string): number | undefined {
  const values = [...text].map((character) => ALPHABET.indexOf(character));
  return values.includes(-1) || values.length > 5 ? undefined : values.reduceRight((sum, value) => sum * 64 + value, 0);
}
