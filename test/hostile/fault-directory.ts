import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer } from '../support/load.ts';
import { create, type Login, loginOf, ofUser, passwordCheck, patch, post, read, Sallyport } from '../support/sallyport.ts';
import { Asker } from './asker.ts';
import type { Report } from './report.ts';

/** What D1 does, and for how long: each query fails, takes 5 s, is carried out with its answer lost, or is not answered within anybody's deadline. */
const MOODS = { failing: 3_000, slow: 11_000, lost: 3_000, silent: 11_000 } as const;
const PEOPLE_A_MOOD = 6;
const NOTED = 10;
const CATCH_UP_MOST_MS = 40_000;

/** The production bundle behind a module that stands between it and D1. All of its cells and requests share one isolate, and so one mood. */
const BETWEEN = `
import worker, { SessionCell as Sessions, UserCell as Users } from './index.js';

let mood = 'up';
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const moods = {
  up: (run) => run(),
  failing: async () => { throw Object.assign(new Error('Network connection lost.'), { retryable: true }); },
  slow: async (run) => { await wait(5000); return run(); },
  lost: async (run) => { await run(); return moods.failing(); },
  silent: async (run) => { await wait(20000); return moods.failing(); },
};
const behind = new WeakMap();
function faulty(env) {
  if (!behind.has(env)) {
    const { DB } = env;
    const fetch = (url, init) => moods[mood](() => DB.fetcher.fetch(url, init));
    behind.set(env, { ...env, DB: new DB.constructor({ fetch }) });
  }
  return behind.get(env);
}
export class SessionCell extends Sessions {
  constructor(state, env) { super(state, faulty(env)); }
}
export class UserCell extends Users {
  constructor(state, env) { super(state, faulty(env)); }
}
export default {
  fetch(request, env, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== '/mood') return worker.fetch(request, faulty(env), context);
    mood = searchParams.get('be');
    return Response.json({});
  },
};
`;

/**
 * D1 fails, is slow, loses its answers or is silent, one after the other: what needs no D1 goes on, the rest is answered 503 in time, the same requests
 * succeed afterwards, and the index catches up by itself.
 */
export async function faultDirectory(bundle: string): Promise<Report> {
  const behind = mkdtempSync(join(tmpdir(), 'sallyport-directory-'));
  cpSync(bundle, behind, { recursive: true });
  // The first module is the main one.
  writeFileSync(join(behind, '0-directory.js'), BETWEEN);
  const trial = new Trial(await Sallyport.start(behind));
  try {
    await trial.begin();
    for (const [mood, ms] of Object.entries(MOODS)) await trial.suffer(mood, ms);
    return await trial.report();
  } finally {
    await trial.end();
    rmSync(behind, { recursive: true, force: true });
  }
}

class Trial {
  readonly #sallyport: Sallyport;
  readonly #asker: Asker;
  readonly #noted: Login[] = [];
  readonly #unheard: { login: Login; mood: string }[] = [];
  readonly #created: string[] = [];
  #spared = 0;
  #caughtUpMs = 0;

  constructor(sallyport: Sallyport) {
    this.#sallyport = sallyport;
    this.#asker = new Asker(() => sallyport.worker.port);
  }

  async begin(): Promise<void> {
    this.#noted.push(...(await this.#sallyport.sessions(Array.from({ length: NOTED }, () => ({})))));
  }

  /** One bad mood of D1, for so long: metadata meanwhile, passwords of people of whom no cell knows anything yet, and new people. */
  async suffer(mood: string, ms: number): Promise<void> {
    const people = await this.#sallyport.people(PEOPLE_A_MOOD);
    const logins = await this.#sallyport.sessions(people.map(ofUser));
    await this.#become(mood);
    const until = performance.now() + ms;
    const passwords = logins.map((login, n) => patch(login, passwordCheck, { 'idempotency-key': `${mood}-${n}` }));
    const organizations = logins.map((_, n) => post('/v2/organizations', { name: `${mood} ${n}` }));
    const needing = this.#asker.ask([...passwords, ...organizations]);
    while (performance.now() < until) await this.#note(mood);
    const answers = await needing;
    await this.#become('up');
    for (const [n, login] of logins.entries()) await this.#again(passwords[n] ?? '', answers[n], login, mood);
    await this.#organizationsAgain(organizations, answers.slice(logins.length));
  }

  /** What needs no D1: changes, and new sessions of nobody. */
  async #note(mood: string): Promise<void> {
    const metadata = { mood: Buffer.from(`${mood} ${this.#spared}`).toString('base64') };
    const began = performance.now();
    const answers = await this.#asker.ask([...this.#noted.map((login) => patch(login, { metadata })), create({})]);
    if (performance.now() - began > 2_000)
      this.#asker.faults.push(`what needs no D1 took ${Math.round(performance.now() - began)} ms while it was ${mood}`);
    for (const [n, answer] of answers.entries()) {
      const login = this.#noted[n];
      if (answer.status >= 300) this.#asker.faults.push(`what needs no D1 was answered ${answer.status} while it was ${mood}`);
      else if (login) login.token = JSON.parse(answer.body).sessionToken;
      else this.#created.push(loginOf(answer).id);
    }
    this.#spared += answers.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }

  /** The same request under the same key, until it succeeds; it is one change, whenever it was made. */
  async #again(password: string, first: Answer | undefined, login: Login, mood: string): Promise<void> {
    let answer = first;
    for (let tries = 0; answer?.status === 503 && tries < 20; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      [answer] = await this.#asker.ask([password]);
    }
    if (answer?.status !== 200)
      this.#asker.faults.push(`a password that was repeated after D1 was ${mood} is answered ${answer?.status} ${answer?.body}`);
    else this.#unheard.push({ login: { id: login.id, token: JSON.parse(answer.body).sessionToken }, mood });
  }

  async #organizationsAgain(requests: readonly string[], answers: readonly Answer[]): Promise<void> {
    const refused = requests.filter((_, n) => answers[n]?.status === 503);
    const again = await this.#sallyport.all(refused, 4, 500);
    const wrong = again.filter(({ status }) => status !== 201 && status !== 409);
    this.#asker.faults.push(...wrong.map(({ status, body }) => `an organisation that is entered again is answered ${status} ${body}`));
  }

  async report(): Promise<Report> {
    const went = await this.#asker.ask(this.#unheard.map(({ login }) => patch(login, { metadata: { after: 'MQ==' } })));
    const factors = await this.#sallyport.all(this.#unheard.map(({ login }) => read(login)));
    const lacking = factors.filter(({ body }) => JSON.parse(body).session.factors?.password === undefined).length;
    const missing = await this.#missing();
    const { figures, faults } = this.#asker;
    return {
      figures:
        `D1 failing, slow, losing answers, silent: ${figures}, ${this.#spared} that need no D1 went on, ${went.length} passwords repeated to success, ` +
        `${this.#created.length} sessions in the index ${Math.round(this.#caughtUpMs / 1000)} s later`,
      faults: [
        ...faults,
        ...(lacking > 0 ? [`${lacking} sessions lack the password that was answered`] : []),
        ...(missing > 0 ? [`${missing} sessions are not in the index`] : []),
      ],
    };
  }

  /** Nobody asks for it: cells tell the index by their alarms. */
  async #missing(): Promise<number> {
    const begunAt = performance.now();
    for (;;) {
      const ids = [...this.#created];
      const [found] = await this.#sallyport.all([post('/v2/sessions/search', { query: { limit: 1000 }, queries: [{ idsQuery: { ids } }] })]);
      const there = new Set((JSON.parse(found?.body ?? '{}').sessions ?? []).map(({ id }: { id: string }) => id));
      const missing = ids.filter((id) => !there.has(id)).length;
      this.#caughtUpMs = performance.now() - begunAt;
      if (missing === 0 || this.#caughtUpMs > CATCH_UP_MOST_MS) return missing;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  #become(mood: string): Promise<unknown> {
    return this.#sallyport.all([post(`/mood?be=${mood}`, {})]);
  }

  end(): Promise<void> {
    return this.#sallyport.worker.end();
  }
}
