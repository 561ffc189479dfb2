import type { UserVerification } from '../web-authn/credential.ts';

/** Who a session's factors belong to, as found at its latest user check. Names are those of that moment. */
export interface SessionUser {
  readonly id: string;
  readonly organizationId: string;
  readonly loginName: string;
  readonly displayName: string;
  readonly preferredLanguage: string;
  /** Full name of the user's cell, never recomputed. */
  readonly cell: string;
  /** The user's epoch under which the cell admitted this session; a stop raises it, and older sessions end. */
  readonly epoch: number;
  readonly verifiedAt: number;
}

/** The factors besides the user that are built, in the order of their checks. */
export const FACTORS = ['password', 'idpIntent', 'webAuthN', 'totp', 'otpSms', 'otpEmail', 'recoveryCode'] as const;
export type FactorName = (typeof FACTORS)[number];

/** The factors that answer a code which was sent. */
export type OtpMethod = 'otpSms' | 'otpEmail';

/** A code that was sent, or handed back, and can be given once. */
export interface OpenCode {
  readonly id: string;
  /** The code, sealed. */
  readonly box: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A challenge of WebAuthn that is open: each can be answered once. */
export interface OpenAssertion {
  readonly id: string;
  /** 32 random bytes, base64url. */
  readonly challenge: string;
  readonly rpId: string;
  readonly userVerification: UserVerification;
  /** Ids of the credentials that it was offered to; not there where any discoverable one will do, and tells who the user is. */
  readonly offeredTo?: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A factor other than the user that was verified, and when (milliseconds since 1970, the session cell's clock). */
export interface Factor {
  readonly verifiedAt: number;
}

/** A password factor, with the version of the password that was given: a newer password drops it. */
export interface PasswordFactor extends Factor {
  readonly version: number;
}

/** A passkey or security key, with what the authenticator said of whether it verified the user. */
export interface WebAuthNFactor extends Factor {
  readonly userVerified: boolean;
}

/** The factors of a session, each with what is known of it. */
export type Factors = {
  readonly [Name in FactorName]?: Name extends 'password' ? PasswordFactor : Name extends 'webAuthN' ? WebAuthNFactor : Factor;
};

/** What is open in a session: of the codes one of a kind, a new one takes the place of the old; of WebAuthn a few at a time, the oldest first. */
export type OpenChallenges = { readonly [Method in OtpMethod]?: OpenCode } & { readonly webAuthN?: readonly OpenAssertion[] };

/** What the client said of itself at creation. `header` keeps every value of a header. */
export interface UserAgent {
  readonly fingerprintId?: string | undefined;
  readonly ip?: string | undefined;
  readonly description?: string | undefined;
  readonly header?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** One login, as it stands. Times are milliseconds since 1970. */
export interface Session {
  readonly id: string;
  /** Number of the session's last event; it only grows. */
  readonly sequence: number;
  readonly creationDate: number;
  readonly changeDate: number;
  /** Id of the caller that created it. */
  readonly creator: string;
  readonly userAgent?: UserAgent;
  /** SHA-256 of the one live token, base64. */
  readonly token: string;
  readonly user?: SessionUser;
  readonly factors: Factors;
  readonly challenges?: OpenChallenges;
  /** Values are standard base64. */
  readonly metadata: Readonly<Record<string, string>>;
  /** End of the lifetime asked for (or given by default). */
  readonly lifetimeEndsAt: number;
  /** When it expires: the end of its lifetime or of its idle time, whichever comes first. */
  readonly expiresAt: number;
  readonly terminatedAt?: number;
}

/** What can happen to a session, under Zitadel's event names. */
export type SessionEvent =
  | { readonly type: 'session.added'; readonly id: string; readonly creator: string; readonly userAgent?: UserAgent; readonly endsAt: number }
  | { readonly type: 'session.user.checked'; readonly user: SessionUser }
  | { readonly type: 'session.password.checked'; readonly version: number }
  | { readonly type: 'session.password.dropped' }
  | { readonly type: 'session.intent.checked' }
  | { readonly type: 'session.webAuthN.checked'; readonly challengeId: string; readonly userVerified: boolean }
  | { readonly type: 'session.totp.checked' }
  | { readonly type: 'session.otp.sms.checked' }
  | { readonly type: 'session.otp.email.checked' }
  | { readonly type: 'session.recoveryCode.checked' }
  | { readonly type: 'session.otp.sms.challenged'; readonly code: OpenCode }
  | { readonly type: 'session.otp.email.challenged'; readonly code: OpenCode }
  | { readonly type: 'session.webAuthN.challenged'; readonly challenge: OpenAssertion }
  | { readonly type: 'session.metadata.set'; readonly metadata: Readonly<Record<string, string>> }
  | { readonly type: 'session.lifetime.set'; readonly endsAt: number }
  | { readonly type: 'session.token.set'; readonly token: string; readonly idleEndsAt?: number }
  | { readonly type: 'session.terminated' };

/** The session after one more event. `session.added` must come first and only once. */
export function evolve(before: Session | undefined, event: SessionEvent, at: number): Session {
  if (event.type === 'session.added') return added(event, at);
  if (before === undefined) throw new Error(`${event.type} before session.added`);
  const session = { ...before, sequence: before.sequence + 1, changeDate: at };
  switch (event.type) {
    case 'session.user.checked':
      return { ...session, user: event.user };
    case 'session.password.checked':
      return verified(session, 'password', { verifiedAt: at, version: event.version });
    case 'session.password.dropped':
      return { ...session, factors: without(session.factors, 'password') };
    case 'session.intent.checked':
      return verified(session, 'idpIntent', { verifiedAt: at });
    case 'session.webAuthN.checked':
      return answered(verified(session, 'webAuthN', { verifiedAt: at, userVerified: event.userVerified }), event.challengeId);
    case 'session.totp.checked':
      return verified(session, 'totp', { verifiedAt: at });
    case 'session.recoveryCode.checked':
      return verified(session, 'recoveryCode', { verifiedAt: at });
    case 'session.otp.sms.checked':
      return spent(verified(session, 'otpSms', { verifiedAt: at }), 'otpSms');
    case 'session.otp.email.checked':
      return spent(verified(session, 'otpEmail', { verifiedAt: at }), 'otpEmail');
    case 'session.otp.sms.challenged':
      return { ...session, challenges: { ...session.challenges, otpSms: event.code } };
    case 'session.otp.email.challenged':
      return { ...session, challenges: { ...session.challenges, otpEmail: event.code } };
    case 'session.webAuthN.challenged':
      return { ...session, challenges: { ...session.challenges, webAuthN: withOneMore(session.challenges?.webAuthN, event.challenge, at) } };
    case 'session.metadata.set':
      return { ...session, metadata: event.metadata };
    case 'session.lifetime.set':
      return { ...session, lifetimeEndsAt: event.endsAt };
    case 'session.token.set':
      return { ...session, token: event.token, expiresAt: Math.min(session.lifetimeEndsAt, event.idleEndsAt ?? session.lifetimeEndsAt) };
    case 'session.terminated':
      return ended(session, at);
  }
}

function added({ id, creator, userAgent, endsAt }: Extract<SessionEvent, { type: 'session.added' }>, at: number): Session {
  return {
    id,
    creator,
    ...(userAgent && { userAgent }),
    sequence: 1,
    creationDate: at,
    changeDate: at,
    token: '',
    factors: {},
    metadata: {},
    lifetimeEndsAt: endsAt,
    expiresAt: endsAt,
  };
}

/** An ended session keeps what a repeated DELETE needs, and nothing else about the person. */
function ended(session: Session, at: number): Session {
  const { user, userAgent, challenges: _, ...rest } = session;
  const bare = { ...rest, factors: {}, metadata: {}, terminatedAt: at };
  return user === undefined ? bare : { ...bare, user: { ...user, loginName: '', displayName: '', preferredLanguage: '' } };
}

const verified = <Name extends FactorName>(session: Session, name: Name, factor: NonNullable<Factors[Name]>): Session => ({
  ...session,
  factors: { ...session.factors, [name]: factor },
});

/** A code that was given right cannot be given again. */
const spent = (session: Session, method: OtpMethod): Session => ({ ...session, challenges: without(session.challenges ?? {}, method) });

/** More than these are not open at a time, so that a page which asks anew does not undo the one that is being answered. */
const OPEN_ASSERTIONS_MOST = 4;

/** A new challenge takes the place of those that have expired and, where there are too many, of the oldest. */
const withOneMore = (open: readonly OpenAssertion[] | undefined, challenge: OpenAssertion, at: number): readonly OpenAssertion[] =>
  [...(open ?? []).filter(({ expiresAt }) => at < expiresAt), challenge].slice(-OPEN_ASSERTIONS_MOST);

/** A challenge that was answered right cannot be answered again. */
function answered(session: Session, challengeId: string): Session {
  const { webAuthN = [], ...codes } = session.challenges ?? {};
  const left = webAuthN.filter(({ id }) => id !== challengeId);
  return { ...session, challenges: { ...codes, ...(left.length > 0 && { webAuthN: left }) } };
}

const without = <Entries extends object>(entries: Entries, dropped: keyof Entries): Entries =>
  Object.fromEntries(Object.entries(entries).filter(([name]) => name !== dropped)) as Entries;
