import type { BareWorker } from '../support/bare-worker.ts';
import { type Answer, type Lane, request, run } from '../support/load.ts';
import {
  assertionFor,
  carryOn,
  codeChallenge,
  create,
  type Login,
  loginOf,
  nextCode,
  ofUser,
  type Person,
  passkeyChallenge,
  passwordCheck,
  patch,
  post,
  read,
  type Sallyport,
  totpCheck,
} from '../support/sallyport.ts';

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
function once(requests: readonly string[], connections: number): Lane[] {
  const queue = requests.values();
  function* lane(): Lane {
    for (const each of queue) expectDone(yield each);
  }
  return Array.from({ length: connections }, lane);
}

function expectDone({ status, body }: Answer): void {
  if (status >= 300) throw new Error(`refused: ${status} ${body}`);
}

/** What Sallyport is measured at. */
export async function scenariosOf(sallyport: Sallyport): Promise<readonly Scenario[]> {
  const people = await sallyport.people(32);
  await sallyport.equip(people);
  const [crowd, passersby] = [new Crowd(sallyport, await sallyport.people(180)), new Crowd(sallyport, await sallyport.people(720, {}))];
  const each = (connections: number) => people.slice(0, connections);
  const some = (count: number) => Array.from({ length: count }, (_, at) => people[at % people.length] as Person);

  /** One session a connection, with one PATCH after the other. */
  const rotating = (name: string, most: number, start: (person: Person) => object, body: (n: number, person: Person) => object): Scenario => ({
    name,
    most,
    lanes: async (connections) => {
      const logins = await sallyport.sessions(each(connections).map(start));
      return logins.map((login, at) => rotate(login, (n) => body(n, people[at] as Person)));
    },
  });

  /** The same request over and over. */
  const steady = (name: string, most: number, bytes: () => string): Scenario => ({
    name,
    most,
    lanes: async (connections) => Array.from({ length: connections }, () => again(bytes())),
  });

  /** The same PATCH over and over, which gets so far and no further. */
  const refused = (name: string, most: number, spoilt: (login: Login) => Login, status: number): Scenario => ({
    name,
    most,
    lanes: async (connections) => {
      const logins = await sallyport.sessions(each(connections).map(() => ({})));
      return logins.map((login) => again(patch(spoilt(login), { metadata: { step: base64(1) } }), status));
    },
  });

  /** Requests on sessions that were brought to where each can be sent once. */
  const single = (name: string, most: number, ready: () => Promise<readonly string[]>): Scenario => ({
    name,
    most,
    lanes: async (connections) => once(await ready(), connections),
  });

  const challenged = async (count: number, challenge: object, answer: (person: Person, challenges: never) => object): Promise<string[]> => {
    const holders = some(count);
    const logins = await sallyport.sessions(holders.map(ofUser));
    const answers = await sallyport.all(logins.map((login) => patch(login, challenge)));
    return answers.map((opened, at) => {
      const login = logins[at] as Login;
      return patch(login, answer(holders[at] as Person, carryOn(login, opened) as never));
    });
  };

  return [
    rotating(
      'PATCH metadata',
      4000,
      () => ({}),
      (n) => ({ metadata: { step: base64(n) } }),
    ),
    steady('where it goes: an answer without an operation', 6000, () => request('GET', '/healthz', {})),
    refused(
      'where it goes: PATCH, refused by the id',
      3000,
      ({ id, token }) => ({ id: id.replace(/.$/, (last) => (last === '0' ? '1' : '0')), token }),
      404,
    ),
    refused('where it goes: PATCH, refused by the token', 2000, ({ id, token }) => ({ id, token: `${token}x` }), 403),
    rotating(
      'PATCH lifetime',
      3000,
      () => ({}),
      (n) => ({ lifetime: `${3600 + (n % 100)}s` }),
    ),
    rotating('PATCH user check', 1500, ofUser, (_, person) => ofUser(person)),
    single('PATCH TOTP', 240, () => passersby.codes(240)),
    single('PATCH OTP', 300, () =>
      challenged(300, codeChallenge, (_, { otpEmail }: { otpEmail: string }) => ({ checks: { otpEmail: { code: otpEmail } } })),
    ),
    single('PATCH passkey', 300, () => challenged(300, passkeyChallenge, assertionFor)),
    { ...rotating('PATCH password (Argon2id)', 60, ofUser, () => passwordCheck), slow: true },
    single('PATCH, the first of a session', 800, async () => {
      const logins = await sallyport.sessions(Array.from({ length: 800 }, () => ({})));
      return logins.map((login) => patch(login, { metadata: { step: base64(1) } }));
    }),
    {
      name: 'Create',
      most: 1500,
      lanes: async (connections) =>
        once(
          Array.from({ length: 1500 }, () => create({})),
          connections,
        ),
    },
    {
      name: 'Get',
      most: 6000,
      lanes: async (connections) => {
        const logins = await sallyport.sessions(each(connections).map(ofUser));
        return logins.map((login) => again(read(login)));
      },
    },
    {
      name: 'Search',
      most: 600,
      lanes: async (connections) => {
        const [login] = await sallyport.sessions([ofUser(people[0] as Person)]);
        return Array.from({ length: connections }, () => again(post('/v2/sessions/search', { queries: [{ idsQuery: { ids: [login?.id] } }] })));
      },
    },
    {
      name: 'login: password + TOTP',
      most: 60,
      requests: 4,
      slow: true,
      lanes: async (connections) => {
        const queue = (await crowd.next(60)).values();
        return Array.from({ length: connections }, () => passwordLogins(queue));
      },
    },
    { name: 'login: passkey', most: 300, requests: 2, lanes: async (connections) => each(connections).map((person) => passkeyLogins(person)) },
  ];
}

const base64 = (n: number): string => Buffer.from(String(n)).toString('base64');

function* rotate(login: Login, body: (n: number) => object): Lane {
  for (let n = 0; ; n += 1) carryOn(login, yield patch(login, body(n)));
}

function* again(bytes: string, refusal?: number): Lane {
  for (;;) {
    const answer = yield bytes;
    if (refusal === undefined) expectDone(answer);
    else if (answer.status !== refusal) throw new Error(`not refused: ${answer.status} ${answer.body}`);
  }
}

/** A person after the other signs in from the start: who, their password, their code. */
function* passwordLogins(queue: Iterator<Person>): Lane {
  for (let next = queue.next(); !next.done; next = queue.next()) {
    const login = loginOf(yield create({}));
    carryOn(login, yield patch(login, ofUser(next.value)));
    carryOn(login, yield patch(login, passwordCheck));
    carryOn(login, yield patch(login, totpCheck(nextCode(next.value) ?? '')));
  }
}

/** The same person signs in again and again: who, with a challenge at once, and the answer to it. */
function* passkeyLogins(person: Person): Lane {
  for (;;) {
    const created = yield create({ ...ofUser(person), ...passkeyChallenge });
    const login = loginOf(created);
    carryOn(login, yield patch(login, assertionFor(person, JSON.parse(created.body).challenges)));
  }
}

/** People whose TOTP codes are used up one after the other: each code is good once. */
class Crowd {
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

/** The floor: one durable write in one object. */
export const floor: Scenario = {
  name: 'the floor',
  most: 4000,
  lanes: async (connections) => {
    function* write(id: number): Lane {
      for (let n = 0; ; n += 1) expectDone(yield request('PATCH', `/${id}`, { 'content-type': 'application/json' }, { value: base64(n) }));
    }
    return Array.from({ length: connections }, (_, id) => write(id));
  },
};

const cookies = (head: string): string => [...head.matchAll(/\r\nset-cookie: ([^;]+)/gi)].map(([, cookie]) => cookie).join('; ');

/** better-auth at what comes nearest: its session's own field is written, its session is read, and a person signs in by password. */
export async function betterAuthOf({ port }: BareWorker): Promise<readonly Scenario[]> {
  const headers = { 'content-type': 'application/json', origin: 'http://localhost' };
  const signUp = (n: number) => request('POST', '/api/auth/sign-up/email', headers, { name: `Bench ${n}`, ...credentials(n) });
  const credentials = (n: number) => ({ email: `bench${n}@example.com`, password: 'correct horse battery staple' });
  const sessions: string[] = [];
  function* begin(): Lane {
    yield request('GET', '/tables', {});
    for (let n = 0; n < 32; n += 1) {
      const answer = yield signUp(n);
      expectDone(answer);
      sessions.push(cookies(answer.head));
    }
  }
  await run(port, [begin()]);
  const update = (cookie: string) => request('POST', '/api/auth/update-session', { ...headers, cookie }, { note: 'MQ==' });
  const get = (cookie: string) => request('GET', '/api/auth/get-session', { ...headers, cookie });
  const signIn = (n: number) => request('POST', '/api/auth/sign-in/email', headers, credentials(n));
  const lanesOf = (bytes: (cookie: string, at: number) => string) => async (connections: number) =>
    sessions.slice(0, connections).map((cookie, at) => again(bytes(cookie, at)));
  return [
    { name: 'better-auth: session update', most: 1000, lanes: lanesOf(update) },
    { name: 'better-auth: session read', most: 1000, lanes: lanesOf(get) },
    { name: 'better-auth: sign-in', most: 60, slow: true, lanes: lanesOf((_, at) => signIn(at)) },
  ];
}

/** A bare key derivation a request. */
export const derivation = (name: string, scheme: string): Scenario => ({
  name,
  most: 60,
  slow: true,
  lanes: async (connections) => Array.from({ length: connections }, () => again(request('GET', `/${scheme}`, {}))),
});
