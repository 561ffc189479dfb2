import * as z from 'zod';
import { isLoopback } from '../core/loopback.ts';
import { emailAddress } from '../core/user/email-address.ts';
import { flag, seconds, whole } from '../setting.ts';
import { messageTemplates, type Overrides } from './overrides.ts';

/** Who a mail is from. */
export interface Sender {
  readonly address: string;
  readonly name: string;
}

/** An SMTP server. */
export interface Relay {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

/** Where a message is posted to in Zitadel's form, and what signs it. */
export interface Webhook {
  readonly url: string;
  readonly signingKey: string;
}

export interface Twilio {
  readonly url: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly from: string;
}

/** How people are told things. */
export interface NotifySettings {
  readonly email:
    | { readonly provider: 'none' }
    | { readonly provider: 'binding'; readonly from: Sender }
    | { readonly provider: 'smtp'; readonly from: Sender; readonly relay: Relay }
    | { readonly provider: 'http'; readonly webhook: Webhook };
  readonly sms:
    | { readonly provider: 'none' }
    | { readonly provider: 'twilio'; readonly twilio: Twilio }
    | { readonly provider: 'http'; readonly webhook: Webhook };
  readonly smsDomain: string | undefined;
  readonly overrides: Overrides;
  readonly deadlineMs: number;
  readonly devMailbox: boolean;
}

const URL_RULE = 'an https URL without credentials (http only to this machine)';
const url = () => z.string().refine(isSafeUrl, URL_RULE);
const text = () =>
  z
    .string()
    .min(1)
    .max(500)
    .regex(/^\P{Cc}*$/u, 'no line breaks or other control characters');
const signingKey = () => z.string().min(16, 'at least 16 characters').max(500);

/** The settings of this room; what a provider needs beyond its own is looked at in `notifySettings`. */
export const NOTIFY_SHAPE = {
  /** How mail is sent: by Cloudflare's send_email binding EMAIL, by SMTP, by HTTP in Zitadel's form, or not at all. */
  EMAIL_PROVIDER: z.enum(['binding', 'smtp', 'http', 'none']).default('none'),
  /** The `send_email` binding. */
  EMAIL: z.custom<SendEmail>((value) => value === undefined || typeof value === 'object').optional(),
  /** Address that mail is from. Needed by binding and smtp. */
  EMAIL_FROM: z
    .string()
    .refine((value) => emailAddress(value).ok, 'an e-mail address')
    .optional(),
  /** Name that mail is from. */
  EMAIL_FROM_NAME: text().default('Sallyport'),
  /** Host name of the SMTP server. */
  SMTP_HOST: z
    .string()
    .regex(/^(?:[A-Za-z0-9.-]{1,253}|\[?[0-9A-Fa-f:]{2,45}\]?)$/, 'a host name')
    .optional(),
  /** Its port. Default 465, and 587 with starttls. */
  SMTP_PORT: whole(0, 0, 65_535),
  /** tls from the first byte, starttls (refused if the server does not offer it), or none, which only this machine is trusted with. */
  SMTP_SECURITY: z.enum(['tls', 'starttls', 'none']).default('tls'),
  /** Name for AUTH PLAIN or LOGIN; without it nobody is authenticated. */
  SMTP_USER: text().optional(),
  /** Secret. Its password. */
  SMTP_PASSWORD: z.string().min(1).optional(),
  /** Where mail is posted to in Zitadel's form. */
  EMAIL_HTTP_URL: url().optional(),
  /** Secret. Signs it: header ZITADEL-Signature. At least 16 characters. */
  EMAIL_HTTP_SIGNING_KEY: signingKey().optional(),
  /** How SMS are sent: by Twilio, by HTTP in Zitadel's form, or not at all. */
  SMS_PROVIDER: z.enum(['twilio', 'http', 'none']).default('none'),
  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC[0-9a-fA-F]{32}$/, 'AC and 32 hexadecimal digits')
    .optional(),
  /** Secret. */
  TWILIO_AUTH_TOKEN: z.string().min(1).optional(),
  /** Number, sender id or messaging service (MG...) that SMS are from. */
  TWILIO_FROM: z
    .string()
    .regex(/^[\w +-]{1,64}$/, 'a number, a sender id or a messaging service')
    .optional(),
  /** Where Twilio's API is, to be changed for a region or a test. */
  TWILIO_URL: url().default('https://api.twilio.com'),
  /** Where SMS are posted to in Zitadel's form. */
  SMS_HTTP_URL: url().optional(),
  /** Secret. Signs it, as for mail. */
  SMS_HTTP_SIGNING_KEY: signingKey().optional(),
  /** Domain of the login page, to which browsers bind the code of an SMS (WebOTP). Default: the host of the message's link. */
  SMS_DOMAIN: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,253}$/, 'a host name')
    .optional(),
  /** Own wordings: JSON, kind -> language -> {subject, text, html}. */
  MESSAGE_TEMPLATES: messageTemplates.default({}),
  /** Seconds after which one try is given up. */
  DELIVERY_DEADLINE_SECONDS: seconds(8, 1, 30),
  /** For developers' machines only: every message goes to the page /dev/mailbox instead. */
  DEV_MAILBOX: flag(),
};

type Read = z.infer<z.ZodObject<typeof NOTIFY_SHAPE>>;

/** The settings by provider. `fault` is told each that a provider needs and misses, or that does not go with the others. */
export function notifySettings(read: Read, fault: (setting: keyof Read, message: string) => void): NotifySettings {
  const needed = (setting: keyof Read): string => {
    const value = read[setting];
    if (typeof value === 'string') return value;
    fault(setting, 'is needed by the provider that is set');
    return '';
  };
  const from = (): Sender => ({ address: needed('EMAIL_FROM'), name: read.EMAIL_FROM_NAME });

  function email(): NotifySettings['email'] {
    const { EMAIL_PROVIDER: provider } = read;
    if (provider === 'binding') {
      if (read.EMAIL === undefined) fault('EMAIL', 'is needed by the provider that is set');
      return { provider, from: from() };
    }
    if (provider === 'smtp') return { provider, from: from(), relay: relay() };
    if (provider === 'http') return { provider, webhook: { url: needed('EMAIL_HTTP_URL'), signingKey: needed('EMAIL_HTTP_SIGNING_KEY') } };
    return { provider };
  }

  function relay(): Relay {
    const { SMTP_SECURITY: security, SMTP_PORT: port, SMTP_USER: user, SMTP_PASSWORD: password } = read;
    const host = needed('SMTP_HOST');
    if (security === 'none' && host !== '' && !isLoopback(host)) fault('SMTP_SECURITY', 'none is for a server on this machine only');
    const credentials = user !== undefined || password !== undefined ? { user: needed('SMTP_USER'), password: needed('SMTP_PASSWORD') } : undefined;
    return { host, port: port || (security === 'tls' ? 465 : 587), security, credentials };
  }

  function sms(): NotifySettings['sms'] {
    const { SMS_PROVIDER: provider, TWILIO_URL: twilioUrl } = read;
    if (provider === 'http') return { provider, webhook: { url: needed('SMS_HTTP_URL'), signingKey: needed('SMS_HTTP_SIGNING_KEY') } };
    if (provider === 'none') return { provider };
    const accountSid = needed('TWILIO_ACCOUNT_SID');
    return { provider, twilio: { url: twilioUrl, accountSid, authToken: needed('TWILIO_AUTH_TOKEN'), from: needed('TWILIO_FROM') } };
  }

  return {
    email: email(),
    sms: sms(),
    smsDomain: read.SMS_DOMAIN,
    overrides: read.MESSAGE_TEMPLATES,
    deadlineMs: read.DELIVERY_DEADLINE_SECONDS,
    devMailbox: read.DEV_MAILBOX,
  };
}

function isSafeUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  const reachable = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
  return reachable && username === '' && password === '';
}
