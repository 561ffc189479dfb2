/** A password hash taken apart: how it was made (name, cost, salt), and what came of it. */
export interface TakenApart {
  /** The scheme's own notation up to the digest; where the digest's length is part of the computation, that follows in bytes: `...$32`. */
  readonly recipe: string;
  readonly digest: Uint8Array<ArrayBuffer>;
}

/**
 * One way of hashing passwords. Each stays within 64 MiB of memory and about 1.5 s of CPU where its limits were measured: an isolate has 128 MiB,
 * and a login waits.
 */
export interface Scheme {
  /** The most that is verified, in words for the one whose hash was refused. */
  readonly most: string;
  /** Takes a hash that was made elsewhere apart. Undefined when it is not well formed or its figures make no sense; it never throws. */
  read(encoded: string): TakenApart | 'too-costly' | undefined;
  /** The raw digest of a password's UTF-8 bytes by a recipe; undefined when the recipe cannot be read. */
  derive(password: string, recipe: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** A digest shorter than this would be met by chance; a longer one is none of any scheme here. */
const DIGEST_LEAST_BYTES = 16;
const DIGEST_MOST_BYTES = 64;

/** Whether a digest may have this many bytes, where a scheme leaves that open. */
export const isDigestLength = (bytes: number): boolean => bytes >= DIGEST_LEAST_BYTES && bytes <= DIGEST_MOST_BYTES;
