import { isLoopback } from '../loopback.ts';

/** Whether a URL may be asked for secrets: over https, or on this machine, and without a fragment or an "@" anywhere. Pure. */
export function isProviderUrl(url: string): boolean {
  if (!/^https?:\/\/[^\s#@]+$/i.test(url) || !URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || isLoopback(hostname);
}
