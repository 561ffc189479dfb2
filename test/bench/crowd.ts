import { carryOn, type Login, nextCode, ofUser, type Person, patch, type Sallyport, totpCheck } from '../support/sallyport.ts';

/** People whose TOTP codes are used up one after the other: each code is good once. */
export class Crowd {
  readonly #sallyport: Sallyport;
  readonly #people: Person[];

  constructor(sallyport: Sallyport, people: Person[]) {
    this.#sallyport = sallyport;
    this.#people = people;
  }

  /** The people who were asked for the longest time ago, as soon as each has this many codes left. */
  async next(count: number, codes = 1): Promise<Person[]> {
    const people = this.#people.splice(0, count);
    this.#people.push(...people);
    while (people.some(({ step }) => step + codes > Math.floor(Date.now() / 30_000) + 1)) await new Promise((resolve) => setTimeout(resolve, 500));
    return people;
  }

  /** PATCHes with a code each, on sessions whose user's cell is warm: it has seen a code of theirs just before. */
  async codes(count: number): Promise<string[]> {
    const people = await this.next(count, 2);
    const logins = await this.#sallyport.sessions(people.map(ofUser));
    const withCode = (at: number) => patch(logins[at] as Login, totpCheck(nextCode(people[at] as Person) ?? ''));
    const first = await this.#sallyport.all(logins.map((_, at) => withCode(at)));
    for (const [at, answer] of first.entries()) carryOn(logins[at] as Login, answer);
    return logins.map((_, at) => withCode(at));
  }
}
