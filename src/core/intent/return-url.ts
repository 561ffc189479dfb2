import { isLoopback } from '../loopback.ts';

/**
 * Whether a browser that comes back from a provider may be sent on to a URL: to https (or to this machine), to one of these origins, and to nobody in
 * particular there. An open redirect would hand a log-in to whoever asked for it. Pure.
 */
export function isAllowedReturn(url: string, origins: readonly string[]): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, origin, username, password } = new URL(url);
  const secure = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return secure && username === '' && password === '' && origins.includes(origin);
}

/** What a return tells. A URL that has one of these already says nothing by it: it is ours to say. */
const TOLD = ['id', 'token', 'user', 'error', 'error_description'];

/** A URL with these parameters, and with those others that it had. Pure. */
export function withParameters(url: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const target = new URL(url);
  for (const name of TOLD) target.searchParams.delete(name);
  for (const [name, value] of Object.entries(parameters)) {
    if (value) target.searchParams.set(name, value);
  }
  return target.href;
}
