import { findUserDetails, type User } from '../directory/users.ts';
import type { Call } from './operation.ts';
import { emit, type JsonObject, message, text, toTimestamp } from './protojson.ts';

/** A request that says no more than whom it is about. */
export const userIdMessage = message({ userId: text(1, 200) });

/**
 * The details of a user after a change, read again: the change may have been written by the user's cell. It was made, and that is told also when they cannot be
 * read; then without the sequence.
 */
export async function userDetails(
  { db, now }: Pick<Call, 'db' | 'now'>,
  { id, organizationId }: Pick<User, 'id' | 'organizationId'>,
): Promise<JsonObject> {
  try {
    const details = await findUserDetails(db, id);
    if (details) return presentDetails(details);
  } catch (error) {
    console.error('a change was made whose details cannot be read', error);
  }
  return { changeDate: toTimestamp(now), resourceOwner: organizationId };
}

export const presentDetails = (details: { readonly sequence: number; readonly changeDate: number; readonly organizationId: string }): JsonObject => ({
  sequence: String(details.sequence),
  changeDate: toTimestamp(details.changeDate),
  resourceOwner: details.organizationId,
});

/** A user as GetUserByID shows it; never a hash. */
export function presentUser(user: User): JsonObject {
  return emit({
    userId: user.id,
    details: { ...presentDetails(user), creationDate: toTimestamp(user.creationDate) },
    state: `USER_STATE_${user.state.toUpperCase()}`,
    username: user.username,
    loginNames: [user.username],
    preferredLoginName: user.username,
    ...(user.kind === 'human' ? { human: presentHuman(user) } : { machine: emit({ name: user.displayName, description: user.description }) }),
  });
}

function presentHuman(user: User): JsonObject {
  const { givenName, familyName, nickName, displayName, preferredLanguage, gender, passwordChangedAt } = user;
  return emit({
    profile: emit({ givenName, familyName, nickName, displayName, preferredLanguage, gender }),
    email: emit({ email: user.email, isVerified: user.emailVerified }),
    phone: user.phone === '' ? undefined : emit({ phone: user.phone, isVerified: user.phoneVerified }),
    passwordChangeRequired: user.passwordChangeRequired,
    passwordChanged: passwordChangedAt === undefined ? undefined : toTimestamp(passwordChangedAt),
  });
}
