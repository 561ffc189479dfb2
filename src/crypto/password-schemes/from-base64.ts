const MOST_BYTES = 64;

/** Bytes of a salt or digest in standard base64, padded or not; undefined when it is none, or is empty, or longer than
 * any in use. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text) as Uint8Array<ArrayBuffer>;
    return bytes.byteLength === 0 || bytes.byteLength > MOST_BYTES ? undefined : bytes;
  } catch {
    return undefined;
  }
}
