import { fetchKeySet, type KeySet } from './key-set.ts';

const KEPT_MS = 5 * 60_000;
/** Anybody can name a key that does not exist: this is how often that has the issuer asked. */
const NEW_KEY_ASKED_EVERY_MS = 60_000;
const REST_AFTER_FAILURE_MS = 5000;
const TIMEOUT_MS = 5000;
/** A fetch is shared by those who come while it is this young: one whose request died never ends, and holds up nobody else. */
const SHARED_MS = 1000;

/**
 * The keys of one issuer, as one isolate knows them. They are kept for five minutes. A key id that is not among them has the issuer asked again,
 * once a minute at most: so a new key is honoured at once, and a flood of made-up ids costs the issuer one fetch. After a failure it is left
 * alone for five seconds.
 */
export class IssuerKeys {
  readonly #url: string;
  readonly #read: typeof fetchKeySet;
  readonly #clock: () => number;
  #kept: { readonly set: KeySet; readonly since: number } | undefined;
  #underWay: { readonly set: Promise<KeySet | undefined>; readonly since: number } | undefined;
  /** Whether the latest fetch has brought no answer, or none yet: then what is kept says nothing about a key that is not in it. */
  #unanswered = false;
  #failedAt = Number.NEGATIVE_INFINITY;
  #newKeyAskedAt = Number.NEGATIVE_INFINITY;

  constructor(url: string, read = fetchKeySet, clock: () => number = Date.now) {
    this.#url = url;
    this.#read = read;
    this.#clock = clock;
  }

  /** The set in which the key `kid` is, if the issuer has it; undefined when the issuer does not answer, which nobody waits for longer than 5 s. */
  async setWith(kid: string | undefined): Promise<KeySet | undefined> {
    const now = this.#clock();
    const kept = this.#kept && now - this.#kept.since < KEPT_MS ? this.#kept.set : undefined;
    if (kept && (kid === undefined || kept.kids.has(kid))) return kept;
    if (this.#underWay && now - this.#underWay.since < SHARED_MS) {
      return inTime(this.#underWay.set, this.#underWay.since + TIMEOUT_MS - now).catch(() => undefined);
    }
    if (kept && now - this.#newKeyAskedAt < NEW_KEY_ASKED_EVERY_MS) return this.#unanswered ? undefined : kept;
    if (now - this.#failedAt < REST_AFTER_FAILURE_MS) return undefined;
    // Noted before the fetch: who comes during it with yet another made-up id causes none.
    if (kept) this.#newKeyAskedAt = now;
    this.#unanswered = true;
    const set = this.#ask(now);
    this.#underWay = { set, since: now };
    return set;
  }

  async #ask(since: number): Promise<KeySet | undefined> {
    try {
      const set = await inTime(this.#read(this.#url, AbortSignal.timeout(TIMEOUT_MS)), TIMEOUT_MS);
      // An answer that was overtaken by one to a later question brings back no key that is gone.
      if (this.#kept === undefined || this.#kept.since <= since) this.#kept = { set, since };
      this.#unanswered = false;
      return set;
    } catch (error) {
      console.error('the keys of an issuer could not be fetched', this.#url, error);
      this.#failedAt = this.#clock();
      return undefined;
    } finally {
      if (this.#underWay?.since === since) this.#underWay = undefined;
    }
  }
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('it did not answer in time')), ms);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
