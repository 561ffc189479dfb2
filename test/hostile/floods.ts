import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { authenticator } from '../support/authenticator.ts';
import { type Answer, type Lane, run } from '../support/load.ts';
import {
  carryOn,
  codeChallenge,
  create,
  end,
  type Login,
  ofUser,
  type Person,
  patch,
  post,
  read,
  requestAs,
  Sallyport,
  totpCheck,
} from '../support/sallyport.ts';
import type { Report } from './report.ts';

const GUESSERS = 200;
const INVENTED = 20_000;
/** Of the default policy: attempts that are evaluated at once, and failures that lock. */
const [AT_ONCE, LOCK_AFTER] = [5, 10];

/** One way to guess: what a session needs first, what is guessed, and how a guess is told that it was looked at and wrong. */
interface Method {
  readonly open?: object;
  guess(person: Person, challenges: Record<string, string>): object;
  readonly wrong: string;
}

const METHODS: Readonly<Record<string, Method>> = {
  password: { guess: () => ({ checks: { password: { password: 'a guess' } } }), wrong: 'COMMAND-3M0fs' },
  TOTP: { guess: ({ totp }) => totpCheck(authenticator(totp.secret.base32).wrongCode()), wrong: 'EVENT-8isk2' },
  OTP: { open: codeChallenge, guess: (_, { otpEmail = '' }) => ({ checks: { otpEmail: { code: otherThan(otpEmail) } } }), wrong: 'CODE-woT0xc' },
  'recovery code': { guess: () => ({ checks: { recoveryCode: { code: '00000-00000' } } }), wrong: 'DOMAIN-6uvh0' },
};

/** What a guess may be told beside that it is wrong: wait, others are at it, locked, this code is void. */
const UNHEARD = /SALLY-BackOff|SALLY-Rivals|COMMAND-(JLK35|SF3fg|S6h4R|2w6oa|S34gh)/;

/**
 * Guessers who do not wait when they are told to, from many sessions of one person at once; and a flood of ids that were never issued. The first have no more
 * guesses looked at than the attempt policy allows, the second wake no object.
 */
export async function floods(bundle: string, floodMs: number): Promise<Report> {
  const state = mkdtempSync(join(tmpdir(), 'sallyport-floods-'));
  const sallyport = await Sallyport.start(bundle, {}, state);
  const faults: string[] = [];
  try {
    const figures: string[] = [];
    for (const [name, method] of Object.entries(METHODS)) figures.push(await guessing(sallyport, name, method, floodMs, faults));
    figures.push(await inventing(sallyport, state, faults));
    return { figures: figures.join('; '), faults };
  } finally {
    await sallyport.worker.end();
    rmSync(state, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

async function guessing(sallyport: Sallyport, name: string, method: Method, floodMs: number, faults: string[]): Promise<string> {
  const [person] = (await sallyport.people(1)) as [Person];
  await sallyport.all([post(`/v2/users/${person.userId}/otp_email`, {}), post(`/v2/users/${person.userId}/recovery_codes`, { count: 5 })]);
  const logins = await sallyport.sessions(Array.from({ length: GUESSERS }, () => ofUser(person)));
  const guesses = await guessesOf(sallyport, method, person, logins);
  const told: Record<string, number> = {};
  const began = Date.now();
  function* guesser(guess: string): Lane {
    for (;;) {
      const answer: Answer = yield guess;
      const id = answer.status === 200 ? 'right' : JSON.parse(answer.body).details?.[0]?.id;
      told[id] = (told[id] ?? 0) + 1;
      if (id !== method.wrong && !UNHEARD.test(id)) faults.push(`${name}: a guess was answered ${answer.status} ${answer.body}`);
    }
  }
  const { count } = await run(sallyport.worker.port, guesses.map(guesser), { mostMs: floodMs });
  const seconds = (Date.now() - began) / 1000;
  const evaluated = told[method.wrong] ?? 0;
  const allowed = Math.min(LOCK_AFTER, AT_ONCE + Math.floor(Math.log2(seconds + 1)));
  if (evaluated > allowed) faults.push(`${name}: ${evaluated} guesses were looked at, ${allowed} are allowed in ${seconds} s`);
  if (evaluated < AT_ONCE) faults.push(`${name}: only ${evaluated} guesses were looked at`);
  return `${name}: of ${count} guesses in ${Math.round(seconds)} s from ${GUESSERS} sessions ${evaluated} looked at (${allowed} allowed)`;
}

async function guessesOf(sallyport: Sallyport, { open, guess }: Method, person: Person, logins: readonly Login[]): Promise<string[]> {
  const opened = open ? await sallyport.all(logins.map((login) => patch(login, open))) : [];
  const challengesOf = (login: Login, answer: Answer | undefined) => (answer ? carryOn(login, answer) : {});
  return logins.map((login, at) => inV2(patch(login, guess(person, challengesOf(login, opened[at])))));
}

/** Where recovery codes are known. */
const inV2 = (request: string): string => request.replace('/v2beta/', '/v2/');

/** Objects keep a file each, from when they first wake. */
async function inventing(sallyport: Sallyport, state: string, faults: string[]): Promise<string> {
  const [real] = await sallyport.sessions([{}]);
  if (real === undefined) throw new Error('no session');
  const before = objectsIn(state);
  const inventions = Array.from({ length: INVENTED / 5 }, (_, n) => inventedOf(real, n)).flat();
  const statuses = new Set((await sallyport.all(inventions, 32, 500)).map(({ status }) => status));
  const woken = objectsIn(state) - before;
  if (woken > 0) faults.push(`invented ids woke ${woken} objects`);
  for (const status of statuses) if (![400, 401, 403, 404].includes(status)) faults.push(`an invented id was answered ${status}`);
  await sallyport.all([create({})]);
  return `${inventions.length} requests with invented ids woke ${woken} objects (${before} are awake)`;
}

/** Ids like one that is real, in cells that nobody has: read, carried on, ended, as a bearer, and as a session to be watched. */
function inventedOf({ id, token }: Login, n: number): string[] {
  const [, ...rest] = id.split('.');
  const login = { id: [`weur${10 + n}`, ...rest].join('.'), token };
  const bearer = { authorization: `Bearer sess_${login.id}_${token.slice(-43)}` };
  const watch = { ...bearer, connection: 'upgrade', upgrade: 'websocket' };
  return [
    read(login),
    patch(login, { metadata: { a: 'MQ==' } }),
    end(login),
    requestAs(bearer, 'GET', `/v2/sessions/${id}`),
    requestAs(watch, 'GET', `/v2/sessions/${login.id}/watch`),
  ];
}

const objectsIn = (state: string): number =>
  readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((file) => /SessionCell|UserCell/.test(file) && file.endsWith('.sqlite')).length;

const otherThan = (code: string): string => code.replace(/^./, (digit) => String((Number(digit) + 1) % 10));
