import type { User } from '../directory/users.ts';
import type { Call } from './operation.ts';

/**
 * Writes what a check of this user relies on. The user's cell forgets what it knows before, so that no check goes on with what was there, and
 * after, so that nothing that was loaded in between is kept.
 */
export async function changeCredentials<Outcome>({ cells }: Call, user: User, write: () => Promise<Outcome>): Promise<Outcome> {
  const cell = cells.user(user.cell);
  await cell.forget(user.id);
  try {
    return await write();
  } finally {
    await cell.forget(user.id);
  }
}
