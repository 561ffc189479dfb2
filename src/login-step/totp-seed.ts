import { checkTotp, totpLabel } from '../checks/totp.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { wrong } from '../core/user/attempts.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { seal } from '../crypto/sealed-box.ts';

/** Seals the seed of a user's TOTP, given in base32, as the check of its codes opens it. */
export const sealSeed = (sealKeys: KeyRing, userId: string, secret: string): Promise<string> => seal(sealKeys, totpLabel(userId), secret);

export const wrongTotp = wrong('totp', 0);

/** Proves that whoever sends a code holds a sealed seed. It is no attempt, signs nobody in, and spends nothing. */
export async function proveSeed(sealKeys: KeyRing, userId: string, seed: string, code: string): Promise<Result<undefined>> {
  const finding = await checkTotp(seed, userId, code, sealKeys, Date.now());
  if (finding.kind === 'passed') return ok(undefined);
  return fail(finding.problem ?? wrongTotp);
}
