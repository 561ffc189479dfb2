import { toBase64Url } from './base64.ts';

const SECRET_BYTES = 32;

/** 256 random bits in base64url: the secret part of every token. */
export const newSecret = (): string => toBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));

/** A fresh session token. It names its session, so that it can be used as a bearer; callers treat it as opaque. */
export const newSessionToken = (sessionId: string): string => `sess_${sessionId}_${newSecret()}`;

/** A fresh personal access token. */
export const newPersonalAccessToken = (): string => `pat_${newSecret()}`;

/** A fresh id in Zitadel's shape, 18 decimal digits, ordered by time to the second; its uniqueness is guarded by the insert. */
export function newDecimalId(now: number): string {
  const [random = 0n] = crypto.getRandomValues(new BigUint64Array(1));
  const seconds = BigInt(Math.floor(now / 1000));
  return String(seconds * 100_000_000n + (random % 100_000_000n)).padStart(18, '0');
}
