import type { Problem } from '../core/problem.ts';
import type { Result } from '../core/result.ts';
import type { FactorName, OtpMethod } from '../core/session/session.ts';
import type { Method, Try } from '../core/user/attempts.ts';
import type { CodePurpose, Guess } from '../core/user/codes.ts';
import type { Standing, Transition } from '../core/user/lifecycle.ts';
import type { Credential, SignCount } from '../core/web-authn/credential.ts';
import type { Waiting } from './outbox.ts';
import type { EndedBy, PasswordChanged } from './session-protocol.ts';

/** What is said to a user's cell, and what it says back: like a session's, plain data, and no Promise from a verb that changes something. */

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
  /** The seed of a verified TOTP, sealed. */
  readonly totp: string | undefined;
  /** The verified phone number and e-mail address, where codes sent there are a factor. */
  readonly otpSms: string | undefined;
  readonly otpEmail: string | undefined;
  /** The MACs of all recovery codes, used ones too. */
  readonly recoveryCodes: readonly string[];
  /** Passkeys and security keys. */
  readonly credentials: readonly Credential[];
}

export interface Reserve {
  readonly userId: string;
  readonly tries: readonly Try[];
  /** The attempt's id where repeats of its request may run beside it: they share the reservation, and count as one. */
  readonly shared?: string | undefined;
  /** Codes that are to be sent once the checks have passed. */
  readonly sends?: ({ readonly by: readonly OtpMethod[] } & Spender) | undefined;
}

/** `cold`: the cell has to load the facts first. `busy`: only rivals in flight stand in the way; ask again. */
export type Reservation =
  | {
      readonly kind: 'reserved';
      readonly id: string;
      readonly reservedAt: number;
      readonly facts: Facts;
      /** Why one of those codes may not be sent now: then nothing is spent for it. */
      readonly sendProblem?: Problem | undefined;
    }
  | { readonly kind: 'cold' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'refused'; readonly problem: Problem };

/** Who spends a thing that serves once. */
export interface Spender {
  /** Made of session and presented token: what an attempt has spent, the same attempt may spend again. */
  readonly attemptId: string;
  /**
   * Of a request that begins again, as another attempt, when it is overtaken: it may spend again what nobody but itself has spent. Had
   * anybody else spent it as the same attempt, theirs may be the one that was committed.
   */
  readonly requestId?: string | undefined;
}

export interface Settle extends Spender {
  readonly reservationId: string;
  readonly userId: string;
  /** What each reserved try came to; one that was not made is left out. */
  readonly verdicts: readonly Verdict[];
}

/** What a try came to, and what a right one uses up: a TOTP step, a recovery code; or the signatures of a credential up to this one. */
export interface Verdict extends Try {
  readonly passed: boolean;
  readonly spends?: string | undefined;
  readonly signCount?: SignCount | undefined;
}

/**
 * `settled`: `failures` holds each failed method's count with this failure, `resettable` the failures before each method that passed. Single-use
 * things are spent when every try passed, all of them or, where another attempt has used one, none: `usedBefore` is its method.
 * `stale`: the credentials changed meanwhile, so the verdicts say nothing. `lost`: the cell does not know the reservation (any more).
 */
export type Settled =
  | {
      readonly kind: 'settled';
      readonly failures: Readonly<Partial<Record<Method, number>>>;
      readonly resettable: readonly PastFailures[];
      readonly usedBefore?: FactorName | undefined;
    }
  | { readonly kind: 'stale' }
  | { readonly kind: 'lost' };

/** Asks to open a challenge for a user, and to send it where it is a code that has to be sent. */
export interface PermitChallenge extends Spender {
  readonly userId: string;
  /** The channel whose address it goes to; undefined where it goes to the caller. */
  readonly sendBy: OtpMethod | undefined;
}

export type ChallengePermit =
  | { readonly kind: 'permitted'; readonly facts: Facts }
  | { readonly kind: 'cold' }
  | { readonly kind: 'refused'; readonly problem: Problem };

/** Opens a code that belongs to a user and to no session. */
export interface IssueCode {
  readonly userId: string;
  readonly purpose: CodePurpose;
  readonly id: string;
  /** The code's MAC: it is only ever compared. */
  readonly tag: string;
  /** What it is good for: the address that it verifies, or the version of the password that may be replaced. */
  readonly basis: string;
  readonly lifetimeMs: number;
  /** Only in the place of another that is still open. */
  readonly again: boolean;
  /** What is sent, where it is not handed back to the caller. */
  readonly message: Omit<Waiting, 'id' | 'owner' | 'kind' | 'expiresAt'> | undefined;
}

export interface GuessCode {
  readonly userId: string;
  readonly purpose: CodePurpose;
  /** The code's id, where it has to be named. */
  readonly id: string | undefined;
  /** MACs of the code that was given, one under each key in force. */
  readonly tags: readonly string[];
}

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

/** What happened to a user beside any session: when (milliseconds since 1970), and to which of the user's credentials. Never a secret. */
export interface UserEvent {
  readonly type: UserEventType;
  readonly at: number;
  readonly tokenId: string;
}

/** Zitadel's names. */
export type UserEventType = 'user.human.passwordless.token.check.failed' | 'user.human.mfa.u2f.token.check.failed';

/** Ends all sessions of a user but one that may be named. */
export interface EndSessions extends Omit<EndedBy, 'epoch'> {
  readonly userId: string;
  readonly seen: Standing;
}

/** The verbs of a user's cell. */
export interface UserCellVerbs {
  admit(admit: Admit): Result<Admitted>;
  /** Reserves an attempt before its secret is looked at. */
  reserve(reserve: Reserve): Reservation;
  /** Loads a user's facts from D1, for the next `reserve`. */
  load(userId: string): Promise<void>;
  /** Tells what a challenge for a user needs, and counts a code that is to be sent. */
  permitChallenge(permit: PermitChallenge): ChallengePermit;
  /** Opens a code of a user, and sends it where it is to be sent. */
  issueCode(issue: IssueCode): Result<undefined>;
  /** Counts a guess at a code of a user. A right one stays open until `endCode`: what it allows is written in between, on top of its basis. */
  guessCode(guess: GuessCode): Guess;
  /** @returns false when it is closed already */
  endCode(userId: string, purpose: CodePurpose, id: string): boolean;
  /** Ends an attempt: counts what failed, spends what passed. An attempt that came to nothing is settled without verdicts. */
  settle(settle: Settle): Settled;
  /** The user's trail, the oldest first. */
  events(userId: string): readonly UserEvent[];
  /** Forgets failures that came before a success which is committed now; those that came since stay. */
  resetFailures(userId: string, failures: readonly PastFailures[]): void;
  /** Forgets a user's facts: called before and after every change of credentials in D1. */
  forget(userId: string): void;
  /** Like `forget`, ahead of a change of password in D1. What follows from it is done by `finish`, once it is written. */
  beginPasswordChange(change: PasswordChanged): void;
  /** Changes a user's state; what follows from it is done by `finish`. */
  transit(transit: Transit): Result<Standing>;
  /** Ends a user's sessions, also those that are under way; what follows from it is done by `finish`. False for a user who is deleted. */
  endSessions(command: EndSessions): boolean;
  /**
   * Tells every session cell and D1 of a user's standing, and every session cell of a new password; false when one of them could not be told in time (the alarm goes on). Who
   * has written a new password says which version it is; else the directory is asked.
   */
  finish(userId: string, passwordVersion?: number): Promise<boolean>;
}
