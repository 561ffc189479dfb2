import { type KeptAnswer, type Mark, REPEAT_WINDOW_MS, type Repeat } from '../core/session/repeat.ts';
import { sameDigest } from '../crypto/digest.ts';

/** A session keeps at most so many answers, the latest: its row is written whole each time. */
const ANSWERS_KEPT = 32;

type Answers = readonly KeptAnswer[] | undefined;

/** The answers that repeats may still ask for; undefined where there are none. Oldest first. */
export function stillKept(answers: Answers, now: number): Answers {
  const kept = answers?.filter(({ at }) => now < at + REPEAT_WINDOW_MS);
  return kept && kept.length > 0 ? kept : undefined;
}

/** The answers after one more, where there is one. */
export function keep(answers: Answers, added: KeptAnswer | undefined, now: number): Answers {
  const kept = stillKept(answers, now);
  return added === undefined ? kept : [...(kept ?? []), added].slice(-ANSWERS_KEPT);
}

/** Which kept answer a request asks for by its key, and what else about it is the same. `marks` holds a pair for each key in force. */
export function repeatOf(answers: Answers, marks: readonly Mark[], presented: string | undefined, now: number): Repeat | undefined {
  const answer = stillKept(answers, now)?.find(({ key }) => marks.some((mark) => sameDigest(mark.key, key)));
  if (answer === undefined) return undefined;
  const sameBody = marks.some(({ key, body }) => key === answer.key && sameDigest(body, answer.body));
  return { answer, sameToken: sameDigest(presented ?? '', answer.previous), sameBody };
}
