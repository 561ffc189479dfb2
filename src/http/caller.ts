import type { Config } from '../config.ts';
import { type Membership, type Permission, type Scope, scopeOf } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { digest, sameDigest } from '../crypto/digest.ts';
import { findTokenOwner } from '../directory/personal-access-tokens.ts';
import { isJwt, jwtCallerOf } from './jwt-caller.ts';
import { isSessionToken, type Reach, sessionCallerOf } from './session-caller.ts';
import { ShortMemory, VERDICT_MS } from './short-memory.ts';

/** Who calls. `id` is what a session remembers as its creator; `userId` is there for callers that are users of this directory. */
export interface Caller {
  readonly kind: 'admin' | 'login' | 'pat' | 'jwt' | 'session';
  readonly id: string;
  readonly userId?: string;
  readonly organizationId?: string;
  /** The session whose token is the bearer. */
  readonly sessionId?: string;
  /** What the client of that session called its agent. */
  readonly fingerprintId?: string;
  readonly membership: Membership;
}

/** Where the caller holds a permission. */
export const scopeOfCaller = (caller: Caller, permission: Permission): Scope => scopeOf(caller.membership, permission);

/** As whom the caller reads sessions. */
export const readerOf = (caller: Caller) => ({
  callerId: caller.id,
  fingerprintId: caller.fingerprintId,
  read: scopeOfCaller(caller, 'session.read'),
});

const headerMissing: Problem = { kind: 'unauthenticated', message: 'auth header missing' };
const headerInvalid: Problem = { kind: 'unauthenticated', id: 'AUTH-toLo1', message: 'invalid auth header' };
const tokenInvalid: Problem = { kind: 'unauthenticated', id: 'AUTH-7fs1e', message: 'Errors.Token.Invalid' };

/** No user id holds a "|", so these callers are never mistaken for users. */
const LOGIN: Caller = { kind: 'login', id: 'sallyport|login', membership: { instance: ['IAM_LOGIN_CLIENT'], organizations: {} } };
const ADMIN: Caller = { kind: 'admin', id: 'sallyport|admin', membership: { instance: ['IAM_OWNER', 'IAM_LOGIN_CLIENT'], organizations: {} } };

const verdicts = new ShortMemory<Caller>();

/**
 * Finds out who calls, from the Authorization header. No I/O for the operator's token, nor for a JWT or a personal access token that was seen a
 * moment ago.
 */
export async function callerOf(authorization: string | undefined, reach: Reach, now: number): Promise<Result<Caller>> {
  if (authorization === undefined) return fail(headerMissing);
  const [, bearer] = /^Bearer +([^\s]{1,8192})$/i.exec(authorization) ?? [];
  if (bearer === undefined) return fail(headerInvalid);
  const bearerDigest = await digest(bearer);
  const { admin, login } = await ownDigestsOf(reach.config);
  if (admin.some((known) => sameDigest(known, bearerDigest))) return ok(ADMIN);
  if (login.some((known) => sameDigest(known, bearerDigest))) return ok(LOGIN);
  if (isSessionToken(bearer)) return (await sessionCallerOf(bearer, reach, now)) ?? fail(tokenInvalid);
  const known = verdicts.get(bearerDigest, now);
  if (known) return ok(known);
  if (!isJwt(bearer) && !bearer.startsWith('pat_')) return fail(tokenInvalid);
  const passed = await reach.passFence();
  if (!passed.ok) return passed;
  const found = isJwt(bearer) ? await jwtCallerOf(bearer, reach.config.jwtIssuers, now) : ok(await patCallerOf(bearerDigest, reach.db, now));
  if (!found.ok) return found;
  if (found.value === undefined) return fail(tokenInvalid);
  const { caller, expiresAt } = found.value;
  return ok(verdicts.keep(bearerDigest, caller, Math.min(now + VERDICT_MS, expiresAt)));
}

async function patCallerOf(bearerDigest: string, db: D1Database, now: number) {
  const owner = await findTokenOwner(db, bearerDigest, now);
  if (owner === undefined) return undefined;
  const { userId, organizationId, membership, expiresAt } = owner;
  const caller: Caller = { kind: 'pat', id: userId, userId, organizationId, membership };
  return { caller, expiresAt };
}

interface OwnDigests {
  readonly admin: readonly string[];
  readonly login: readonly string[];
}

const ownDigests = new WeakMap<Config, Promise<OwnDigests>>();

function ownDigestsOf(config: Config): Promise<OwnDigests> {
  const digests = ownDigests.get(config) ?? digestOwn(config);
  ownDigests.set(config, digests);
  return digests;
}

async function digestOwn({ adminTokens, loginClientTokens }: Config): Promise<OwnDigests> {
  const [admin, login] = await Promise.all([adminTokens, loginClientTokens].map((tokens) => Promise.all(tokens.map(digest))));
  return { admin: admin ?? [], login: login ?? [] };
}
