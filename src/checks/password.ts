import type { Problem } from '../core/problem.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { verifyPassword } from '../crypto/password-hash.ts';
import type { Finding } from './finding.ts';

const userNotFound: Problem = { kind: 'failed-precondition', id: 'COMMAND-3n77z', message: 'User could not be found' };
const passwordUnusable: Problem = { kind: 'failed-precondition', id: 'COMMAND-CahN2', message: 'Password cannot be verified and must be set anew' };
const passwordNotSet: Problem = { kind: 'failed-precondition', id: 'COMMAND-3nJ4t', message: 'User has not set a password' };

/** The password check (NIST 800-63B section 5.1.1): one hash in the Worker, by the scheme that made it. */
export async function checkPassword(
  facts: { readonly kind: 'human' | 'machine'; readonly passwordHash: string | undefined },
  password: string,
  peppers: KeyRing,
): Promise<Finding> {
  if (facts.kind === 'machine') return { kind: 'not-ready', problem: userNotFound };
  if (facts.passwordHash === undefined) return { kind: 'not-ready', problem: passwordNotSet };
  const same = await verifyPassword(password, facts.passwordHash, peppers);
  if (same === undefined) return { kind: 'not-ready', problem: passwordUnusable };
  return { kind: same ? 'passed' : 'wrong' };
}
