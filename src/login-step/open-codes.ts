import type { Facts, Spender } from '../cells/user-protocol.ts';
import { type Problem, unavailable } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Challenges, Opening, OtpChallenge } from '../core/session/command.ts';
import type { OtpMethod } from '../core/session/session.ts';
import type { Subject } from '../core/session/subject.ts';
import { codeLabel, DIGITS, newCode } from '../crypto/one-time-code.ts';
import { seal } from '../crypto/sealed-box.ts';
import type { Walk } from './walk.ts';

/** Codes for the caller's own eyes. */
export type HandedBack = { readonly [Method in OtpMethod]?: string };

export interface Opened {
  readonly openings: readonly Opening[];
  readonly codes: HandedBack;
}

/** Which session the codes are for, and the attempt that they are part of. */
interface Purpose extends Spender {
  readonly sessionId: string;
}

const notReady = (id: string): Problem => ({ kind: 'failed-precondition', id, message: "Multifactor OTP (OneTimePassword) isn't ready" });
const NOT_READY: Record<OtpMethod, Problem> = { otpSms: notReady('COMMAND-BJ2g3'), otpEmail: notReady('COMMAND-JKLJ3') };

/** The first of the codes asked for that goes by a factor which the user has not. */
export const codesHindered =
  (challenges: Challenges) =>
  (facts: Facts): Problem | undefined =>
    (['otpSms', 'otpEmail'] as const)
      .filter((method) => challenges[method] !== undefined && facts[method] === undefined)
      .map((method) => NOT_READY[method])[0];

/** Opens the codes that a request asks for, SMS first: makes and seals them, for the address that is verified at this moment. */
export async function openCodes(walk: Walk, subject: Subject, challenges: Challenges, purpose: Purpose): Promise<Result<Opened>> {
  const openings: Opening[] = [];
  const codes: { [Method in OtpMethod]?: string } = {};
  for (const method of ['otpSms', 'otpEmail'] as const) {
    const challenge = challenges[method];
    if (challenge === undefined) continue;
    const permitted = await permit(walk, subject, purpose, method, challenge);
    if (!permitted.ok) return permitted;
    const to = permitted.value[method];
    if (to === undefined) return fail(NOT_READY[method]);
    const code = newCode(walk.codes.digits, DIGITS);
    if (challenge.returnCode) codes[method] = code;
    openings.push({
      method,
      id: crypto.randomUUID(),
      box: await seal(walk.sealKeys, codeLabel(purpose.sessionId, to), code),
      lifetimeMs: walk.codes.lifetimeMs,
      delivery: challenge.returnCode ? undefined : { to, urlTemplate: challenge.urlTemplate ?? walk.codes.urlTemplate },
    });
  }
  return ok({ openings, codes });
}

async function permit(
  walk: Walk,
  { id: userId, cell }: Subject,
  { attemptId, requestId }: Spender,
  method: OtpMethod,
  { returnCode }: OtpChallenge,
): Promise<Result<Facts>> {
  const userCell = walk.cells.user(cell);
  for (;;) {
    const permitted = await userCell.permitCode({ userId, attemptId, requestId, sendBy: returnCode ? undefined : method });
    if (permitted.kind === 'permitted') return ok(permitted.facts);
    if (permitted.kind === 'refused') return fail(permitted.problem);
    if (Date.now() > walk.deadline) return fail(unavailable('The credentials are being changed'));
    await userCell.load(userId);
  }
}
