import type { Letter } from './compose.ts';
import type { Message, MessageKind } from './message.ts';

/** Zitadel's name of what led to each kind of message. */
const EVENTS: Record<MessageKind, string> = {
  otpEmail: 'session.otp.email.challenged',
  otpSms: 'session.otp.sms.challenged',
  emailVerification: 'user.human.email.code.added',
  phoneVerification: 'user.human.phone.code.added',
  passwordReset: 'user.human.password.code.added',
  passkeyRegistration: 'user.human.passwordless.initialization.code.requested',
  passwordChanged: 'user.human.password.changed',
};

const NANOSECONDS_PER_MS = 1_000_000;

/** A message as Zitadel's HTTP notification providers get it, so that receivers written for Zitadel go on working. */
export function zitadelPayload(message: Message, { subject, text, parts }: Letter, now: number) {
  const { kind, channel, to, user, code, sessionId } = message;
  const mail = channel === 'email';
  const oneTime = kind === 'otpEmail' || kind === 'otpSms';
  const page = parts.url === undefined ? undefined : new URL(parts.url);
  return {
    contextInfo: {
      eventType: EVENTS[kind],
      provider: { id: `sallyport-${channel}`, description: 'Sallyport' },
      ...(mail ? { recipientEmailAddress: to } : { recipientPhoneNumber: to }),
    },
    templateData: {
      title: parts.title,
      preHeader: parts.title,
      subject,
      greeting: parts.greeting,
      text: mail ? parts.text : text,
      url: parts.url ?? '',
      buttonText: parts.button,
      footerText: parts.footer,
      // Zitadel's own defaults: a receiver may expect them, and branding is not built.
      primaryColor: '#5469d4',
      backgroundColor: '#fafafa',
      fontColor: '#000000',
      fontFamily: '-apple-system, BlinkMacSystemFont, Segoe UI, Lato, Arial, Helvetica, sans-serif',
    },
    args: {
      userID: user.userId,
      orgID: user.organizationId,
      userName: user.loginName,
      displayName: user.displayName,
      loginName: user.loginName,
      loginNames: [user.loginName],
      preferredLoginName: user.loginName,
      preferredLanguage: user.preferredLanguage,
      ...(mail ? { lastEmail: to } : { lastPhone: to }),
      ...(mail && kind !== 'emailVerification' && { verifiedEmail: to }),
      ...(!mail && kind !== 'phoneVerification' && { verifiedPhone: to }),
      ...(code !== '' && { code }),
      ...(oneTime && {
        oTP: code,
        expiry: Math.max(0, message.expiresAt - now) * NANOSECONDS_PER_MS,
        origin: page?.origin ?? '',
        domain: page?.hostname ?? '',
      }),
      ...(sessionId !== undefined && { sessionID: sessionId }),
    },
  };
}
