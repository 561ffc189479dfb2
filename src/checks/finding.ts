import type { Problem } from '../core/problem.ts';
import type { SignCount } from '../core/web-authn/credential.ts';

/**
 * What a check found out. `passed` may spend something that serves once, or carry a counter on; and tells of an assertion which challenge it answers. `wrong` is told by its method's own refusal, unless it brings one.
 * `not-ready` is no attempt: there was nothing to compare with.
 */
export type Finding =
  | { readonly kind: 'passed'; readonly spends?: string; readonly signCount?: SignCount; readonly assertion?: AnsweredChallenge }
  | { readonly kind: 'wrong'; readonly problem?: Problem }
  | { readonly kind: 'not-ready'; readonly problem: Problem };

/** The challenge that an assertion answers, and whether the authenticator verified the user. */
export interface AnsweredChallenge {
  readonly challengeId: string;
  readonly userVerified: boolean;
}

/** A factor that cannot be read, because the key it was sealed under is no longer listed. */
export const unreadable: Problem = { kind: 'failed-precondition', id: 'SALLY-Sealed', message: 'The factor cannot be read and must be set up anew' };
