import type { Letter } from './compose.ts';
import { type Delivery, failed, refused, sent } from './delivery.ts';
import type { Envelope } from './mime.ts';

/** Cloudflare's codes for what it will refuse again; any other error may pass. */
const HARD = new Set([
  'E_VALIDATION_ERROR',
  'E_FIELD_MISSING',
  'E_HEADER_NOT_ALLOWED',
  'E_CONTENT_TOO_LARGE',
  'E_SENDER_NOT_VERIFIED',
  'E_SENDER_DOMAIN_NOT_AVAILABLE',
  'E_RECIPIENT_NOT_ALLOWED',
  'E_RECIPIENT_SUPPRESSED',
]);

/** Sends a mail by a `send_email` binding. */
export async function sendByBinding(letter: Letter, { from, to }: Envelope, binding: SendEmail): Promise<Delivery> {
  const { subject, text, html } = letter;
  try {
    await binding.send({ from: { email: from.address, name: from.name }, to, subject, text, ...(html !== undefined && { html }) });
    return sent;
  } catch (error) {
    const code = String((error as { code?: unknown }).code);
    return HARD.has(code) ? refused(code) : failed(/^E_[A-Z_]{1,60}$/.test(code) ? code : 'the send_email binding failed');
  }
}
