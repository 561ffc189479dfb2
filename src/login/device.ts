import type { Context } from 'hono';
import type { LoginEnv } from './room.ts';

const BROWSERS: readonly (readonly [mark: RegExp, name: string])[] = [
  [/\bEdgi?[A-Z]*\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/Chrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [mark: RegExp, name: string])[] = [
  [/\biPhone|\biPad/, 'iOS'],
  [/\bAndroid/, 'Android'],
  [/\bWindows/, 'Windows'],
  [/\bMac OS X/, 'macOS'],
  [/\bCrOS/, 'ChromeOS'],
  [/\bLinux/, 'Linux'],
];

/** What a session remembers of the browser that it was begun in, so that its user can tell it from others. */
export function agentOf(context: Context<LoginEnv>): object {
  const header = context.req.header('user-agent') ?? '';
  const name = (table: typeof BROWSERS) => table.find(([mark]) => mark.test(header))?.[1];
  const description = [name(BROWSERS), name(SYSTEMS)].filter(Boolean).join(', ');
  const ip = context.req.header('cf-connecting-ip');
  return { ...(description && { description }), ...(ip && { ip }), header: { 'user-agent': { values: [header.slice(0, 500)] } } };
}

const PLACE = 'login.place';

/** Where the browser is, as metadata of its session: town and country, as Cloudflare sees them. */
export function placeOf(context: Context<LoginEnv>): Record<string, string> {
  const { city, country } = (context.req.raw.cf ?? {}) as { city?: string; country?: string };
  const place = [city, country].filter(Boolean).join(', ');
  return place === '' ? {} : { [PLACE]: new TextEncoder().encode(place).toBase64() };
}

/** The place that a session was last seen at. */
export function seenAt(metadata: Readonly<Record<string, string>> | undefined): string | undefined {
  const place = metadata?.[PLACE];
  return place && new TextDecoder().decode(Uint8Array.fromBase64(place));
}
