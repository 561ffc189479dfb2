import type { Scope } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import type { Result } from '../core/result.ts';
import type { BearerUser } from '../core/session/bearer.ts';
import type { UpdateSession, Verdicts } from '../core/session/command.ts';
import type { CreateSession } from '../core/session/create.ts';
import type { SessionView } from '../core/session/read.ts';
import type { Mark, Repeated } from '../core/session/repeat.ts';
import type { Subject } from '../core/session/subject.ts';
import type { Method } from '../core/user/attempts.ts';
import type { Standing, Transition } from '../core/user/lifecycle.ts';

/**
 * What the Worker says to the cells, and what they say back: plain data, so that it crosses RPC whole. Verbs that change something return
 * no Promise: between their first read and their last write nothing else can happen in the cell.
 */

/** How the details of a session stand after a request. */
export interface Committed {
  readonly sequence: number;
  readonly changeDate: number;
  /** False where the request changed nothing: its token lives on. */
  readonly changed: boolean;
}

export interface Peek {
  readonly sessionId: string;
  /** Digest of the token that was presented, if one was. */
  readonly presented: string | undefined;
  readonly write: Scope;
  readonly needsWrite: boolean;
  readonly marks?: readonly Mark[] | undefined;
}

/** A repeat of a request that was answered already is told by the answer that was kept. */
export type Peeked = Live | Repeated;

export interface Live {
  /** Digest of the live token. */
  readonly token: string;
  readonly user: Subject | undefined;
}

/** What a request with an Idempotency-Key brings along: its marks, one for each key in force and the newest first, and its answer, sealed. */
export interface Keyed {
  readonly marks: readonly Mark[];
  readonly sealed: string;
}

/** Looks for a session that a Create with an Idempotency-Key may have made before, under one of these ids. */
export interface Recall {
  readonly sessionIds: readonly string[];
  readonly marks: readonly Mark[];
}

/** The session that such a Create made, and the answer that was kept. */
export interface Recalled extends Repeated {
  readonly sessionId: string;
}

export interface CreateCommit {
  readonly sessionId: string;
  /** For a Create with an Idempotency-Key, with the ids under which another try may have come first. */
  readonly keyed?: (Keyed & { readonly otherIds: readonly string[] }) | undefined;
  readonly callerId: string;
  readonly nextToken: string;
  readonly command: CreateSession;
  readonly verdicts: Verdicts;
}

export interface UpdateCommit {
  readonly sessionId: string;
  readonly callerId: string;
  readonly presented: string | undefined;
  /** For a walk without a token: the live token that its checks were begun under. */
  readonly basis: string | undefined;
  readonly nextToken: string;
  readonly keyed?: Keyed | undefined;
  readonly write: Scope;
  readonly command: UpdateSession;
  readonly verdicts: Verdicts;
}

/** The outcome of a commit; `raced` when a walk without a token was overtaken and has to begin again. */
export type UpdateOutcome = Committed | Repeated | 'raced';

export interface Terminate {
  readonly sessionId: string;
  readonly callerId: string;
  readonly presented: string | undefined;
  readonly delete: Scope;
}

export interface Read {
  readonly sessionId: string;
  readonly callerId: string;
  readonly presented: string | undefined;
  readonly read: Scope;
}

export interface Authenticate {
  readonly sessionId: string;
  readonly presented: string;
}

export interface StopUser {
  readonly userId: string;
  readonly epoch: number;
  readonly deleted: boolean;
}

/** A user's password changed to this version. */
export interface PasswordChanged {
  readonly userId: string;
  readonly version: number;
  /** Who changed it, for the trail. */
  readonly callerId: string;
  /** Whether the user's sessions end, but for one that may be named. */
  readonly endSessions: boolean;
  readonly exceptSessionId?: string | undefined;
}

/** The verbs of a session cell. */
export interface SessionCellVerbs {
  /** Whether a request may go on, and whom its checks are about. Changes nothing. */
  peek(peek: Peek): Result<Peeked>;
  /** What a Create with an Idempotency-Key made before, if it did. Changes nothing. */
  recall(recall: Recall): Result<Recalled | undefined>;
  create(commit: CreateCommit): Result<Committed | Recalled>;
  commit(commit: UpdateCommit): Result<UpdateOutcome>;
  terminate(command: Terminate): Result<Committed>;
  read(query: Read): Result<SessionView>;
  /** Whose the token is, for a caller who presents it as a bearer. */
  authenticate(bearer: Authenticate): Result<BearerUser>;
  /** Stops what was admitted for a user under an epoch before this one, also what is still under way. */
  stop(stop: StopUser): void;
  /** Drops password factors verified before the change, also those still under way, and ends sessions where that was asked for. */
  passwordChanged(change: PasswordChanged): void;
}

export interface Admit {
  readonly userId: string;
  /** The user's standing as D1 shows it; the cell's own, once it has one, wins. */
  readonly seen: Standing;
  readonly sessionCell: string;
}

export interface Admitted {
  readonly epoch: number;
  readonly admittedAt: number;
}

/** What is known of a user's credentials, to check them against. */
export interface Facts {
  readonly kind: 'human' | 'machine';
  readonly passwordHash: string | undefined;
  readonly passwordVersion: number;
}

export interface Reserve {
  readonly userId: string;
  readonly methods: readonly Method[];
  /** The attempt's id where repeats of its request may run beside it: they share the reservation, and count as one. */
  readonly shared?: string | undefined;
}

/** `cold`: the cell has to load the facts first. `busy`: only rivals in flight stand in the way; ask again. */
export type Reservation =
  | { readonly kind: 'reserved'; readonly id: string; readonly reservedAt: number; readonly facts: Facts }
  | { readonly kind: 'cold' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly problem: Problem };

export interface Settle {
  readonly reservationId: string;
  readonly userId: string;
  /** What each reserved method came to; one that was not tried is left out. */
  readonly verdicts: readonly { readonly method: Method; readonly passed: boolean }[];
}

/**
 * `settled`: `failures` holds each failed method's count with this failure, `resettable` the failures before each method that passed.
 * `stale`: the credentials changed meanwhile, so the verdicts say nothing. `lost`: the cell does not know the reservation (any more).
 */
export type Settled =
  | { readonly kind: 'settled'; readonly failures: Readonly<Partial<Record<Method, number>>>; readonly resettable: readonly PastFailures[] }
  | { readonly kind: 'stale' }
  | { readonly kind: 'lost' };

/** The failures of one method up to one of them, by its number among all that the method ever had. */
export interface PastFailures {
  readonly method: Method;
  readonly upTo: number;
}

export interface Transit {
  readonly userId: string;
  readonly seen: Standing;
  readonly transition: Transition;
}

/** The verbs of a user's cell. */
export interface UserCellVerbs {
  admit(admit: Admit): Result<Admitted>;
  /** Reserves an attempt before its secret is looked at. */
  reserve(reserve: Reserve): Reservation;
  /** Loads a user's facts from D1, for the next `reserve`. */
  load(userId: string): Promise<void>;
  /** Ends an attempt: counts what failed. An attempt that came to nothing is settled without verdicts. */
  settle(settle: Settle): Settled;
  /** Forgets failures that came before a success which is committed now; those that came since stay. */
  resetFailures(userId: string, failures: readonly PastFailures[]): void;
  /** Forgets a user's facts: called before and after every change of credentials in D1. */
  forget(userId: string): void;
  /** Like `forget`, ahead of a change of password in D1. What follows from it is done by `finish`, once it is written. */
  beginPasswordChange(change: PasswordChanged): void;
  /** Changes a user's state; what follows from it is done by `finish`. */
  transit(transit: Transit): Result<Standing>;
  /** Tells every session cell and D1 of a user's standing, and every session cell of a new password; false when one of them could not be told in time (the alarm goes on). */
  finish(userId: string): Promise<boolean>;
}

/** A cell's verbs as they look from outside it. */
export type Remote<Verbs> = {
  readonly [Verb in keyof Verbs]: Verbs[Verb] extends (...args: infer Args) => infer Answer ? (...args: Args) => Promise<Awaited<Answer>> : never;
};
