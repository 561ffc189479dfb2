import type { Problem } from '../core/problem.ts';
import { sameDigest } from '../crypto/digest.ts';
import type { KeyRing } from '../crypto/key-ring.ts';
import { recoveryTag } from '../crypto/one-time-code.ts';
import { type Finding, unreadable } from './finding.ts';

const notReady: Problem = { kind: 'failed-precondition', id: 'COMMAND-84rgg', message: 'Recovery codes are not ready for use' };

/**
 * The recovery code check: one of the user's codes passes and is spent. Every code is looked at, whichever matches. A
 * set was made under one key, so one whose key is no longer listed cannot be read at all.
 */
export async function checkRecoveryCode(tags: readonly string[], userId: string, code: string, peppers: KeyRing): Promise<Finding> {
  if (tags.length === 0) return { kind: 'not-ready', problem: notReady };
  const keys = [...new Set(tags.map((tag) => Number(tag.split('.')[0])))];
  const given = await Promise.all(keys.map((key) => recoveryTag(peppers, userId, code, key)));
  if (given.every((candidate) => candidate === undefined)) return { kind: 'not-ready', problem: unreadable };
  const [matching] = tags.filter((tag) => given.some((candidate) => candidate !== undefined && sameDigest(candidate, tag)));
  return matching === undefined ? { kind: 'wrong' } : { kind: 'passed', spends: matching };
}
