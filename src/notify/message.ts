/** Why somebody is told something. */
export const MESSAGE_KINDS = [
  'otpEmail',
  'otpSms',
  'emailVerification',
  'phoneVerification',
  'passwordReset',
  'passkeyRegistration',
  'passwordChanged',
] as const;

export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** What is told, and to whom. Plain JSON, so that it can wait in a table until it is sent. */
export interface Message {
  /** The same over all tries of one message: receivers may tell a repeat by it. */
  readonly id: string;
  readonly kind: MessageKind;
  readonly channel: 'email' | 'sms';
  /** The address of the moment at which the message was decided on. */
  readonly to: string;
  /** Empty where there is none. */
  readonly code: string;
  /** The page to go on at, with everything filled in. A mail shows it; of an SMS its host is what the code is bound to. */
  readonly url?: string | undefined;
  /** Until when the code is good, in milliseconds since 1970. */
  readonly expiresAt: number;
  readonly user: {
    readonly userId: string;
    readonly organizationId: string;
    readonly loginName: string;
    readonly displayName: string;
    /** BCP 47; English where nothing nearer is worded. */
    readonly preferredLanguage: string;
  };
  readonly sessionId?: string | undefined;
}
