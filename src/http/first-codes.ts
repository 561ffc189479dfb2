import { ok, type Result } from '../core/result.ts';
import type { AddressKind } from '../directory/addresses.ts';
import type { CodeUser } from '../login-step/user-codes.ts';
import { openAddressCode } from './address-codes.ts';
import { wayOf } from './code-way.ts';
import type { Human } from './human-user.ts';
import { defaultLink } from './links.ts';
import type { Profile } from './new-user.ts';
import type { Call } from './operation.ts';

/** The codes that verify a new person's addresses, as far as they are returned. */
export interface FirstCodes {
  readonly emailCode: string | undefined;
  readonly phoneCode: string | undefined;
}

/** Opens the codes that a new person's addresses are verified by. An address about whose verification something is said (also "not") has none. */
export async function openFirstCodes(call: Call, user: CodeUser, { email, phone }: Human, profile: Profile): Promise<Result<FirstCodes>> {
  const open = async (kind: AddressKind, given: Human['email' | 'phone']) =>
    given === undefined || given.isVerified !== undefined || profile[kind] === ''
      ? ok(undefined)
      : openAddressCode(call, user, { kind, address: profile[kind], way: wayOf(given, defaultLink(call, 'verify')) });
  const [emailCode, phoneCode] = await Promise.all([open('email', email), open('phone', phone)]);
  if (!emailCode.ok) return emailCode;
  if (!phoneCode.ok) return phoneCode;
  return ok({ emailCode: emailCode.value, phoneCode: phoneCode.value });
}
