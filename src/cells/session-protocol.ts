import type { Scope } from '../core/permission.ts';
import type { Result } from '../core/result.ts';
import type { BearerUser } from '../core/session/bearer.ts';
import type { Asked, Verdicts } from '../core/session/command.ts';
import type { CreateSession } from '../core/session/create.ts';
import type { SessionView } from '../core/session/read.ts';
import type { Mark, Repeated } from '../core/session/repeat.ts';
import type { Session } from '../core/session/session.ts';
import type { Subject } from '../core/session/subject.ts';
import type { TrailEntry } from './trail.ts';

/**
 * What is said to a session's cell, and what it says back: plain data, so that it crosses RPC whole. Verbs that change something return
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
  /** The request's, to be judged before anything is spent for it. */
  readonly metadata: Asked['metadata'];
  readonly marks?: readonly Mark[] | undefined;
}

/** A repeat of a request that was answered already is told by the answer that was kept. */
export type Peeked = Live | Repeated;

export interface Live {
  /** Digest of the live token. */
  readonly token: string;
  readonly user: Subject | undefined;
  readonly challenges: Session['challenges'];
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
  readonly command: Asked & Pick<CreateSession, 'userAgent'>;
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
  readonly command: Asked;
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
  /** The agent of the caller's own session, if the caller is one. */
  readonly fingerprintId?: string | undefined;
  readonly callerId: string;
  readonly presented: string | undefined;
  readonly read: Scope;
}

/** Sessions that a search has found: those are told of which the caller may read. */
export interface ReadMany {
  readonly fingerprintId?: string | undefined;
  readonly sessionIds: readonly string[];
  readonly callerId: string;
  readonly read: Scope;
}

/** The header in which a watch is asked for: who wants to read which session, as `Read` in JSON, percent-encoded: headers hold ASCII. */
export const WATCH_QUERY = 'x-sallyport-watch';

export interface Authenticate {
  readonly sessionId: string;
  readonly presented: string;
}

export interface StopUser {
  readonly userId: string;
  readonly epoch: number;
  readonly deleted: boolean;
  /** Where the sessions are to end. */
  readonly ends?: EndedBy | undefined;
}

/** Who has all sessions of a user end, and which of them does not. */
export interface EndedBy {
  readonly callerId: string;
  readonly exceptSessionId?: string | undefined;
  /** Those end that were admitted before it. */
  readonly epoch: number;
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
  /** As many of these as the caller may read at this moment, in the order in which they were asked for. */
  readMany(query: ReadMany): SessionView[];
  /** All that has happened to a session, the oldest first, for those who may read it. */
  events(query: Read): Result<readonly TrailEntry[]>;
  /** Whose the token is, for a caller who presents it as a bearer. */
  authenticate(bearer: Authenticate): Result<BearerUser>;
  /** Stops what was admitted for a user under an epoch before this one, also what is still under way. */
  stop(stop: StopUser): void;
  /** Has D1's index told of every session anew. */
  reindex(): void;
  /** Which of these sessions are here. */
  kept(sessionIds: readonly string[]): string[];
  /** Drops password factors verified before the change, also those still under way, and ends sessions where that was asked for. */
  passwordChanged(change: PasswordChanged): void;
}
