/** How long the answer to a request with an Idempotency-Key is kept for its repeats (contract 1.4). */
export const REPEAT_WINDOW_MS = 5 * 60_000;

/** What tells a request with an Idempotency-Key from others: MACs of its caller, session and key, and of its decoded body. */
export interface Mark {
  readonly key: string;
  readonly body: string;
}

/** The answer to such a request, as its session keeps it. */
export interface KeptAnswer extends Mark {
  /** Digest of the token that the request presented; empty where it presented none. */
  readonly previous: string;
  /** The session's sequence after it, and its time, which was the change date then. */
  readonly sequence: number;
  readonly at: number;
  /** The new token and the challenges, sealed. */
  readonly sealed: string;
}

/** A request under a key that was answered already: it is that request's repeat when token and body are the same too. */
export interface Repeat {
  readonly answer: KeptAnswer;
  readonly sameToken: boolean;
  readonly sameBody: boolean;
}

/** How a repeat is told from a request that is to be carried out. */
export interface Repeated {
  readonly repeat: KeptAnswer;
}
