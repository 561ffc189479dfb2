import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from '../support/load.ts';
import {
  assertionFor,
  carryOn,
  codeChallenge,
  type Login,
  nextCode,
  ofUser,
  type Person,
  passkeyChallenge,
  passwordCheck,
  patch,
  post,
  read,
  Sallyport,
  totpCheck,
} from '../support/sallyport.ts';
import { secrets } from '../support/secrets.ts';
import type { Report } from './report.ts';

const PEOPLE = 20;
const LISTS = ['SESSION_ID_KEYS', 'PEPPER_KEYS', 'SEAL_KEYS', 'IDEMPOTENCY_KEYS'] as const;

/** A person in the middle of a login: a code and a passkey challenge are open, and one request has an answer that is kept. */
interface Underway {
  readonly person: Person;
  readonly login: Login;
  readonly code: string;
  readonly challenges: Parameters<typeof assertionFor>[1];
  readonly recoveryCodes: readonly string[];
  readonly keyed: string;
  readonly kept: string;
}

/**
 * Every key list gets a new key while people are in the middle of their logins, and later loses the old one. Nothing breaks for those who signed in between,
 * whose secrets are hashed and sealed anew by that; the others are told what the README says, and no session is lost that its list of keys still knows.
 */
export async function keys(bundle: string): Promise<Report> {
  const state = mkdtempSync(join(tmpdir(), 'sallyport-keys-'));
  const trial = new Trial(bundle, state);
  try {
    await trial.run();
  } finally {
    rmSync(state, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
  const { faults, expected } = trial;
  return { figures: `${PEOPLE} logins under way while each of ${LISTS.length} key lists was rotated: ${expected} outcomes as promised`, faults };
}

class Trial {
  readonly faults: string[] = [];
  expected = 0;
  readonly #bundle: string;
  readonly #state: string;
  readonly #second = Object.fromEntries(LISTS.map((list) => [list, `2:${randomBytes(32).toString('base64')}`]));

  constructor(bundle: string, state: string) {
    this.#bundle = bundle;
    this.#state = state;
  }

  async run(): Promise<void> {
    const begun = await this.#under({}, (sallyport) => begin(sallyport));
    const both = Object.fromEntries(LISTS.map((list) => [list, `${this.#second[list]},${secrets[list]}`]));
    const [moved, idle] = [begun.slice(0, PEOPLE / 2), begun.slice(PEOPLE / 2)];
    await this.#under(both, (sallyport) => this.#goOn(sallyport, moved));
    const { SESSION_ID_KEYS: _, ...withoutOld } = this.#second;
    const idsOfBoth = { SESSION_ID_KEYS: both.SESSION_ID_KEYS as string };
    await this.#under({ ...withoutOld, ...idsOfBoth }, (sallyport) => this.#comeBack(sallyport, moved, idle));
    await this.#under(this.#second, async (sallyport) => {
      await this.#expect(
        sallyport,
        'a session whose id has no key any more',
        begun.map(({ login }) => read(login)),
        404,
        'QUERY-SFeaa',
      );
      await this.#signIn(sallyport, moved);
    });
  }

  async #under<T>(settings: Readonly<Record<string, string>>, work: (sallyport: Sallyport) => Promise<T>): Promise<T> {
    const sallyport = await Sallyport.start(this.#bundle, settings, this.#state);
    try {
      return await work(sallyport);
    } finally {
      await sallyport.worker.end();
    }
  }

  /** With both keys: what was kept is told again, what was open is answered, and every factor is proved. */
  async #goOn(sallyport: Sallyport, people: readonly Underway[]): Promise<void> {
    const again = await this.#expect(
      sallyport,
      'a repeat',
      people.map(({ keyed }) => keyed),
      200,
    );
    for (const [at, { kept }] of people.entries()) if (again[at]?.body !== kept) this.faults.push('a repeat was told something else');
    await this.#patch(sallyport, 'the code that was open', people, ({ code }) => ({ checks: { otpEmail: { code } } }));
    await this.#patch(sallyport, 'the passkey that was asked for', people, ({ person, challenges }) => assertionFor(person, challenges));
    await this.#patch(sallyport, 'a recovery code', people, ({ recoveryCodes }) => ({ checks: { recoveryCode: { code: recoveryCodes[0] } } }), 'v2');
    await this.#patch(sallyport, 'a TOTP', people, ({ person }) => totpCheck(nextCode(person) ?? ''));
    await this.#patch(sallyport, 'a password', people, () => passwordCheck);
  }

  /** Without the old pepper, seal and idempotency key: those who signed in meanwhile have moved on, the others are told so. */
  async #comeBack(sallyport: Sallyport, moved: readonly Underway[], idle: readonly Underway[]): Promise<void> {
    await this.#patch(sallyport, 'a password that was hashed anew', moved, () => passwordCheck);
    await this.#patch(sallyport, 'a TOTP that was sealed anew', moved, ({ person }) =>
      totpCheck(person.totp.generate({ timestamp: Date.now() + 30_000 })),
    );
    await this.#expect(
      sallyport,
      'an old pepper',
      idle.map(({ login }) => patch(login, passwordCheck)),
      400,
      'COMMAND-CahN2',
    );
    await this.#expect(
      sallyport,
      'an old seal',
      idle.map(({ login, person }) => patch(login, totpCheck(nextCode(person) ?? ''))),
      400,
      'SALLY-Sealed',
    );
    await this.#patch(sallyport, 'a session that goes on all the same', idle, () => ({ metadata: { a: 'MQ==' } }));
  }

  async #signIn(sallyport: Sallyport, people: readonly Underway[]): Promise<void> {
    const logins = await sallyport.sessions(people.map(({ person }) => ofUser(person)));
    await this.#expect(
      sallyport,
      'a new login',
      logins.map((login) => patch(login, passwordCheck)),
      200,
    );
  }

  async #patch(sallyport: Sallyport, what: string, people: readonly Underway[], body: (of: Underway) => object, version = 'v2beta'): Promise<void> {
    const requests = people.map((each) => patch(each.login, body(each)).replace('/v2beta/', `/${version}/`));
    const answers = await this.#expect(sallyport, what, requests, 200);
    for (const [at, { login }] of people.entries()) if (answers[at]?.status === 200) carryOn(login, answers[at] as Answer);
  }

  async #expect(sallyport: Sallyport, what: string, requests: readonly string[], status: number, id?: string): Promise<Answer[]> {
    const answers = await sallyport.all(requests, 16, 600);
    for (const answer of answers) {
      if (answer.status === status && (id === undefined || answer.body.includes(id))) this.expected += 1;
      else this.faults.push(`${what} was answered ${answer.status} ${answer.body}`);
    }
    return answers;
  }
}

async function begin(sallyport: Sallyport): Promise<Underway[]> {
  const people = await sallyport.people(PEOPLE);
  await sallyport.equip(people);
  const logins = await sallyport.sessions(people.map(ofUser));
  const opened = await sallyport.all(
    logins.map((login) => patch(login, { challenges: { ...codeChallenge.challenges, ...passkeyChallenge.challenges } })),
  );
  const challenges = logins.map((login, at) => carryOn(login, opened[at] as Answer));
  const codes = await sallyport.all(people.map(({ userId }) => post(`/v2/users/${userId}/recovery_codes`, { count: 2 })));
  const keyed = logins.map((login) => patch(login, { metadata: { note: 'MQ==' } }, { 'idempotency-key': 'one' }));
  const kept = await sallyport.all(keyed);
  return people.map((person, at) => {
    const [login, answer] = [logins[at] as Login, kept[at] as Answer];
    carryOn(login, answer);
    const { otpEmail: code } = challenges[at];
    const { recoveryCodes } = JSON.parse((codes[at] as Answer).body);
    return { person, login, code, challenges: challenges[at], recoveryCodes, keyed: keyed[at] as string, kept: answer.body };
  });
}
