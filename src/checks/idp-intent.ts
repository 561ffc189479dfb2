import { type CheckedIntent, intentProblem } from '../core/intent/intent.ts';
import type { Result } from '../core/result.ts';
import type { Finding } from './finding.ts';

/** The check of a log-in at an identity provider: its token was opened and the intent found before. It passes once. */
export function checkIdpIntent(found: Result<CheckedIntent | undefined>, intentId: string, userId: string, now: number): Finding {
  const problem = found.ok ? intentProblem(found.value, userId, now) : found.problem;
  return problem ? { kind: 'wrong', problem } : { kind: 'passed', spends: intentId };
}
