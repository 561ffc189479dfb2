import { expect } from 'vitest';
import { NOWHERE, type Scope } from '../../src/core/permission.ts';
import type { Problem } from '../../src/core/problem.ts';
import type { Result } from '../../src/core/result.ts';
import type { Stop, StopOf } from '../../src/core/session/admission.ts';
import type { Moment, Step } from '../../src/core/session/carry-forward.ts';
import type { AdmittedUser, UpdateSession, Verdicts, VerifiedPassword } from '../../src/core/session/command.ts';
import { type CreateSession, create } from '../../src/core/session/create.ts';
import type { LifetimePolicy } from '../../src/core/session/policy.ts';
import type { Session } from '../../src/core/session/session.ts';
import { type UpdateStanding, update } from '../../src/core/session/update.ts';

/** What the tests of the session decision start from. Times are milliseconds since 1970. */
export const NOW = 1_800_000_000_000;
export const MINUTE = 60_000;
export const DAY = 86_400_000;

export const ORG = 'org-1';
export const OTHER_ORG = 'org-2';
export const inOrg = (...organizations: string[]): Scope => ({ everywhere: false, organizations });

export const policy = (overrides: Partial<LifetimePolicy> = {}): LifetimePolicy => ({
  defaultLifetimeMs: 30 * DAY,
  maxLifetimeMs: 365 * DAY,
  idleTimeoutMs: 0,
  ...overrides,
});

export const noStops: StopOf = () => undefined;
export const stopped =
  (userId: string, stop: Partial<Stop> = {}): StopOf =>
  (id) =>
    id === userId ? { epoch: 1, deleted: false, ...stop } : undefined;

export const moment = (overrides: Partial<Moment> = {}): Moment => ({
  now: NOW,
  nextToken: 'digest-2',
  stopOf: noStops,
  passwordVersionOf: () => 0,
  policy: policy(),
  ...overrides,
});

export const minnie = (overrides: Partial<AdmittedUser> = {}): AdmittedUser => ({
  id: 'minnie',
  organizationId: ORG,
  loginName: 'minnie@mouse.com',
  displayName: 'Minnie Mouse',
  preferredLanguage: 'en',
  cell: 'users:weur:1',
  epoch: 0,
  admittedAt: NOW,
  ...overrides,
});

export const mickey = (overrides: Partial<AdmittedUser> = {}): AdmittedUser =>
  minnie({ id: 'mickey', loginName: 'mickey@mouse.com', displayName: 'Mickey Mouse', ...overrides });

export const passwordOf = (userId: string, reservedAt: number = NOW, version = 1): VerifiedPassword => ({ userId, reservedAt, version });

export const command = (overrides: Partial<UpdateSession> = {}): UpdateSession => ({ checks: {}, metadata: [], ...overrides });

export const checkUser = { checks: { user: { userId: 'minnie' } } };
export const checkPassword = { checks: { password: { password: 'V3ryS3cure!' } } };
export const checkBoth = { checks: { ...checkUser.checks, ...checkPassword.checks } };

/** A pair of metadata as the core sees it: its value in padded base64. */
export const pair = (key: string, value: string | Uint8Array): readonly [string, string] => [key, Buffer.from(value).toString('base64')];

export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused: ${result.problem.id ?? ''} ${result.problem.message}`);
  return result.value;
}

export function mustFail<T>(result: Result<T>): Problem {
  if (result.ok) throw new Error(`not refused: ${JSON.stringify(result.value)}`);
  return result.problem;
}

/** The id of the refusal, or 'ok'. */
export const outcomeOf = (result: Result<unknown>): string => (result.ok ? 'ok' : (result.problem.id ?? result.problem.message));

/** Freezes what is handed to the core, so that a change in place is an error. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) frozen(part);
  }
  return value;
}

/** A session as it stands right after its Create, a minute ago, under the token `digest-1`. */
export function newSession(asked: Partial<CreateSession> = {}, verdicts: Verdicts = {}, at: Partial<Moment> = {}): Session {
  const born = moment({ now: NOW - MINUTE, nextToken: 'digest-1', ...at });
  return frozen(must(create('session-1', 'creator-1', { ...command(), ...asked }, verdicts, born)).session);
}

/** A session whose user was checked a minute ago. */
export const sessionOf = (user: AdmittedUser = minnie({ admittedAt: NOW - MINUTE }), asked: Partial<CreateSession> = {}): Session =>
  newSession({ checks: { user: { userId: user.id } }, ...asked }, { user });

export const withToken = (overrides: Partial<UpdateStanding> = {}): UpdateStanding => ({
  token: 'current',
  write: NOWHERE,
  basis: undefined,
  ...overrides,
});

/** A PATCH with everything that is not named left as usual: the current token, and session.write nowhere. */
export function patch(
  session: Session | undefined,
  asked: Partial<UpdateSession> = {},
  {
    standing = {},
    verdicts = {},
    at = {},
  }: { readonly standing?: Partial<UpdateStanding>; readonly verdicts?: Verdicts; readonly at?: Partial<Moment> } = {},
): ReturnType<typeof update> {
  return update(session, frozen(command(asked)), withToken(standing), frozen(verdicts), moment(at));
}

/** The Step of a PATCH that is expected to be let in. */
export function stepOf(result: ReturnType<typeof update>): Step {
  const step = must(result);
  expect(step).not.toBe('raced');
  return step as Step;
}

export const eventsOf = (result: ReturnType<typeof update>): string[] => stepOf(result).events.map(({ type }) => type);
