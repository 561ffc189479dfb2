import type { Context, Next } from 'hono';
import { cors } from 'hono/cors';
import { configOf } from '../config.ts';
import type { Env } from './exchange.ts';

/** What scripts of a listed origin may send, and may see of an answer, in all protocols. No cookie is ever asked for. */
const shared = cors({
  origin: (origin) => origin,
  allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: [
    'authorization',
    'content-type',
    'idempotency-key',
    'x-zitadel-orgid',
    'connect-protocol-version',
    'connect-timeout-ms',
    'grpc-timeout',
    'x-grpc-web',
    'x-user-agent',
  ],
  exposeHeaders: ['x-request-id', 'retry-after', 'grpc-status', 'grpc-message', 'grpc-status-details-bin'],
  maxAge: 7200,
});

/** CORS (WHATWG Fetch) for the origins of CORS_ORIGINS. To scripts of others the API stays shut. */
export function crossOrigin(context: Context<Env>, next: Next): ReturnType<typeof shared> {
  const origin = context.req.header('origin');
  return origin !== undefined && configOf(context.env).corsOrigins.includes(origin) ? shared(context, next) : next();
}
