import { emailAddress } from '../core/user/email-address.ts';
import { phoneNumber } from '../core/user/phone-number.ts';
import { compose, type Letter } from './compose.ts';
import { type Delivery, failed, refused } from './delivery.ts';
import { putIntoDevMailbox } from './dev-mailbox.ts';
import { sendByBinding } from './email-binding.ts';
import type { Message } from './message.ts';
import { mimeOf } from './mime.ts';
import type { NotifySettings } from './settings.ts';
import { sendByTwilio } from './twilio.ts';
import { sendByWebhook } from './webhook.ts';

/** Where messages leave: the settings, what is bound to the Worker, and the time. */
export interface PostOffice {
  readonly settings: NotifySettings;
  readonly db: D1Database;
  /** The `send_email` binding; undefined where none is bound. */
  readonly email: SendEmail | undefined;
  readonly now: number;
}

/** Tries once to send a message; never throws, and is done by its deadline. */
export async function deliver(message: Message, office: PostOffice): Promise<Delivery> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<Delivery>((resolve) => {
    timer = setTimeout(() => {
      resolve(failed('the provider did not answer in time'));
      controller.abort();
    }, office.settings.deadlineMs);
  });
  try {
    return await Promise.race([attempt(message, office, controller.signal), tooLate]);
  } catch {
    return failed('a message could not be handed over');
  } finally {
    clearTimeout(timer);
  }
}

async function attempt(message: Message, office: PostOffice, signal: AbortSignal): Promise<Delivery> {
  const { settings, db, now } = office;
  const mail = message.channel === 'email';
  const address = mail ? emailAddress(message.to) : phoneNumber(message.to);
  if (!address.ok || address.value !== message.to) return refused(mail ? 'not an e-mail address' : 'not a phone number');
  if (!settings.devMailbox && (mail ? settings.email : settings.sms).provider === 'none') return refused('no provider');
  const letter = await compose(message, settings, now);
  if (letter === undefined) return refused('this kind of message has no wording for its channel');
  if (settings.devMailbox) return putIntoDevMailbox(db, message, letter, now);
  return mail ? sendMail(message, letter, office, signal) : sendSms(message, letter, office, signal);
}

async function sendMail(message: Message, letter: Letter, { settings, email: binding, now }: PostOffice, signal: AbortSignal): Promise<Delivery> {
  const { email } = settings;
  const { id, to } = message;
  switch (email.provider) {
    case 'none':
      return refused('no provider');
    case 'http':
      return sendByWebhook(message, letter, email.webhook, now, signal);
    case 'binding':
      return binding === undefined ? refused('no binding') : sendByBinding(letter, { id, from: email.from, to, now }, binding);
    case 'smtp': {
      // Loaded when the first mail is sent: no other request's start pays for it.
      const { sendBySmtp } = await import('./smtp.ts');
      const content = mimeOf(letter, { id, from: email.from, to, now });
      return sendBySmtp({ from: email.from.address, to, content }, email.relay, signal);
    }
  }
}

async function sendSms(message: Message, letter: Letter, { settings: { sms }, now }: PostOffice, signal: AbortSignal): Promise<Delivery> {
  switch (sms.provider) {
    case 'none':
      return refused('no provider');
    case 'http':
      return sendByWebhook(message, letter, sms.webhook, now, signal);
    case 'twilio':
      return sendByTwilio(message.to, letter.text, sms.twilio, signal);
  }
}
