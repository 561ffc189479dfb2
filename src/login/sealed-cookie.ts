import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { configOf } from '../config.ts';
import { type Label, seal, unseal } from '../crypto/sealed-box.ts';
import type { LoginEnv } from './room.ts';

const MONTH_SECONDS = 30 * 86_400;

/** `__Host-` wants https; on this machine there is none, and the name is plain. */
const isSecure = (context: Context<LoginEnv>): boolean => new URL(context.req.url).protocol === 'https:';

/** What a cookie of ours holds; undefined when there is none, or it is not ours. */
export async function readSealed<Content>(context: Context<LoginEnv>, name: string, label: Label): Promise<Content | undefined> {
  const box = getCookie(context, name, isSecure(context) ? 'host' : undefined);
  const opened = box && (await unseal(configOf(context.env).sealKeys, label, box));
  return opened ? (JSON.parse(opened) as Content) : undefined;
}

/** Puts something into a cookie that only this server can open, and no script can see. */
export async function keepSealed(context: Context<LoginEnv>, name: string, label: Label, content: object): Promise<void> {
  const box = await seal(configOf(context.env).sealKeys, label, JSON.stringify(content));
  const secure = isSecure(context);
  setCookie(context, name, box, {
    path: '/',
    httpOnly: true,
    secure,
    sameSite: 'Lax',
    maxAge: MONTH_SECONDS,
    ...(secure && { prefix: 'host' }),
  });
}
