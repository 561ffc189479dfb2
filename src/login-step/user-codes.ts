import { ok, type Result } from '../core/result.ts';
import { type CodePurpose, type Guess, USER_CODE_LENGTH, USER_CODE_LIFETIME_MS } from '../core/user/codes.ts';
import { CAPITALS_AND_DIGITS, codeLabel, codeTag, LETTERS_AND_DIGITS, newCode } from '../crypto/one-time-code.ts';
import { seal } from '../crypto/sealed-box.ts';
import type { User } from '../directory/users.ts';
import type { Walk } from './walk.ts';

/** Where a code goes: to its user, with the page that it leads to, which may be the caller's own choice; or back to the caller. */
export type CodeWay = { readonly kind: 'returned' } | { readonly kind: 'sent'; readonly urlTemplate: string; readonly ownLink: boolean };

/** A code to be opened for a user. */
export interface CodeOrder {
  readonly purpose: CodePurpose;
  /** What it is good for: the address that it verifies, or the version of the password that may be replaced. */
  readonly basis: string;
  readonly channel: 'email' | 'sms';
  readonly to: string;
  readonly way: CodeWay;
  /** Only in the place of another that is still open. */
  readonly again?: boolean | undefined;
}

/** Whom a code is for. */
export type CodeUser = Pick<User, 'id' | 'cell' | 'organizationId' | 'username' | 'displayName' | 'preferredLanguage'>;

/** A code that was opened, as far as its caller may know. */
export interface IssuedCode {
  readonly id: string;
  /** Where it is handed back. */
  readonly code: string | undefined;
}

/** Opens a code, in the place of the one of this purpose before. */
export async function issueCode(walk: Walk, user: CodeUser, order: CodeOrder): Promise<Result<IssuedCode>> {
  const { purpose, basis, channel, to, way, again = false } = order;
  const { id: userId, organizationId, username: loginName, displayName, preferredLanguage } = user;
  const code = newCode(USER_CODE_LENGTH[purpose], purpose === 'passkeyRegistration' ? LETTERS_AND_DIGITS : CAPITALS_AND_DIGITS);
  const tag = await codeTag(walk.passwords.peppers, partsOf(userId, purpose, code));
  if (tag === undefined) throw new Error('the newest pepper is missing');
  const id = crypto.randomUUID();
  const message = way.kind === 'sent' && {
    channel,
    to,
    box: await seal(walk.sealKeys, codeLabel(userId, to), code),
    urlTemplate: way.urlTemplate,
    user: { userId, organizationId, loginName, displayName, preferredLanguage },
  };
  const issued = await walk.cells.user(user.cell).issueCode({
    userId,
    purpose,
    id,
    tag,
    basis,
    lifetimeMs: USER_CODE_LIFETIME_MS,
    again,
    message: message || undefined,
  });
  if (!issued.ok) return issued;
  return ok({ id, code: way.kind === 'returned' ? code : undefined });
}

/** Guesses at a user's open code, which may be named by its id; a wrong guess is counted before anything is told. */
export async function guessCode(walk: Walk, { id: userId, cell }: CodeUser, purpose: CodePurpose, code: string, id?: string): Promise<Guess> {
  const { peppers } = walk.passwords;
  const tags = await Promise.all([...peppers.keys.keys()].map((key) => codeTag(peppers, partsOf(userId, purpose, code), key)));
  return walk.cells.user(cell).guessCode({ userId, purpose, id, tags: tags.filter((tag) => tag !== undefined) });
}

/** Closes a code for what is to be told once; false when somebody else did. */
export const spendCode = (walk: Walk, { id: userId, cell }: CodeUser, purpose: CodePurpose, id: string): Promise<boolean> =>
  walk.cells.user(cell).endCode(userId, purpose, id);

/** Closes a code whose use is written down. It does not fail: what the code was good for is used up with its basis. */
export async function endCode(walk: Walk, { id: userId, cell }: CodeUser, purpose: CodePurpose, id: string): Promise<void> {
  try {
    await walk.cells.user(cell).endCode(userId, purpose, id);
  } catch (error) {
    console.error('a code could not be closed', error);
  }
}

const partsOf = (userId: string, purpose: CodePurpose, code: string): string[] => ['user code', purpose, userId, code];
