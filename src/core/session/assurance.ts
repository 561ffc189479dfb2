import { FACTORS, type FactorName, type Session } from './session.ts';

/** How sure one can be of who is signed in. */
export interface Assurance {
  /** Authentication methods (RFC 8176), as Zitadel names them in its ID tokens. */
  readonly amr: readonly string[];
  /** NIST 800-63B section 4: 0 while nothing but a user name is known, 1 with one factor, 2 with two or one that is two. */
  readonly aal: 0 | 1 | 2;
  /** Milliseconds since 1970 of the latest proof; undefined while there is none. */
  readonly authTime: number | undefined;
}

const AMR: Partial<Record<FactorName, string>> = { password: 'pwd', webAuthN: 'user', totp: 'otp', otpSms: 'otp', otpEmail: 'otp' };

/** What the factors of a session come to. An assertion whose authenticator verified its user counts twice. Pure. */
export function assuranceOf({ factors }: Pick<Session, 'factors'>): Assurance {
  const verified = FACTORS.filter((factor) => factors[factor] !== undefined);
  const sum = verified.length + (factors.webAuthN?.userVerified ? 1 : 0);
  const amr = new Set(verified.flatMap((factor) => AMR[factor] ?? []));
  if (sum > 1) amr.add('mfa');
  const times = verified.map((factor) => factors[factor]?.verifiedAt ?? 0);
  return { amr: [...amr], aal: sum === 0 ? 0 : sum === 1 ? 1 : 2, authTime: times.length > 0 ? Math.max(...times) : undefined };
}
