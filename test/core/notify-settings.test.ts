import { describe, expect, it } from 'vitest';
import { ConfigurationError, configOf } from '../../src/config.ts';
import type { NotifySettings } from '../../src/notify/settings.ts';

const key = (byte: number) => `1:${Buffer.alloc(32, byte).toString('base64')}`;
const SECRETS = {
  ADMIN_TOKEN: 't'.repeat(32),
  SESSION_ID_KEYS: key(1),
  PEPPER_KEYS: key(2),
  SEAL_KEYS: key(3),
  IDEMPOTENCY_KEYS: key(4),
};
const settingsOf = (settings: object): NotifySettings => configOf({ ...SECRETS, ...settings }).notify;
const faultOf = (settings: object): string => {
  try {
    settingsOf(settings);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  return 'no fault';
};

const FROM = { EMAIL_FROM: 'login@acme.com' };
const SIGNED = 'a key of sixteen.';
const BINDING = { EMAIL_PROVIDER: 'binding', EMAIL: {}, ...FROM };
const SMTP = { EMAIL_PROVIDER: 'smtp', SMTP_HOST: 'mail.acme.com', ...FROM };
const MAIL_HTTP = { EMAIL_PROVIDER: 'http', EMAIL_HTTP_URL: 'https://acme.com/mail', EMAIL_HTTP_SIGNING_KEY: SIGNED };
const TWILIO = { SMS_PROVIDER: 'twilio', TWILIO_ACCOUNT_SID: `AC${'0a'.repeat(16)}`, TWILIO_AUTH_TOKEN: 'a token', TWILIO_FROM: '+15005550006' };
const SMS_HTTP = { SMS_PROVIDER: 'http', SMS_HTTP_URL: 'https://acme.com/sms', SMS_HTTP_SIGNING_KEY: SIGNED };

describe('who delivers', () => {
  const from = { address: 'login@acme.com', name: 'Sallyport' };
  const relay = { host: 'mail.acme.com', port: 465, security: 'tls', credentials: undefined };

  it.each([
    ['a binding', BINDING, { email: { provider: 'binding', from } }],
    ['a mail server, by TLS', SMTP, { email: { provider: 'smtp', from, relay } }],
    ['a mail server, by STARTTLS', { ...SMTP, SMTP_SECURITY: 'starttls' }, { email: { relay: { ...relay, port: 587, security: 'starttls' } } }],
    ['a mail server, at a port', { ...SMTP, SMTP_PORT: '2525' }, { email: { relay: { ...relay, port: 2525 } } }],
    [
      'a mail server that wants a password',
      { ...SMTP, SMTP_USER: 'user', SMTP_PASSWORD: 's3cret' },
      { email: { relay: { ...relay, credentials: { user: 'user', password: 's3cret' } } } },
    ],
    [
      'a mail server on this machine, without TLS',
      { ...SMTP, SMTP_HOST: 'localhost', SMTP_SECURITY: 'none' },
      { email: { relay: { host: 'localhost', port: 587, security: 'none' } } },
    ],
    ['a web server, of mail', MAIL_HTTP, { email: { provider: 'http', webhook: { url: 'https://acme.com/mail', signingKey: SIGNED } } }],
    ['a web server, of SMS', SMS_HTTP, { sms: { provider: 'http', webhook: { url: 'https://acme.com/sms', signingKey: SIGNED } } }],
    ['Twilio', TWILIO, { sms: { provider: 'twilio', twilio: { url: 'https://api.twilio.com', authToken: 'a token', from: '+15005550006' } } }],
  ])('may be %s', (_, settings, expected) => {
    expect(settingsOf(settings)).toMatchObject(expected);
  });

  it.each([
    ...Object.keys({ EMAIL: 0, ...FROM }).map((setting) => [setting, BINDING] as const),
    ...['EMAIL_FROM', 'SMTP_HOST'].map((setting) => [setting, SMTP] as const),
    ...['EMAIL_HTTP_URL', 'EMAIL_HTTP_SIGNING_KEY'].map((setting) => [setting, MAIL_HTTP] as const),
    ...['SMS_HTTP_URL', 'SMS_HTTP_SIGNING_KEY'].map((setting) => [setting, SMS_HTTP] as const),
    ...['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_FROM'].map((setting) => [setting, TWILIO] as const),
    ['SMTP_PASSWORD', { ...SMTP, SMTP_USER: 'user' }] as const,
    ['SMTP_USER', { ...SMTP, SMTP_PASSWORD: 's3cret' }] as const,
  ])('needs %s', (setting, settings) => {
    expect(faultOf({ ...settings, [setting]: undefined })).toBe(`Setting ${setting} is missing`);
  });

  it('needs nothing of who does not deliver', () => {
    expect(settingsOf({ ...TWILIO, SMS_PROVIDER: 'none', TWILIO_AUTH_TOKEN: undefined }).sms).toEqual({ provider: 'none' });
  });
});

describe('a setting of delivery', () => {
  it.each([
    ['EMAIL_PROVIDER', ['sendgrid', 'SMTP', 1]],
    ['EMAIL', ['a binding']],
    ['EMAIL_FROM', ['no address', 'Acme <login@acme.com>', 'login@acme.com\r\nBcc: x']],
    ['EMAIL_FROM_NAME', ['Acme\r\nBcc: x@acme.com', 'x'.repeat(501)]],
    ['SMTP_HOST', ['https://mail.acme.com', 'mail.acme.com:25', 'a b']],
    ['SMTP_PORT', ['smtp', '65536', '-1']],
    ['SMTP_SECURITY', ['ssl', 'none']],
    ['SMTP_USER', ['user\r\nQUIT']],
    ['EMAIL_HTTP_URL', ['http://acme.com/', 'https://user:hunter2@acme.com/', 'ftp://acme.com', 'acme.com', 'http://127.0.0.1.acme.com/']],
    ['EMAIL_HTTP_SIGNING_KEY', ['hunter2']],
    ['SMS_PROVIDER', ['sns', 'smtp']],
    ['SMS_HTTP_URL', ['http://acme.com/', 'http://10.0.0.1/']],
    ['SMS_HTTP_SIGNING_KEY', ['hunter2']],
    ['TWILIO_ACCOUNT_SID', ['AC12', `AC${'x'.repeat(32)}`, '../x']],
    ['TWILIO_FROM', ['+1\r\n5', 'x'.repeat(65)]],
    ['TWILIO_URL', ['http://api.twilio.com', 'twilio']],
    ['SMS_DOMAIN', ['https://acme.com', 'acme.com #1', 'a b']],
    ['MESSAGE_TEMPLATES', ['hunter2', '[]', '{"otpSms":{"en":{"sms":"{{.hunter2}}"}}}']],
    ['DELIVERY_DEADLINE_SECONDS', ['0', '31']],
    ['DEV_MAILBOX', ['yes', '1', 1]],
  ] as const)('is named when it is wrong, and not repeated: %s', (setting, values) => {
    for (const value of values) {
      const fault = faultOf({ ...SMTP, ...SMS_HTTP, [setting]: value });
      expect(fault).toMatch(`Setting ${setting} is not valid: `);
      expect(fault).not.toMatch(/hunter2|Bcc|QUIT/);
    }
  });

  it.each(['http://127.0.0.1:8080/mail', 'http://localhost/mail', 'http://[::1]:8080/'])('may be plain http to this machine: %s', (url) => {
    expect(settingsOf({ ...MAIL_HTTP, EMAIL_HTTP_URL: url }).email).toMatchObject({ webhook: { url } });
  });

  it('is on or off: DEV_MAILBOX', () => {
    expect([true, 'true', false, 'false'].map((value) => settingsOf({ DEV_MAILBOX: value }).devMailbox)).toEqual([true, true, false, false]);
  });

  it('may hold own wordings, and the domain of codes', () => {
    const templates = { otpSms: { en: { sms: 'Code {{.Code}}' } } };
    expect(settingsOf({ MESSAGE_TEMPLATES: JSON.stringify(templates), SMS_DOMAIN: 'login.acme.com' })).toMatchObject({
      overrides: templates,
      smsDomain: 'login.acme.com',
    });
  });
});
