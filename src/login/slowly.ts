import type { Outcome } from './client.ts';

/**
 * How long a failed sign-in takes at least. Whether there is somebody of a name shows in the time that the API takes (attempts that back off are not
 * evaluated at all); it does not show through this.
 */
export const SIGN_IN_FAILED_MS = 1000;

/** An outcome that, when it is a refusal, is not told before its time. */
export async function slowly<Answer>(leastMs: number, ask: () => Promise<Outcome<Answer>>): Promise<Outcome<Answer>> {
  const time = new Promise((resolve) => setTimeout(resolve, leastMs));
  const outcome = await ask();
  if (!outcome.ok) await time;
  return outcome;
}
