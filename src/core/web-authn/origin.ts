/**
 * Whether an assertion, or a new credential, may come from an origin (WebAuthn L3 section 13.4.9): from https, or from this machine, at the
 * RP ID's own host or one under it; or from one of those listed, which are native apps and related origins. Pure.
 */
export function isExpectedOrigin(origin: string, rpId: string, listed: readonly string[]): boolean {
  if (listed.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { origin: serialized, protocol, hostname } = new URL(origin);
  const secure = protocol === 'https:' || (protocol === 'http:' && isUnder(hostname, 'localhost'));
  return serialized === origin && secure && isUnder(hostname, rpId);
}

const isUnder = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`);

/** Whether an origin may be listed as expected: one of https, as browsers write it, or one of an Android app. Pure. */
export function isListableOrigin(origin: string): boolean {
  if (/^android:apk-key-hash:[\w-]{43}$/.test(origin)) return true;
  return /^https:\/\/[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
}
