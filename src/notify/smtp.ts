import { toBase64, utf8 } from '../crypto/base64.ts';
import { type Delivery, failed, refused, sent } from './delivery.ts';
import type { Relay } from './settings.ts';
import { SmtpLine, UnexpectedReply } from './smtp-line.ts';

/** A mail as SMTP carries it: the addresses of its envelope, and the whole message. */
export interface Parcel {
  readonly from: string;
  readonly to: string;
  readonly content: string;
}

/** Hands one mail to an SMTP server (RFC 5321); once the signal is given, the connection is closed wherever the talk stands. */
export async function sendBySmtp(parcel: Parcel, relay: Relay, signal: AbortSignal): Promise<Delivery> {
  const line = new SmtpLine(relay);
  const hangUp = () => line.close();
  signal.addEventListener('abort', hangUp);
  try {
    return await talk(line, parcel, relay);
  } catch (error) {
    if (!(error instanceof UnexpectedReply)) return failed('the SMTP connection broke');
    return error.code >= 500 ? refused(error.message) : failed(error.message);
  } finally {
    signal.removeEventListener('abort', hangUp);
    line.close();
  }
}

async function talk(line: SmtpLine, { from, to, content }: Parcel, { security, credentials }: Relay): Promise<Delivery> {
  const hello = `EHLO ${from.slice(from.lastIndexOf('@') + 1)}`;
  await line.hear('greeting', 2);
  let offers = await line.say('EHLO', hello, 2);
  if (security === 'starttls') {
    // Whoever could strike this offer from the answer would otherwise read the password and the code.
    if (!offers.some((offer) => /^STARTTLS$/i.test(offer))) return failed('the SMTP server offers no STARTTLS');
    await line.say('STARTTLS', 'STARTTLS', 2);
    line.startTls();
    offers = await line.say('EHLO', hello, 2);
  }
  if (credentials !== undefined) {
    const mechanisms = offers.filter((offer) => /^AUTH[ =]/i.test(offer)).flatMap((offer) => offer.toUpperCase().split(/[ =]/));
    if (mechanisms.includes('PLAIN')) await authPlain(line, credentials);
    else if (mechanisms.includes('LOGIN')) await authLogin(line, credentials);
    else return failed('the SMTP server offers neither AUTH PLAIN nor LOGIN');
  }
  const international = /[^\x20-\x7e]/.test(from + to);
  if (international && !offers.some((offer) => /^SMTPUTF8$/i.test(offer))) return refused('the SMTP server takes no address beyond ASCII');
  await line.say('MAIL', `MAIL FROM:<${from}>${international ? ' SMTPUTF8' : ''}`, 2);
  await line.say('RCPT', `RCPT TO:<${to}>`, 2);
  await line.say('DATA', 'DATA', 3);
  await line.say('end of DATA', `${content.replaceAll(/^\./gm, '..')}\r\n.`, 2);
  // It is sent, whatever becomes of the goodbye.
  await line.write('QUIT\r\n').catch(() => undefined);
  return sent;
}

type Credentials = NonNullable<Relay['credentials']>;

const authPlain = (line: SmtpLine, { user, password }: Credentials) => line.say('AUTH', `AUTH PLAIN ${toBase64(utf8(`\0${user}\0${password}`))}`, 2);

async function authLogin(line: SmtpLine, { user, password }: Credentials): Promise<void> {
  await line.say('AUTH', 'AUTH LOGIN', 3);
  await line.say('AUTH', toBase64(utf8(user)), 3);
  await line.say('AUTH', toBase64(utf8(password)), 2);
}
