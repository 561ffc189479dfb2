/** The longest name that DNS has (RFC 1035 section 2.3.4). */
const NAME_MOST = 253;

/** Labels of letters, digits, hyphens and underscores; the last of them has something that is no digit, or it would be an address. */
const NAME = /^([a-z0-9_-]{1,63}\.)*(?!\d+$)[a-z0-9_-]{1,63}$/;

/**
 * The RP ID that a domain stands for (WebAuthn L3 section 4, "relying party identifier"): in lower case, and in ASCII where it is not.
 * Undefined for what is no domain: an address, a port, a path. Pure.
 */
export function rpIdOf(domain: string): string | undefined {
  if (/[^\p{L}\p{M}\p{N}._-]/u.test(domain) || !URL.canParse(`https://${domain}`)) return undefined;
  const { hostname } = new URL(`https://${domain}`);
  return hostname.length <= NAME_MOST && NAME.test(hostname) ? hostname : undefined;
}
