import { ok, type Result } from '../core/result.ts';
import type { CodePurpose } from '../core/user/codes.ts';
import type { AddressKind } from '../directory/addresses.ts';
import { type CodeUser, type CodeWay, issueCode } from '../login-step/user-codes.ts';
import type { Call } from './operation.ts';
import { walkOf } from './walk-of.ts';

export const PURPOSES = { email: 'emailVerification', phone: 'phoneVerification' } as const satisfies Record<AddressKind, CodePurpose>;
const CHANNELS = { email: 'email', phone: 'sms' } as const;

/** A code that verifies an address. */
export interface AddressCode {
  readonly kind: AddressKind;
  readonly address: string;
  readonly way: CodeWay;
  /** Only in the place of another that is still open. */
  readonly again?: boolean | undefined;
}

/** Opens a code that verifies an address of a user, and goes there unless it is returned. @returns the code, where it is returned */
export async function openAddressCode(call: Call, user: CodeUser, { kind, address, way, again }: AddressCode): Promise<Result<string | undefined>> {
  const order = { purpose: PURPOSES[kind], basis: address, channel: CHANNELS[kind], to: address, way, again };
  const issued = await issueCode(walkOf(call), user, order);
  return issued.ok ? ok(issued.value.code) : issued;
}
