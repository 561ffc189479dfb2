/** The digest of several parts, one after the other. */
export type Hash = (...parts: readonly Uint8Array[]) => Uint8Array;

/** Web Crypto has no MD5, and none that is synchronous. What has it is loaded with the first password that needs it, not with the Worker. */
export async function hashOfParts(name: 'md5' | 'sha256' | 'sha512'): Promise<Hash> {
  const { createHash } = await import('node:crypto');
  return (...parts) => createHash(name).update(joined(parts)).digest();
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}
