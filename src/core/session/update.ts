import { ok, type Result } from '../result.ts';
import { letIn, type Standing } from './admission.ts';
import { carryForward, type Moment, type Step } from './carry-forward.ts';
import { type Asked, needsWrite, type Verdicts } from './command.ts';
import type { Repeated } from './repeat.ts';
import type { Session } from './session.ts';

/** What a PATCH comes with. `basis` is the live token under which a walk without a token of its own began its checks. */
export interface UpdateStanding extends Omit<Standing, 'needsWrite'> {
  readonly basis: string | undefined;
}

/**
 * Set: decides one PATCH against the session as it stands at the commit. Its refusals come in the order of contract 1.7; a request that
 * changes nothing is a Step without events, a repeat is the answer that was kept, and one without a token that others have overtaken is
 * `raced` and has to begin again.
 */
export function update(
  session: Session | undefined,
  command: Asked,
  { basis, ...standing }: UpdateStanding,
  verdicts: Verdicts,
  moment: Moment,
): Result<Step | Repeated | 'raced'> {
  const admitted = letIn(session, { ...standing, needsWrite: needsWrite(command) }, moment.stopOf, moment.now);
  if (!admitted.ok) return admitted;
  if (standing.repeat) return ok({ repeat: standing.repeat.answer });
  if (basis !== undefined && basis !== admitted.value.token) return ok('raced');
  return carryForward({ session: admitted.value, events: [] }, command, verdicts, moment);
}
