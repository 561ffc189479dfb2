import type { Context } from 'hono';
import { configOf } from '../config.ts';
import type { LoginEnv } from './room.ts';

/** Whether people may be sent on to a URL once they are signed in: a path of this place, or a page at an origin of RETURN_ORIGINS. */
export function isAllowedReturn(context: Context<LoginEnv>, url: string): boolean {
  const here = new URL(context.req.url).origin;
  const to = URL.parse(url, here);
  if (to === null || url.length > 2000) return false;
  return to.origin === here || configOf(context.env).returnOrigins.includes(to.origin);
}
