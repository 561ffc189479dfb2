import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { TrustedIssuer } from '../config.ts';
import { isRole, type Membership } from '../core/permission.ts';
import { unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Caller } from './caller.ts';
import { IssuerKeys } from './issuer-keys.ts';

/** Asymmetric ones only: with a shared secret, whoever can verify could sign, and a public key would pass for the secret (RFC 8725, section 2.1). */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
/** What callers present (RFC 9068, section 2.1); logout tokens, DPoP proofs and the like are something else (RFC 8725, section 3.11). */
const TYPES = /^(application\/)?(at\+)?jwt$/i;
const CLOCK_TOLERANCE_SECONDS = 5;
const SUBJECT_LONGEST = 200;

/** A caller whom a JWT signs in, and when that ends (Unix milliseconds). */
export interface JwtCaller {
  readonly caller: Caller;
  readonly expiresAt: number;
}

/** Whether a bearer has the form of a JWT: three parts in base64url (RFC 7515, section 7.1). */
export const isJwt = (bearer: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(bearer);

/**
 * Verifies a JWT (RFC 7519, section 7.2) of one of `issuers`. Its `iss` is read first, only to know under whose keys to verify everything.
 * @returns the caller; undefined for a token that is no good; a Problem when its issuer does not answer, so that nobody knows
 */
export async function jwtCallerOf(bearer: string, issuers: readonly TrustedIssuer[], now: number): Promise<Result<JwtCaller | undefined>> {
  if (issuers.length === 0) return ok(undefined);
  const [{ decodeJwt }, { jwtVerify }] = await Promise.all([import('jose/jwt/decode'), import('jose/jwt/verify')]);
  try {
    const claimed = decodeJwt(bearer).iss;
    const trusted = issuers.find(({ issuer }) => issuer === claimed);
    if (trusted === undefined) return ok(undefined);
    const { payload, protectedHeader } = await jwtVerify(bearer, keyOf(trusted), {
      algorithms: ALGORITHMS,
      issuer: trusted.issuer,
      audience: trusted.audience,
      requiredClaims: ['exp', 'sub'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(now),
    });
    const { typ } = protectedHeader;
    return ok(typ === undefined || TYPES.test(typ) ? callerIn(payload, trusted) : undefined);
  } catch (error) {
    return error instanceof IssuerSilent ? fail(unavailable('The issuer of the token did not answer')) : ok(undefined);
  }
}

function callerIn({ sub, exp, ...claims }: JWTPayload, { issuer, roleClaim }: TrustedIssuer): JwtCaller | undefined {
  if (exp === undefined || typeof sub !== 'string' || sub === '' || sub.length > SUBJECT_LONGEST || !sub.isWellFormed()) return undefined;
  return { caller: { kind: 'jwt', id: `${issuer}|${sub}`, membership: membershipOf(claims[roleClaim]) }, expiresAt: exp * 1000 };
}

/** The roles that a claim names: one, or a list. What is no role of the instance grants nothing, nor does a claim of any other shape. */
function membershipOf(claim: unknown): Membership {
  const names: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const instance = names.every((name) => typeof name === 'string') ? names.filter((name) => isRole(name, 'instance')) : [];
  return { instance, organizations: {} };
}

/** The issuer could not be asked for its keys: the token may be good or not. */
class IssuerSilent extends Error {}

const keysOfIssuers = new WeakMap<TrustedIssuer, IssuerKeys>();

/** Finds keys by what the issuer publishes and nothing else: `jwk`, `jku` and `x5c` in a token's header are its bearer's word. */
const keyOf =
  (trusted: TrustedIssuer): JWTVerifyGetKey =>
  async (header, token) => {
    const keys = keysOfIssuers.get(trusted) ?? new IssuerKeys(trusted.jwksUrl);
    keysOfIssuers.set(trusted, keys);
    const { kid } = header as { kid?: unknown };
    const set = await keys.setWith(typeof kid === 'string' ? kid : undefined);
    if (set === undefined) throw new IssuerSilent();
    return set.find(header, token);
  };
