import type { Answer, Lane } from '../support/load.ts';

/** Something to be measured: what it is called, and its lanes for a number of connections, ready to run. */
export interface Scenario {
  readonly name: string;
  /** How many requests (or logins) are enough for one measurement; those that use things up prepare as many. */
  readonly most: number;
  /** How many requests one thing takes that is counted; 1 unless it is a whole login. */
  readonly requests?: number;
  /** Whether it hashes passwords, and so takes a hundred times as long. */
  readonly slow?: true;
  lanes(connections: number): Promise<readonly Lane[]>;
}

/** Lanes that share a queue of requests made ready beforehand, each of which can be sent once. */
export function once(requests: readonly string[], connections: number): Lane[] {
  const queue = requests.values();
  function* lane(): Lane {
    for (const each of queue) expectDone(yield each);
  }
  return Array.from({ length: connections }, lane);
}

export function expectDone({ status, body }: Answer): void {
  if (status >= 300) throw new Error(`refused: ${status} ${body}`);
}

/** The same request over and over, done each time or, where a status is named, refused. */
export function* again(bytes: string, refusal?: number): Lane {
  for (;;) {
    const answer = yield bytes;
    if (refusal === undefined) expectDone(answer);
    else if (answer.status !== refusal) throw new Error(`not refused: ${answer.status} ${answer.body}`);
  }
}
