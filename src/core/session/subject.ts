import type { Problem } from '../problem.ts';
import { fail, ok, type Result } from '../result.ts';
import type { Asked } from './command.ts';
import { userChangeNotPossible, userMissing } from './problems.ts';
import { FACTORS, type FactorName, type OtpMethod } from './session.ts';

/** Enough of a user to address the cell that keeps what the user can spend. */
export interface Subject {
  readonly id: string;
  readonly cell: string;
}

/**
 * In the order of the checks, what each factor says when the session has no user; then each challenge. A challenge of WebAuthn needs none: its
 * answer may tell.
 */
const CHECK_NEEDS_USER: Record<FactorName, Problem> = {
  password: userMissing('failed-precondition', 'COMMAND-Sfw3f'),
  idpIntent: userMissing('failed-precondition', 'COMMAND-Sfw3r'),
  webAuthN: userMissing('failed-precondition', 'COMMAND-eeR2e'),
  totp: userMissing('invalid-argument', 'COMMAND-8N9ds'),
  otpSms: userMissing('invalid-argument', 'COMMAND-S453v'),
  otpEmail: userMissing('invalid-argument', 'COMMAND-S453v'),
  recoveryCode: userMissing('invalid-argument', 'COMMAND-4m9s2'),
};
const CHALLENGE_NEEDS_USER: Record<OtpMethod, Problem> = {
  otpSms: userMissing('failed-precondition', 'COMMAND-JKL3g'),
  otpEmail: userMissing('failed-precondition', 'COMMAND-JK3gp'),
};

/**
 * Whom the factor checks and challenges of a request are about: the user that it (or its assertion) names, or else the session's. A session never changes its
 * user. Undefined where no user is there and none is needed.
 */
export function subjectOf(
  current: Subject | undefined,
  named: Subject | undefined,
  { checks, challenges }: Pick<Asked, 'checks' | 'challenges'>,
): Result<Subject | undefined> {
  if (current && named && current.id !== named.id) return fail(userChangeNotPossible);
  const subject = named ?? current;
  if (subject) return ok(subject);
  const missing = [
    ...FACTORS.filter((factor) => checks[factor] !== undefined).map((factor) => CHECK_NEEDS_USER[factor]),
    ...(['otpSms', 'otpEmail'] as const).filter((method) => challenges?.[method] !== undefined).map((method) => CHALLENGE_NEEDS_USER[method]),
  ];
  const [first] = missing;
  return first === undefined ? ok(undefined) : fail(first);
}
