import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYWHERE, NOWHERE } from '../../src/core/permission.ts';
import { ok, type Result } from '../../src/core/result.ts';
import { isExpired, letIn, type Stop, type StopOf, stopOn, type TokenStanding } from '../../src/core/session/admission.ts';
import type { Step } from '../../src/core/session/carry-forward.ts';
import { needsWrite, type UpdateSession, type Verdicts } from '../../src/core/session/command.ts';
import { create } from '../../src/core/session/create.ts';
import { evolve, type Session, type SessionEvent } from '../../src/core/session/session.ts';
import { subjectOf } from '../../src/core/session/subject.ts';
import { terminate } from '../../src/core/session/terminate.ts';
import { update } from '../../src/core/session/update.ts';
import { wrong } from '../../src/core/user/attempts.ts';
import { DAY, frozen, MINUTE, minnie, NOW, outcomeOf, policy } from './builders.ts';

/** One thing that happens to a session. */
type Action =
  | { readonly does: 'pass'; readonly ms: number }
  | { readonly does: 'stop'; readonly userId: string; readonly deleted: boolean }
  | { readonly does: 'reactivate'; readonly userId: string }
  | { readonly does: 'terminate'; readonly token: Token; readonly allowed: boolean }
  | Patch;

interface Patch {
  readonly does: 'patch';
  readonly token: Token;
  readonly allowed: boolean;
  readonly userId: string | undefined;
  readonly password: 'right' | 'wrong' | undefined;
  readonly metadata: readonly (readonly [string, string])[];
  readonly lifetimeMs: number | undefined;
  /** How long the request takes from its look at the session to its commit, and whether another PATCH commits meanwhile. */
  readonly takesMs: number;
  readonly overtakenBy: 'nobody' | 'another' | 'stop';
}

type Token = 'live' | 'old' | 'forged' | 'none';

const token = fc.oneof(
  { arbitrary: fc.constant<Token>('live'), weight: 8 },
  { arbitrary: fc.constantFrom<Token>('none'), weight: 3 },
  { arbitrary: fc.constantFrom<Token>('old', 'forged'), weight: 2 },
);
const allowed = fc.oneof({ arbitrary: fc.constant(true), weight: 5 }, { arbitrary: fc.constant(false), weight: 1 });
const userId = fc.oneof({ arbitrary: fc.constant('minnie'), weight: 5 }, { arbitrary: fc.constant('mickey'), weight: 2 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

const aPatch = fc.record<Patch>({
  does: fc.constant('patch' as const),
  token,
  allowed,
  userId: maybe(userId),
  password: maybe(fc.constantFrom('right' as const, 'right' as const, 'wrong' as const)),
  metadata: fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom('', 'MQ==', 'Mg==')), { maxLength: 2 }),
  lifetimeMs: maybe(fc.integer({ min: 1, max: 2 * DAY })),
  takesMs: fc.oneof({ arbitrary: fc.integer({ min: 0, max: 2_000 }), weight: 9 }, { arbitrary: fc.constantFrom(15_000, 15_001), weight: 1 }),
  overtakenBy: fc.oneof(
    { arbitrary: fc.constant('nobody' as const), weight: 8 },
    { arbitrary: fc.constant('another' as const), weight: 2 },
    { arbitrary: fc.constant('stop' as const), weight: 1 },
  ),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: aPatch, weight: 14 },
  { arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.oneof(fc.integer({ min: 0, max: MINUTE }), fc.constant(DAY)) }), weight: 3 },
  { arbitrary: fc.record({ does: fc.constant('stop' as const), userId, deleted: fc.boolean() }), weight: 1 },
  { arbitrary: fc.record({ does: fc.constant('reactivate' as const), userId }), weight: 1 },
  { arbitrary: fc.record({ does: fc.constant('terminate' as const), token, allowed }), weight: 1 },
);
const script = fc.record({
  birth: fc.record({ userId: maybe(userId), password: fc.boolean(), lifetimeMs: maybe(fc.integer({ min: 1, max: DAY })) }),
  idleTimeoutMs: fc.constantFrom(0, 0, MINUTE),
  actions: fc.array(action, { minLength: 1, maxLength: 30 }),
});
type Script = typeof script extends fc.Arbitrary<infer S> ? S : never;

/** What one request came to. */
interface Turn {
  readonly action: Action;
  readonly at: number;
  readonly before: Session;
  readonly after: Session;
  readonly result: ReturnType<typeof update> | undefined;
  /** What had passed when the request was committed. */
  readonly verdicts: Verdicts;
  /** The tokens given out so far, oldest first. */
  readonly tokens: readonly string[];
  readonly stopOf: StopOf;
  readonly events: readonly (readonly [SessionEvent, number])[];
}

const POLICY = { defaultLifetimeMs: 3 * DAY, maxLifetimeMs: DAY + 1 };

/** Plays a script on the pure core as the Worker and the two cells would. What the core is handed is frozen. */
class World {
  now = NOW;
  session: Session;
  readonly turns: Turn[] = [];
  readonly #tokens: string[] = [];
  readonly #events: (readonly [SessionEvent, number])[] = [];
  readonly #idleTimeoutMs: number;
  /** The users' own cells: epoch and state. */
  readonly #users = new Map<string, { epoch: number; state: 'active' | 'stopped' | 'deleted' }>();
  /** The session's cell: the stops that it was told of. */
  #stops: ReadonlyMap<string, Stop> = new Map();

  constructor({ birth, idleTimeoutMs, actions }: Script) {
    this.#idleTimeoutMs = idleTimeoutMs;
    const user = birth.userId === undefined ? undefined : this.#admitted(birth.userId);
    const password = birth.password && user ? { userId: user.id, reservedAt: this.now, version: 1 } : undefined;
    const command = {
      checks: { ...(user && { user: { userId: user.id } }), ...(password && { password: { password: 'right' } }) },
      metadata: [],
      ...(birth.lifetimeMs !== undefined && { lifetimeMs: birth.lifetimeMs }),
    };
    const verdicts = { ...(user && { user }), ...(password && { password }) };
    const born = create('session-1', 'creator-1', command, verdicts, this.#moment());
    if (!born.ok) throw new Error(born.problem.message);
    this.session = this.#committed(born.value);
    for (const each of actions) this.#play(each);
  }

  #play(each: Action): void {
    if (each.does === 'pass') this.now += each.ms;
    if (each.does === 'stop') this.#stop(each.userId, each.deleted);
    if (each.does === 'reactivate') this.#reactivate(each.userId);
    if (each.does === 'terminate') this.#terminate(each);
    if (each.does === 'patch') this.#patch(each);
  }

  #terminate(each: Extract<Action, { does: 'terminate' }>): void {
    const by = { token: this.#standingOf(this.#digestOf(each.token)), delete: each.allowed ? EVERYWHERE : NOWHERE };
    this.#turn(each, {}, () => terminate(this.session, by, this.now));
  }

  #patch(each: Patch): void {
    const write = each.allowed ? EVERYWHERE : NOWHERE;
    const presented = this.#digestOf(each.token);
    const command: UpdateSession = {
      checks: {
        ...(each.userId !== undefined && { user: { userId: each.userId } }),
        ...(each.password && { password: { password: each.password } }),
      },
      metadata: each.metadata,
      ...(each.lifetimeMs !== undefined && { lifetimeMs: each.lifetimeMs }),
    };
    const found = this.#findOut(command, presented, write);
    if (!found.ok) {
      this.#turn(each, {}, () => found);
      return;
    }
    this.now += each.takesMs;
    if (each.overtakenBy === 'stop') this.#stop(each.userId ?? 'minnie', false);
    if (each.overtakenBy === 'another')
      this.#patch({ ...each, token: 'none', allowed: true, userId: undefined, password: undefined, overtakenBy: 'nobody' });
    const { basis, verdicts } = found.value;
    this.#turn(each, verdicts, () => update(this.session, command, { token: this.#standingOf(presented), write, basis }, verdicts, this.#moment()));
  }

  /** What the Worker does ahead of the commit: it looks at the session, has the user admitted and the password verified. */
  #findOut(
    command: UpdateSession,
    presented: string | undefined,
    write: typeof EVERYWHERE,
  ): Result<{ basis: string | undefined; verdicts: Verdicts }> {
    const standing = { token: this.#standingOf(presented), write, needsWrite: needsWrite(command) };
    const admitted = letIn(this.session, standing, this.#stopOf(), this.now);
    if (!admitted.ok) return admitted;
    const { user: named, password } = command.checks as { user?: { userId: string }; password?: { password: string } };
    if (named && this.#userOf(named.userId).state !== 'active')
      return { ok: false, problem: { kind: 'failed-precondition', id: 'SESSION-Gj4ko', message: '' } };
    const user = named && this.#admitted(named.userId);
    const subject = subjectOf(admitted.value.user, user, command);
    if (!subject.ok) return subject;
    if (password?.password === 'wrong') return { ok: false, problem: wrong('password', 1) };
    const verified = password && subject.value && { userId: subject.value.id, reservedAt: this.now, version: 1 };
    const basis = presented === undefined ? admitted.value.token : undefined;
    return ok({ basis, verdicts: frozen({ ...(user && { user }), ...(verified && { password: verified }) }) });
  }

  #turn(each: Action, verdicts: Verdicts, decide: () => ReturnType<typeof update>): void {
    const before = this.session;
    const result = decide();
    const step = stepIn(result);
    if (step) this.session = this.#committed(step);
    const { now: at, session: after } = this;
    this.turns.push({
      action: each,
      at,
      before,
      after,
      result,
      verdicts,
      tokens: [...this.#tokens],
      stopOf: this.#stopOf(),
      events: [...this.#events],
    });
  }

  #committed({ session, events }: Step): Session {
    for (const event of events) {
      this.#events.push([frozen(event), this.now]);
      if (event.type === 'session.token.set') this.#tokens.push(event.token);
    }
    return frozen(session);
  }

  #stop(id: string, deleted: boolean): void {
    const { epoch, state } = this.#userOf(id);
    if (state !== 'active') return;
    this.#users.set(id, { epoch: epoch + 1, state: deleted ? 'deleted' : 'stopped' });
    this.#stops = new Map(this.#stops).set(id, { epoch: epoch + 1, deleted });
  }

  #reactivate(id: string): void {
    const { epoch, state } = this.#userOf(id);
    if (state === 'stopped') this.#users.set(id, { epoch: epoch + 1, state: 'active' });
  }

  #stopOf(): StopOf {
    const stops = this.#stops;
    return (id) => stops.get(id);
  }

  #userOf = (id: string) => this.#users.get(id) ?? { epoch: 0, state: 'active' as const };
  #admitted = (id: string) => frozen(minnie({ id, epoch: this.#userOf(id).epoch, admittedAt: this.now }));
  #moment = () => ({
    now: this.now,
    nextToken: `token-${this.#tokens.length + 1}`,
    stopOf: this.#stopOf(),
    passwordVersionOf: () => 0,
    policy: policy({ ...POLICY, idleTimeoutMs: this.#idleTimeoutMs }),
  });

  #digestOf(which: Token): string | undefined {
    if (which === 'none') return undefined;
    if (which === 'live') return this.#tokens.at(-1);
    return which === 'old' ? (this.#tokens.at(-2) ?? 'forged') : 'forged';
  }

  #standingOf(presented: string | undefined): TokenStanding {
    if (presented === undefined) return 'absent';
    return presented === this.session.token ? 'current' : 'superseded';
  }
}

const stepIn = (result: ReturnType<typeof update> | undefined): Step | undefined =>
  result?.ok && result.value !== 'raced' && 'events' in result.value ? result.value : undefined;
const isChange = ({ result }: Turn): boolean => (stepIn(result)?.events.length ?? 0) > 0;
const idOf = ({ result }: Turn): string | undefined => (result && !result.ok ? outcomeOf(result) : undefined);

/** Holds that something is true of every turn of every script. */
function always(law: (turn: Turn, earlier: readonly Turn[], script: Script) => void): void {
  fc.assert(
    fc.property(script, (played) => {
      const { turns } = new World(played);
      turns.forEach((turn, index) => {
        law(turn, turns.slice(0, index), played);
      });
    }),
    { numRuns: 300 },
  );
}

describe('whatever happens to a session', () => {
  it('its sequence grows by one with each event, and its content changes with events only', () => {
    always((turn) => {
      const { before, after, result } = turn;
      if (!isChange(turn)) return expect(after).toBe(before);
      const grown = stepIn(result)?.events.length ?? 0;
      expect(after.sequence).toBe(before.sequence + grown);
    });
  });

  it('a request that is refused, raced or changes nothing leaves it as it was', () => {
    always((turn) => {
      if (!isChange(turn)) expect(turn.after).toEqual(turn.before);
    });
  });

  it('exactly one token is live, the last one given out, and every earlier one is refused', () => {
    always(({ after, at, tokens, stopOf }) => {
      expect(after.token).toBe(tokens.at(-1));
      expect(new Set(tokens).size).toBe(tokens.length);
      for (const each of tokens) {
        const token = each === after.token ? 'current' : 'superseded';
        const admitted = letIn(after, { token, write: EVERYWHERE, needsWrite: false }, stopOf, at);
        if (token === 'superseded') expect(['COMMAND-sGr42', 'QUERY-SFeaa']).toContain(outcomeOf(admitted));
        else expect(outcomeOf(admitted)).not.toBe('COMMAND-sGr42');
      }
    });
  });

  it('each change gives out exactly one token, and its end gives out none', () => {
    always((turn, earlier) => {
      const before = earlier.at(-1)?.tokens.length ?? 1;
      const given = isChange(turn) && turn.action.does === 'patch' ? 1 : 0;
      expect(turn.tokens.length).toBe(before + given);
    });
  });

  it('a factor appears only from a verdict that passed, for the user of the session, with the time of its commit', () => {
    always(({ before, after, at, verdicts }) => {
      const { password } = after.factors;
      if (password === undefined || password === before.factors.password) return;
      expect(password.verifiedAt).toBe(at);
      expect(verdicts.password?.userId).toBe(after.user?.id);
      expect(at - (verdicts.password?.reservedAt ?? 0)).toBeLessThanOrEqual(15_000);
    });
  });

  it('a verdict that passed is in it once the request succeeded', () => {
    always((turn) => {
      const { action, after, at, result } = turn;
      if (action.does !== 'patch' || !result?.ok || result.value === 'raced') return;
      if (action.password) expect(after.factors.password?.verifiedAt).toBe(at);
      if (action.userId !== undefined) expect(after.user).toMatchObject({ id: action.userId, verifiedAt: at });
    });
  });

  it('a wrong password never succeeds', () => {
    always(({ action, result }) => {
      if (action.does === 'patch' && action.password === 'wrong') expect(result?.ok).toBe(false);
    });
  });

  it('there is no factor without a user', () => {
    always(({ after }) => {
      if (after.factors.password) expect(after.user).toBeDefined();
    });
  });

  it('its user, once there, is never another one', () => {
    always(({ before, after }) => {
      if (before.user) expect(after.user?.id).toBe(before.user.id);
    });
  });

  it('once expired, ended or stopped it never changes again, but may be ended', () => {
    always((turn) => {
      const { action, at, before, stopOf } = turn;
      const closed = before.terminatedAt !== undefined || isExpired(before, at) || stopOn(before, stopOf) !== undefined;
      if (closed && action.does === 'patch') expect(turn.result?.ok).toBe(false);
      if (before.terminatedAt !== undefined) expect(isChange(turn)).toBe(false);
    });
  });

  it('a token without session.write gives it neither user nor metadata nor lifetime', () => {
    always(({ action, before, after }) => {
      if (action.does !== 'patch' || action.allowed) return;
      expect(after.user).toBe(before.user);
      expect(after.metadata).toBe(before.metadata);
      expect(after.lifetimeEndsAt).toBe(before.lifetimeEndsAt);
      if (action.token !== 'live') expect(after).toBe(before);
    });
  });

  it('its dates never go back, and are never ahead of the clock', () => {
    always(({ at, before, after }) => {
      expect(after.creationDate).toBe(before.creationDate);
      expect(after.changeDate).toBeGreaterThanOrEqual(before.changeDate);
      expect(after.changeDate).toBeLessThanOrEqual(at);
    });
  });

  it('it ends no later than the policy allows, counted from the change that set it', () => {
    always((turn, _, { idleTimeoutMs }) => {
      const { action, after, at } = turn;
      expect(after.expiresAt).toBeLessThanOrEqual(after.lifetimeEndsAt);
      if (!isChange(turn) || action.does !== 'patch') return;
      if (action.lifetimeMs !== undefined) expect(after.lifetimeEndsAt).toBe(at + Math.min(action.lifetimeMs, POLICY.maxLifetimeMs));
      const idleEndsAt = idleTimeoutMs === 0 ? after.lifetimeEndsAt : at + idleTimeoutMs;
      expect(after.expiresAt).toBe(Math.min(after.lifetimeEndsAt, idleEndsAt));
    });
  });

  it('it is what its events add up to', () => {
    always(({ after, events }) => {
      const [first, ...rest] = events;
      if (first === undefined) throw new Error('a session begins with an event');
      const folded = rest.reduce((session, [event, at]) => evolve(session, event, at), evolve(undefined, ...first));
      expect(folded).toEqual(after);
      expect(events.length).toBe(after.sequence);
    });
  });

  it('what is said of it is plain data, and holds no secret', () => {
    always(({ after, events, result }) => {
      const said = [after, events, result];
      expect(structuredClone(said)).toEqual(said);
      expect(JSON.stringify([after, events])).not.toMatch(/"right"|"wrong"/);
    });
  });
});

describe('the scripts above', () => {
  it('reach every way in which a request can end', () => {
    const reached = new Set<string>();
    for (const played of fc.sample(script, { numRuns: 1000, seed: 1 })) {
      for (const turn of new World(played).turns) {
        const change = isChange(turn) ? `${turn.action.does} changed` : 'nothing changed';
        reached.add(idOf(turn) ?? (turn.result?.ok && turn.result.value === 'raced' ? 'raced' : change));
      }
    }
    expect([...reached].sort()).toEqual(
      [
        '',
        'AUTH-AWfge',
        'COMMAND-3M0fs',
        'COMMAND-Hkl3d',
        'COMMAND-Sfw3f',
        'COMMAND-sGr42',
        'QUERY-SFeaa',
        'SALLY-Retry',
        'SESSION-Gj4ko',
        'nothing changed',
        'patch changed',
        'raced',
        'terminate changed',
      ].sort(),
    );
  });
});
