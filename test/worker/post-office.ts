import { env } from 'cloudflare:workers';
import { inject } from 'vitest';
import { configOf } from '../../src/config.ts';
import { deliver, type PostOffice } from '../../src/notify/deliver.ts';
import type { Delivery } from '../../src/notify/delivery.ts';
import type { Message } from '../../src/notify/message.ts';
import type { HttpPlan, ReceivedRequest } from '../support/peers/http-receiver.ts';
import type { ReceivedMail, SmtpPlan } from '../support/peers/smtp-server.ts';

export const NOW = Date.parse('2026-11-25T12:00:00.900Z');
export const CODE = '48151623';
export const TO = 'mini@mouse.com';
export const PHONE = '+41791234567';

export const mail = (changes: Partial<Message> = {}): Message => ({
  id: crypto.randomUUID(),
  kind: 'otpEmail',
  channel: 'email',
  to: TO,
  code: CODE,
  url: `https://login.acme.com/otp?code=${CODE}&session=7`,
  expiresAt: NOW + 300_000,
  user: { userId: '1', organizationId: '2', loginName: 'mini', displayName: 'Minnie Mouse', preferredLanguage: 'en' },
  sessionId: '7',
  ...changes,
});
export const sms = (changes: Partial<Message> = {}): Message => mail({ kind: 'otpSms', channel: 'sms', to: PHONE, ...changes });

/** A post office of these settings, read as a deployment's are. */
export const officeOf = (settings: object, email?: SendEmail): PostOffice => ({
  settings: configOf({ ...env, ...settings, ...(email && { EMAIL: email }) }).notify,
  db: env.DB,
  email,
  now: NOW,
});

export const deliverBy = (settings: object, message: Message): Promise<Delivery> => deliver(message, officeOf(settings));

async function ask<Answer>(path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${inject('peersUrl')}/${path}`, body ? { method: 'POST', body: JSON.stringify(body) } : {});
  if (!response.ok) throw new Error(await response.text());
  return response.json<Answer>();
}

/** Makes a peer on this machine, and tells its port. */
export const smtpPeer = (plan: SmtpPlan = {}): Promise<number> => ask('smtp', plan);
export const scriptedPeer = (...replies: string[]): Promise<number> => ask('script', { replies });
export const httpPeer = (plan: HttpPlan): Promise<number> => ask('http', plan);

/** What the peer at a port has received. */
export const mailsAt = (port: number): Promise<ReceivedMail[]> => ask(String(port));
export const linesAt = (port: number): Promise<string[]> => ask(String(port));
export const requestsAt = (port: number): Promise<ReceivedRequest[]> => ask(String(port));
