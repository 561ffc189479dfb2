import { TELLING_DETAILS, type UserDetails } from './users.ts';

/** Where a user is reached: the columns of `user` that hold it. */
export type AddressKind = 'email' | 'phone';

const change = (kind: AddressKind): string => `
  UPDATE user SET ${kind} = ?2, ${kind}_verified = ?3, sequence = sequence + 1, change_date = ?4
  WHERE id = ?1 AND ${kind} <> ?2 AND kind = 'human' AND state <> 'deleted' ${TELLING_DETAILS}`;

const CHANGE: Record<AddressKind, string> = { email: change('email'), phone: change('phone') };

/** An address that a user is to have; an empty one is none. */
export interface NewAddress {
  readonly kind: AddressKind;
  readonly address: string;
  readonly verified: boolean;
}

/** Replaces a person's e-mail address or phone number; undefined when it is the same already, or the person is gone. */
export async function changeAddress(
  db: D1Database,
  userId: string,
  { kind, address, verified }: NewAddress,
  now: number,
): Promise<UserDetails | undefined> {
  return (await db.prepare(CHANGE[kind]).bind(userId, address, Number(verified), now).first<UserDetails>()) ?? undefined;
}

const verify = (kind: AddressKind): string => `
  UPDATE user SET ${kind}_verified = 1, sequence = sequence + 1, change_date = ?3
  WHERE id = ?1 AND ${kind} = ?2 AND kind = 'human' AND state <> 'deleted' ${TELLING_DETAILS}`;

const VERIFY: Record<AddressKind, string> = { email: verify('email'), phone: verify('phone') };

/** Marks an address as verified; undefined when the person has another one by now, or is gone. */
export async function verifyAddress(
  db: D1Database,
  userId: string,
  { kind, address }: Omit<NewAddress, 'verified'>,
  now: number,
): Promise<UserDetails | undefined> {
  return (await db.prepare(VERIFY[kind]).bind(userId, address, now).first<UserDetails>()) ?? undefined;
}
