import { type Lane, request } from '../support/load.ts';
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
import { Crowd } from './crowd.ts';
import { again, once, type Scenario } from './scenario.ts';

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
