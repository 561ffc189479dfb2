import type { Facts } from '../cells/user-protocol.ts';
import { totpLabel } from '../checks/totp.ts';
import type { Subject } from '../core/session/subject.ts';
import { isSealedByNewest, seal, unseal } from '../crypto/sealed-box.ts';
import { resealTotp } from '../directory/totp.ts';
import type { Walk } from './walk.ts';

/** Seals the seed of a TOTP that was just proved under the newest key, so that an older one can be dropped. Done beside the answer, as `rehash` is. */
export function reseal(walk: Walk, subject: Subject, { totp }: Facts): void {
  if (totp === undefined || isSealedByNewest(walk.sealKeys, totp)) return;
  walk.later(replaceSeal(walk, subject, totp));
}

async function replaceSeal({ cells, db, sealKeys }: Walk, { id: userId, cell }: Subject, before: string): Promise<void> {
  try {
    const seed = await unseal(sealKeys, totpLabel(userId), before);
    if (seed === undefined) return;
    const after = await seal(sealKeys, totpLabel(userId), seed);
    if (await resealTotp(db, userId, { before, after })) await cells.user(cell).forget(userId);
  } catch (error) {
    console.error('a seed could not be sealed anew', error);
  }
}
