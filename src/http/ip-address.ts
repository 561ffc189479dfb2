/** An IP address in its normal form (RFC 5952 for IPv6), or undefined for what is none: Zitadel drops such a value silently. */
export function normalizeIp(address: string): string | undefined {
  if (/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(address)) return hostOf(address);
  return /^[0-9a-f:.]+$/i.test(address) && address.includes(':') ? hostOf(`[${address}]`)?.slice(1, -1) : undefined;
}

function hostOf(host: string): string | undefined {
  return URL.parse(`http://${host}/`)?.hostname;
}
