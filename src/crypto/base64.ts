const encoder = new TextEncoder();

/** Bytes of a string in UTF-8; typed so that Web Crypto takes them. */
export const utf8 = (text: string): Uint8Array<ArrayBuffer> => encoder.encode(text) as Uint8Array<ArrayBuffer>;

export const toBase64 = (bytes: ArrayBuffer | Uint8Array): string => new Uint8Array(bytes as ArrayBuffer).toBase64();

export const toBase64Url = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: 'base64url', omitPadding: true });

export const toHex = (bytes: ArrayBuffer | Uint8Array): string => new Uint8Array(bytes as ArrayBuffer).toHex();
