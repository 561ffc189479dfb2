/** The user handle of a user (WebAuthn L3 section 5.4.3): the bytes of the id, as Zitadel has it, in base64url. Pure. */
export const userHandleOf = (userId: string): string => new TextEncoder().encode(userId).toBase64({ alphabet: 'base64url', omitPadding: true });

/** The user whom a handle stands for; undefined where it stands for nobody. Pure. */
export function userIdOf(userHandle: string): string | undefined {
  try {
    const userId = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(Uint8Array.fromBase64(userHandle, { alphabet: 'base64url' }));
    return userHandleOf(userId) === userHandle ? userId : undefined;
  } catch {
    return undefined;
  }
}
