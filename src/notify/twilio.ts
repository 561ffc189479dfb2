import { toBase64, utf8 } from '../crypto/base64.ts';
import type { Delivery } from './delivery.ts';
import { post } from './post.ts';
import type { Twilio } from './settings.ts';

/** Sends an SMS by Twilio's REST API. */
export function sendByTwilio(to: string, text: string, { url, accountSid, authToken, from }: Twilio, signal: AbortSignal): Promise<Delivery> {
  const sender = from.startsWith('MG') ? { MessagingServiceSid: from } : { From: from };
  const headers = {
    authorization: `Basic ${toBase64(utf8(`${accountSid}:${authToken}`))}`,
    'content-type': 'application/x-www-form-urlencoded',
  };
  const endpoint = new URL(`/2010-04-01/Accounts/${accountSid}/Messages.json`, url);
  return post(endpoint.href, headers, new URLSearchParams({ To: to, ...sender, Body: text }).toString(), signal);
}
