import { utf8 } from './base64.ts';

/** The hash under a one-time password. Authenticator apps know SHA-1, whatever a URI says; the others are in RFC 6238. */
export type TotpHash = 'SHA-1' | 'SHA-256' | 'SHA-512';

/** Seconds that one code lasts, and how many of these steps before and after the present one are accepted (RFC 6238 section 5.2). */
const PERIOD_SECONDS = 30;
const SKEW_STEPS = 1;
const DIGITS = 6;

/** HOTP (RFC 4226 section 5.3): the one-time password of a seed and a counter. */
export async function hotp(seed: Uint8Array<ArrayBuffer>, counter: number, digits: number = DIGITS, hash: TotpHash = 'SHA-1'): Promise<string> {
  const message = new DataView(new ArrayBuffer(8));
  message.setBigUint64(0, BigInt(counter));
  const key = await crypto.subtle.importKey('raw', seed, { name: 'HMAC', hash }, false, ['sign']);
  const mac = new DataView(await crypto.subtle.sign('HMAC', key, message.buffer));
  const offset = mac.getUint8(mac.byteLength - 1) & 0xf;
  return String((mac.getUint32(offset) & 0x7fff_ffff) % 10 ** digits).padStart(digits, '0');
}

/** The step that a moment (milliseconds since 1970) lies in (RFC 6238 section 4.2). */
export const stepAt = (now: number): number => Math.floor(now / 1000 / PERIOD_SECONDS);

/**
 * The step of which `code` is the one-time password: the present one, or one beside it. Undefined for a wrong code. Every step is looked at,
 * whichever matches.
 */
export async function stepOf(seed: Uint8Array<ArrayBuffer>, code: string, now: number): Promise<number | undefined> {
  const present = stepAt(now);
  const steps = Array.from({ length: 2 * SKEW_STEPS + 1 }, (_, index) => present - SKEW_STEPS + index);
  const codes = await Promise.all(steps.map((step) => hotp(seed, step)));
  const given = utf8(code);
  const matching = steps.filter((_, index) => {
    const expected = utf8(codes[index] ?? '');
    return given.byteLength === expected.byteLength && crypto.subtle.timingSafeEqual(given, expected);
  });
  return matching[0];
}

/** The URI that an authenticator app reads from a QR code (Key Uri Format). */
export function otpauthUri(issuer: string, account: string, secret: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  const query = new URLSearchParams({ algorithm: 'SHA1', digits: String(DIGITS), issuer, period: String(PERIOD_SECONDS), secret });
  return `otpauth://totp/${label}?${query.toString().replaceAll('+', '%20')}`;
}
