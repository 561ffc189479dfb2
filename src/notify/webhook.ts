import { toHex, utf8 } from '../crypto/base64.ts';
import type { Letter } from './compose.ts';
import type { Delivery } from './delivery.ts';
import type { Message } from './message.ts';
import { post } from './post.ts';
import type { Webhook } from './settings.ts';
import { zitadelPayload } from './zitadel-payload.ts';

/** Posts a message in Zitadel's form, signed; `Idempotency-Key` is the same over all tries of one message. */
export async function sendByWebhook(
  message: Message,
  letter: Letter,
  { url, signingKey }: Webhook,
  now: number,
  signal: AbortSignal,
): Promise<Delivery> {
  const body = JSON.stringify(zitadelPayload(message, letter, now));
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': encodeURIComponent(message.id.toWellFormed()),
    'zitadel-signature': await zitadelSignature(signingKey, body, now),
  };
  return post(url, headers, body, signal);
}

/** The value of Zitadel's `ZITADEL-Signature`: the time in seconds, and an HMAC-SHA256 of `<time>.<body>` in hexadecimal. */
async function zitadelSignature(signingKey: string, body: string, now: number): Promise<string> {
  const time = Math.floor(now / 1000);
  const key = await crypto.subtle.importKey('raw', utf8(signingKey), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return `t=${time},v1=${toHex(await crypto.subtle.sign('HMAC', key, utf8(`${time}.${body}`)))}`;
}
