import type { PastFailures } from '../cells/user-protocol.ts';
import type { Walk } from './walk.ts';

/** Forgets the failures before a success that is committed. It does not fail: those that stay only make the next attempt wait longer. */
export async function resetFailures(walk: Walk, cell: string, userId: string, failures: readonly PastFailures[]): Promise<void> {
  if (failures.length === 0) return;
  try {
    await walk.cells.user(cell).resetFailures(userId, failures);
  } catch (error) {
    console.error('failures could not be reset', error);
  }
}
