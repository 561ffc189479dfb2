/** What a client is told of a change. */
export interface Details {
  readonly sequence: bigint;
  readonly changeDate: Date;
  readonly resourceOwner: string;
}

/** A refusal as a client decodes it: the gRPC code, and what its details say. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
  /** The type of the detail, without its package. */
  readonly type: string;
  readonly id: string;
  readonly failedAttempts?: number;
}

export type ChallengeName = 'webAuthN' | 'otpSms' | 'otpEmail';

/** What comes of a create or of a set. */
export interface Step {
  readonly details: Details;
  readonly sessionToken: string;
  readonly challenges: { readonly webAuthN?: object; readonly otpSms?: string; readonly otpEmail?: string };
}

export interface UserAgent {
  readonly fingerprintId: string;
  readonly ip: string;
  readonly description: string;
  readonly header: Readonly<Record<string, readonly string[]>>;
}

export interface Factor {
  readonly verifiedAt: Date;
  readonly id?: string;
  readonly loginName?: string;
  readonly displayName?: string;
  readonly organizationId?: string;
  readonly userVerified?: boolean;
}

export const FACTORS = ['user', 'password', 'webAuthN', 'totp', 'otpSms', 'otpEmail'] as const;
export type FactorName = (typeof FACTORS)[number];

export interface Session {
  readonly id: string;
  readonly sequence: bigint;
  readonly creationDate: Date;
  readonly changeDate: Date;
  readonly expirationDate: Date | undefined;
  readonly metadata: Readonly<Record<string, Uint8Array>>;
  readonly userAgent: UserAgent | undefined;
  readonly factors: Readonly<Partial<Record<FactorName, Factor>>>;
}

export interface Progress {
  readonly password?: string;
  readonly webAuthN?: object;
  readonly totp?: string;
  readonly otpSms?: string;
  readonly otpEmail?: string;
  /** Opened with the code handed back, or for this RP ID with a verified user. */
  readonly challenge?: { readonly name: 'otpSms' | 'otpEmail' } | { readonly name: 'webAuthN'; readonly domain: string };
  readonly metadata?: Readonly<Record<string, Uint8Array>>;
  readonly lifetimeSeconds?: number;
}

export interface Person {
  readonly organizationId: string;
  readonly loginName: string;
  readonly phone: string;
  readonly password: string;
}

/**
 * A client that somebody else wrote, behind one face: each method is one call of that client, from its own types to these. A value of another type than
 * the client promises does not come through.
 */
export interface LoginClient {
  addHumanUser(person: Person): Promise<{ readonly userId: string; readonly details: Details }>;
  registerPasskey(userId: string, domain: string): Promise<{ readonly passkeyId: string; readonly options: object }>;
  verifyPasskeyRegistration(userId: string, passkeyId: string, credential: object): Promise<Details>;
  registerTOTP(userId: string): Promise<{ readonly uri: string; readonly secret: string }>;
  verifyTOTPRegistration(userId: string, code: string): Promise<Details>;
  addOTPEmail(userId: string): Promise<Details>;
  addOTPSMS(userId: string): Promise<Details>;
  /** Without the prefix of the enumeration. */
  authenticationMethods(userId: string): Promise<readonly string[]>;
  createSession(first: {
    readonly userId: string;
    readonly userAgent: UserAgent;
    readonly metadata: Readonly<Record<string, Uint8Array>>;
    readonly lifetimeSeconds: number;
  }): Promise<Step & { readonly sessionId: string }>;
  setSession(sessionId: string, sessionToken: string, progress: Progress): Promise<Step>;
  /** As the operator, or by the bearer. */
  getSession(sessionId: string, bearer?: string): Promise<Session>;
  sessionsOf(userId: string): Promise<{ readonly total: bigint; readonly timestamp: Date; readonly sessions: readonly Session[] }>;
  /** How often to ask for a password, and what with; without the prefixes of the enumerations. */
  loginSettings(): Promise<{ readonly passwordCheckLifetimeSeconds: bigint; readonly passkeys: string; readonly secondFactors: readonly string[] }>;
  deleteSession(sessionId: string, sessionToken: string): Promise<Details>;
  /** What a call was refused with. */
  refusalOf(call: Promise<unknown>): Promise<Refusal>;
}

/** What a call rejects with. */
export async function rejectionOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('the call was not refused');
}

/** A value that has to be there. */
export function present<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('a value is missing');
  return value;
}
