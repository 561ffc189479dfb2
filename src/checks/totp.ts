import type { Problem } from '../core/problem.ts';
import { fromBase32 } from '../crypto/base32.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { unseal } from '../crypto/sealed-box.ts';
import { stepOf } from '../crypto/totp.ts';
import { type Finding, unreadable } from './finding.ts';

const notReady: Problem = { kind: 'failed-precondition', id: 'COMMAND-3Mif9s', message: "Multifactor OTP (OneTimePassword) isn't ready" };

/** How the seed of a user's TOTP is sealed. */
export const totpLabel = (userId: string) => ({ purpose: 'totp', owner: userId });

/** The TOTP check (RFC 6238 section 5.2): a code passes in its own step and the ones beside it, and spends its step. `seed` is sealed base32. */
export async function checkTotp(seed: string | undefined, userId: string, code: string, sealKeys: KeyRing, now: number): Promise<Finding> {
  if (seed === undefined) return { kind: 'not-ready', problem: notReady };
  const base32 = await unseal(sealKeys, totpLabel(userId), seed);
  const bytes = base32 === undefined ? undefined : fromBase32(base32);
  if (bytes === undefined) return { kind: 'not-ready', problem: unreadable };
  const step = await stepOf(bytes, code, now);
  return step === undefined ? { kind: 'wrong' } : { kind: 'passed', spends: String(step) };
}
