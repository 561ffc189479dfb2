import { type Answer, Connection } from '../support/load.ts';

/** No request takes longer: the deadline, and what a busy machine adds to it. */
const ANSWERED_IN_MS = 10_000 + 1_000;

/** Sends requests side by side while something is wrong, times their answers, and looks at each of them. */
export class Asker {
  readonly #port: () => number;
  readonly faults: string[] = [];
  requests = 0;
  /** Answered 503. */
  unavailable = 0;
  slowestMs = 0;

  constructor(port: () => number) {
    this.#port = port;
  }

  /** Each request on a connection of its own. The answers are successes, or are 503 and say when to come again. */
  ask(requests: readonly string[]): Promise<Answer[]> {
    return Promise.all(requests.map((request) => this.#askOne(request)));
  }

  async #askOne(request: string): Promise<Answer> {
    const connection = await Connection.to(this.#port());
    const sentAt = performance.now();
    const answer = await connection.send(request);
    const tookMs = performance.now() - sentAt;
    connection.close();
    this.requests += 1;
    this.slowestMs = Math.max(this.slowestMs, tookMs);
    if (tookMs > ANSWERED_IN_MS) this.faults.push(`an answer took ${Math.round(tookMs)} ms`);
    if (answer.status === 503) this.#checkUnavailable(answer);
    else if (answer.status >= 400) this.faults.push(`answered ${answer.status} ${answer.body}`);
    return answer;
  }

  #checkUnavailable({ head, body }: Answer): void {
    this.unavailable += 1;
    if (!/\r\nretry-after: \d/i.test(head)) this.faults.push('a 503 does not say when to come again');
    if (JSON.parse(body).code !== 14) this.faults.push(`a 503 says ${body}`);
  }

  get figures(): string {
    return `${this.requests} requests, slowest ${Math.round(this.slowestMs)} ms, ${this.unavailable} answered 503`;
  }
}
