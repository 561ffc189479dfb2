import type { Problem } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import { isExpired, isLive, type StopOf, stopOn, type TokenStanding } from './admission.ts';
import type { Session } from './session.ts';

/** Whose a session token is, as a bearer, and how much was proved in its session. */
export interface BearerUser {
  readonly userId: string;
  readonly organizationId: string;
  /** Whether a second factor is proved too, or one that is two: an assertion whose authenticator verified its user. */
  readonly multiFactor: boolean;
  /** What the session's client called its agent. */
  readonly fingerprintId: string | undefined;
}

const notExisting: Problem = { kind: 'not-found', id: 'QUERY-SFeaa', message: 'Errors.Session.NotExisting' };
const superseded: Problem = { kind: 'permission-denied', id: 'QUERY-dsfr3', message: 'Errors.PermissionDenied' };
const expired: Problem = { kind: 'permission-denied', id: 'AUTHZ-EGDo3', message: 'session expired' };
const stopped: Problem = { kind: 'permission-denied', id: 'SESSION-Gj4ko', message: 'User is not active' };
const authenticationRequired: Problem = { kind: 'permission-denied', id: 'AUTHZ-Kl3p0', message: 'authentication required' };
const mfaRequired: Problem = { kind: 'permission-denied', id: 'AUTHZ-Kl3p0', message: 'mfa required' };

/**
 * A session token as `Authorization: Bearer`: the identity of the session's user, once a factor besides the user is proved. Zitadel leaves the
 * texts of these refusals untranslated.
 */
export function bearerUser(session: Session | undefined, token: TokenStanding, stopOf: StopOf, now: number): Result<BearerUser> {
  if (!isLive(session, stopOf)) return fail(notExisting);
  if (token !== 'current') return fail(superseded);
  if (isExpired(session, now)) return fail(expired);
  if (stopOn(session, stopOf)) return fail(stopped);
  const factors = Object.values(session.factors).filter((factor) => factor !== undefined).length;
  if (session.user === undefined || factors === 0) return fail(authenticationRequired);
  const multiFactor = factors > 1 || session.factors.webAuthN?.userVerified === true;
  return ok({ userId: session.user.id, organizationId: session.user.organizationId, multiFactor, fingerprintId: session.userAgent?.fingerprintId });
}

/** What makes one factor too few. */
export interface MfaDemands {
  /** FORCE_MFA. */
  readonly everybody: boolean;
  /** Whether the user could prove a second factor. */
  readonly ready: boolean;
}

/**
 * A second factor that a user has is asked for, and with FORCE_MFA one is asked of everybody. As Zitadel has it, any two factors will do, and one
 * alone is too few even where it is the only one that the user has; but an assertion whose authenticator verified its user is two.
 */
export const mfaProblem = ({ multiFactor }: BearerUser, { everybody, ready }: MfaDemands): Problem | undefined =>
  !multiFactor && (everybody || ready) ? mfaRequired : undefined;
