import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { normalizeIp } from './ip-address.ts';

/** Counts requests by key and says of each whether it is within the limit. Approximate, and for each place of Cloudflare's alone. */
export type Fence = Pick<RateLimit, 'limit'>;

const tooManyRequests: Problem = {
  kind: 'resource-exhausted',
  id: 'SALLY-Fence',
  message: 'Too many requests',
  evidence: { retryAfterSeconds: '60' },
};

/**
 * The outer fence, where a deployment has one: how often an address may have us look something up for somebody we do not know yet. What it keeps out costs no
 * object and no query. It stands beside the attempt policy, which is exact and holds without it; so a fence that fails lets everybody pass.
 * @param address as Cloudflare tells it of every request from outside, whatever the client says; without one it is the login pages that ask
 */
export async function withinFence(fence: Fence | undefined, address: string | undefined): Promise<Result<undefined>> {
  if (fence === undefined || address === undefined) return ok(undefined);
  try {
    const { success } = await fence.limit({ key: networkOf(address) });
    return success ? ok(undefined) : fail(tooManyRequests);
  } catch (error) {
    console.error(error);
    return ok(undefined);
  }
}

/** Whoever has one IPv6 address has the other 2^64 of its network, too. */
function networkOf(address: string): string {
  const normal = normalizeIp(address) ?? address;
  if (!normal.includes(':')) return normal;
  const [before = '', after] = normal.split('::');
  const [front, back] = [before, after ?? ''].map((side) => side.split(':').filter(Boolean)) as [string[], string[]];
  const zeros = after === undefined ? [] : Array.from({ length: 8 - front.length - back.length }, () => '0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}
