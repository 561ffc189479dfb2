import type { Problem } from '../core/problem.ts';
import type { OpenCode } from '../core/session/session.ts';
import { codeNotFound } from '../core/user/attempts.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { codeLabel, sameCode } from '../crypto/one-time-code.ts';
import { unseal } from '../crypto/sealed-box.ts';
import type { Finding } from './finding.ts';

const notReady: Problem = { kind: 'failed-precondition', id: 'COMMAND-d2r52', message: "Multifactor OTP (OneTimePassword) isn't ready" };
const expired: Problem = { kind: 'failed-precondition', id: 'CODE-QvUQ4P', message: 'Code is expired' };

/** The check of a code that was sent by SMS or e-mail, or handed back. `address` is there where the factor is. A code that came too late is a failure. */
export async function checkOtp(
  address: string | undefined,
  open: OpenCode | undefined,
  sessionId: string,
  code: string,
  sealKeys: KeyRing,
  now: number,
): Promise<Finding> {
  if (address === undefined) return { kind: 'not-ready', problem: notReady };
  if (open === undefined) return { kind: 'not-ready', problem: codeNotFound };
  if (open.expiresAt <= now) return { kind: 'wrong', problem: expired };
  // It cannot be read where its key was dropped, nor where the person has another address by now.
  const expected = await unseal(sealKeys, codeLabel(sessionId, address), open.box);
  if (expected === undefined) return { kind: 'not-ready', problem: codeNotFound };
  return { kind: sameCode(code, expected) ? 'passed' : 'wrong' };
}
