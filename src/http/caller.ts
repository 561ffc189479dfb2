import type { Config } from '../config.ts';
import { type Membership, type Permission, type Scope, scopeOf } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { digest, sameDigest } from '../crypto/digest.ts';
import { findTokenOwner } from '../directory/personal-access-tokens.ts';
import { isJwt, jwtCallerOf } from './jwt-caller.ts';

/** Who calls. `id` is what a session remembers as its creator; `userId` is there for callers that are users of this directory. */
export interface Caller {
  readonly kind: 'admin' | 'pat' | 'jwt';
  readonly id: string;
  readonly userId?: string;
  readonly organizationId?: string;
  readonly membership: Membership;
}

/** Where the caller holds a permission. */
export const scopeOfCaller = (caller: Caller, permission: Permission): Scope => scopeOf(caller.membership, permission);

const headerMissing: Problem = { kind: 'unauthenticated', message: 'auth header missing' };
const headerInvalid: Problem = { kind: 'unauthenticated', id: 'AUTH-toLo1', message: 'invalid auth header' };
const tokenInvalid: Problem = { kind: 'unauthenticated', id: 'AUTH-7fs1e', message: 'Errors.Token.Invalid' };

/** No user id holds a "|", so this caller is never mistaken for a user. */
const ADMIN: Caller = { kind: 'admin', id: 'sallyport|admin', membership: { instance: ['IAM_OWNER', 'IAM_LOGIN_CLIENT'], organizations: {} } };

/** How long a verdict on a personal access token or a JWT, and its roles, is taken from memory. */
const VERDICT_MS = 30_000;
const VERDICTS_KEPT = 1000;
const verdicts = new Map<string, { readonly caller: Caller; readonly until: number }>();

/** Finds out who calls, from the Authorization header. No I/O for the operator's token, nor for a token that was seen a moment ago. */
export async function callerOf(authorization: string | undefined, config: Config, db: D1Database, now: number): Promise<Result<Caller>> {
  if (authorization === undefined) return fail(headerMissing);
  const [, bearer] = /^Bearer +([^\s]{1,8192})$/i.exec(authorization) ?? [];
  if (bearer === undefined) return fail(headerInvalid);
  const bearerDigest = await digest(bearer);
  const adminDigests = await adminDigestsOf(config);
  if (adminDigests.some((adminDigest) => sameDigest(adminDigest, bearerDigest))) return ok(ADMIN);
  const known = verdicts.get(bearerDigest);
  if (known && known.until > now) return ok(known.caller);
  if (isJwt(bearer)) {
    const verified = await jwtCallerOf(bearer, config.jwtIssuers, now);
    if (!verified.ok) return verified;
    if (verified.value === undefined) return fail(tokenInvalid);
    const { caller, expiresAt } = verified.value;
    remember(bearerDigest, caller, Math.min(now + VERDICT_MS, expiresAt));
    return ok(caller);
  }
  if (!bearer.startsWith('pat_')) return fail(tokenInvalid);
  const owner = await findTokenOwner(db, bearerDigest, now);
  if (owner === undefined) return fail(tokenInvalid);
  const { userId, organizationId, membership, expiresAt } = owner;
  const caller: Caller = { kind: 'pat', id: userId, userId, organizationId, membership };
  remember(bearerDigest, caller, Math.min(now + VERDICT_MS, expiresAt));
  return ok(caller);
}

const adminDigests = new WeakMap<Config, Promise<string[]>>();

function adminDigestsOf(config: Config): Promise<string[]> {
  const digests = adminDigests.get(config) ?? Promise.all(config.adminTokens.map(digest));
  adminDigests.set(config, digests);
  return digests;
}

function remember(bearerDigest: string, caller: Caller, until: number): void {
  verdicts.delete(bearerDigest);
  verdicts.set(bearerDigest, { caller, until });
  const [oldest] = verdicts.keys();
  if (verdicts.size > VERDICTS_KEPT && oldest !== undefined) verdicts.delete(oldest);
}
