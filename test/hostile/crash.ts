import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, type Lane, run } from '../support/load.ts';
import { create, end, loginOf, nextCode, ofUser, type Person, patch, post, read, Sallyport, totpCheck } from '../support/sallyport.ts';
import { type MailPeer, startMailPeer } from './mail-peer.ts';
import type { Report } from './report.ts';

const CLIENTS = 16;
const PEOPLE = 300;
const LIFE_LEAST_MS = 100;
const LIFE_MOST_MS = 900;
const CATCH_UP_MOST_MS = 60_000;
const SESSIONS_A_CLIENT = 12;

/** What a client knows of one of its sessions. */
interface Known {
  readonly id: string;
  token: string;
  /** As the latest answer had it. */
  sequence: number;
  note: string | undefined;
  ended: boolean;
  /** What was asked for and not answered yet. */
  asked: { readonly note?: string; readonly end?: true; readonly code?: Single } | undefined;
}

/** A code that serves once: who it is of, and how often it was seen to serve. */
interface Single {
  readonly person: Person;
  readonly code: string;
  served: number;
}

/** How much was looked at, and what was wrong. */
interface Findings {
  acknowledged: number;
  /** Requests whose answer was lost, and which were carried out all the same. */
  unheard: number;
  codes: number;
  mails: number;
  indexed: number;
  readonly faults: string[];
}

/**
 * workerd is killed at random moments under a load of creates, PATCHes and deletes, and started again on what it had stored. It shows order and
 * atomicity: what was answered is there, nothing is there twice, and of what was not answered at most the one request that was under way. It does not
 * show what a loss of power does.
 */
export async function crash(bundle: string, kills: number): Promise<Report> {
  const state = mkdtempSync(join(tmpdir(), 'sallyport-crash-'));
  const mail = await startMailPeer();
  const trial = new Trial(bundle, state, mail);
  try {
    await trial.begin();
    for (let kill = 0; kill < kills; kill += 1) await trial.killOnce();
    await trial.finish();
  } finally {
    mail.close();
    rmSync(state, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
  const { acknowledged, unheard, codes, mails, indexed, faults } = trial.found;
  return {
    figures:
      `${kills} kills; ${acknowledged} acknowledged changes checked, ${unheard} carried out whose answer was lost, ` +
      `${codes} single-use codes, ${mails} mails promised, ${indexed} sessions against the index`,
    faults,
  };
}

class Trial {
  readonly found: Findings;
  readonly #start: () => Promise<Sallyport>;
  readonly #mail: MailPeer;
  #sallyport: Sallyport | undefined;
  #people: Person[] = [];
  #readers: Person[] = [];
  readonly #sessions: Known[][] = Array.from({ length: CLIENTS }, () => []);
  /** Codes of this life. */
  #singles: Single[] = [];
  readonly #owed = new Set<string>();
  #notes = 0;

  constructor(bundle: string, state: string, mail: MailPeer) {
    this.found = { acknowledged: 0, unheard: 0, codes: 0, mails: 0, indexed: 0, faults: [] };
    this.#start = () => Sallyport.start(bundle, mail.settings, state);
    this.#mail = mail;
  }

  async begin(): Promise<void> {
    this.#sallyport = await this.#start();
    this.#people = await this.#sallyport.people(PEOPLE, {});
    this.#readers = await this.#sallyport.people(CLIENTS * 8, {});
    await this.#sallyport.all(this.#readers.map(({ userId }) => post(`/v2/users/${userId}/otp_email`, {})));
  }

  /** One life: a load, a kill in the middle of it, and a look at what is left. */
  async killOnce(): Promise<void> {
    const { worker } = this.#running;
    const lifeMs = LIFE_LEAST_MS + Math.random() * (LIFE_MOST_MS - LIFE_LEAST_MS);
    const load = run(
      worker.port,
      this.#sessions.map((own) => this.#client(own)),
    ).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, lifeMs));
    await worker.kill();
    await load;
    this.#sallyport = await this.#start();
    for (const own of this.#sessions) await this.#check(own);
    await this.#useCodesAgain();
  }

  /** Once all is over: what is done later is done, and done once. */
  async finish(): Promise<void> {
    await this.#until('mails that were promised and never came', () => [...this.#owed].filter((id) => !this.#mail.received.has(id)));
    this.found.mails = this.#owed.size;
    const all = this.#sessions.flat();
    this.found.indexed = all.length;
    await this.#until('sessions that the index has wrong', () => this.#unlikeIndex(all));
    await this.#running.worker.end();
  }

  get #running(): Sallyport {
    if (this.#sallyport === undefined) throw new Error('nothing runs');
    return this.#sallyport;
  }

  /** A client's requests, one after the other: each has its answer before the next is sent. */
  *#client(own: Known[]): Lane {
    for (;;) {
      const live = own.filter(({ ended }) => !ended);
      const known = live[Math.floor(Math.random() * live.length)];
      const chance = Math.random();
      if (known === undefined || (chance < 0.1 && live.length < SESSIONS_A_CLIENT)) yield* this.#create(own);
      else if (chance < 0.2) yield* this.#code(known);
      else if (chance < 0.3) yield* this.#mailed(own);
      else if (chance < 0.36 && !this.#owed.has(known.id)) yield* this.#end(known);
      else yield* this.#note(known);
    }
  }

  *#create(own: Known[], body: object = {}): Generator<string, Known, Answer> {
    const answer: Answer = yield create(body);
    const known = { ...loginOf(answer), sequence: sequenceOf(answer), note: undefined, ended: false, asked: undefined };
    own.push(known);
    this.found.acknowledged += 1;
    return known;
  }

  *#note(known: Known): Generator<string, void, Answer> {
    this.#notes += 1;
    const note = Buffer.from(String(this.#notes)).toString('base64');
    known.asked = { note };
    this.#heard(known, yield patch(known, { metadata: { note } }));
    known.note = note;
  }

  *#end(known: Known): Generator<string, void, Answer> {
    known.asked = { end: true };
    const answer: Answer = yield end(known);
    if (answer.status !== 200) this.found.faults.push(`a delete was answered ${answer.status} ${answer.body}`);
    known.asked = undefined;
    known.ended = true;
    this.found.acknowledged += 1;
  }

  /** A code of a TOTP, in a session of its person's; each is used once. */
  *#code(known: Known): Generator<string, void, Answer> {
    const person = this.#people.find((each) => each.step === 0);
    const code = person && nextCode(person);
    if (person === undefined || code === undefined) return;
    const single = { person, code, served: 0 };
    this.#singles.push(single);
    known.asked = { code: single };
    const answer: Answer = yield patch(known, { checks: { user: { userId: person.userId }, totp: { code } } });
    known.asked = undefined;
    // A session that has a user keeps them: then the code was not even looked at.
    if (answer.status !== 200) {
      if (answer.status !== 400) this.found.faults.push(`a code was answered ${answer.status} ${answer.body}`);
      return;
    }
    single.served += 1;
    this.#take(known, answer);
  }

  /** A code by mail, which is sent after the answer. */
  *#mailed(own: Known[]): Generator<string, void, Answer> {
    const reader = this.#readers.pop();
    if (reader === undefined) return;
    const known = yield* this.#create(own, { ...ofUser(reader), challenges: { otpEmail: { sendCode: {} } } });
    this.#owed.add(known.id);
  }

  #heard(known: Known, answer: Answer): void {
    known.asked = undefined;
    if (answer.status === 200) this.#take(known, answer);
    else this.found.faults.push(`a token that was live was answered ${answer.status} ${answer.body}`);
  }

  #take(known: Known, answer: Answer): void {
    known.token = JSON.parse(answer.body).sessionToken;
    known.sequence = sequenceOf(answer);
    this.found.acknowledged += 1;
  }

  /** Holds what a client was told against what is there; what it cannot go on with is dropped. */
  async #check(own: Known[]): Promise<void> {
    const answers = await this.#running.all(own.map(read), CLIENTS, 405);
    for (const [at, known] of own.entries()) {
      const answer = answers[at];
      if (answer) this.#compare(known, answer);
    }
    const live = own.filter(({ ended, asked }) => !ended && asked === undefined);
    const notes = live.map(() => Buffer.from(`checked ${Math.random()}`).toString('base64'));
    const went = await this.#running.all(
      live.map((known, at) => patch(known, { metadata: { note: notes[at] } })),
      CLIENTS,
      405,
    );
    for (const [at, known] of live.entries()) {
      const answer = went[at];
      if (answer?.status !== 200) this.found.faults.push(`a token that was answered no longer works: ${answer?.status} ${answer?.body}`);
      else Object.assign(known, { token: JSON.parse(answer.body).sessionToken, sequence: sequenceOf(answer), note: notes[at] });
    }
    const unsure = own.filter(({ asked }) => asked !== undefined);
    const refused = await this.#running.all(
      unsure.map((known) => patch(known, { metadata: { note: 'MQ==' } })),
      CLIENTS,
      405,
    );
    for (const answer of refused) if (answer.status === 200) this.found.faults.push('two tokens of one session work');
    // Their live token was never heard: nobody goes on with them.
    own.splice(0, own.length, ...own.filter((known) => !unsure.includes(known)));
  }

  #compare(known: Known, answer: Answer): void {
    const { asked } = known;
    if (answer.status === 404) {
      if (known.ended || asked?.end) Object.assign(known, { ended: true, asked: undefined });
      else this.found.faults.push(`a session is gone: ${known.id}`);
      return;
    }
    if (known.ended) this.found.faults.push(`a session that was ended is there: ${known.id}`);
    const { sequence, metadata = {} } = JSON.parse(answer.body).session;
    if (Number(sequence) === known.sequence && metadata.note === known.note) known.asked = undefined;
    else if (asked && Number(sequence) > known.sequence && isOutcomeOf(asked, metadata.note, known.note)) this.#unheardOf(asked);
    else this.found.faults.push(`a session stands at ${sequence} ${metadata.note}, and was told ${known.sequence} ${known.note}`);
  }

  #unheardOf(asked: NonNullable<Known['asked']>): void {
    this.found.unheard += 1;
    if (asked.code) asked.code.served += 1;
  }

  /** Uses every code of this life once more, in a session of its own, while it would still be good: none may have served twice by then. */
  async #useCodesAgain(): Promise<void> {
    const singles = this.#singles;
    this.#singles = [];
    const logins = await this.#running.sessions(singles.map(({ person }) => ofUser(person)));
    const again = logins.map((login, at) => patch(login, totpCheck(singles[at]?.code ?? '')));
    const answers = await this.#running.all(again, CLIENTS, 500);
    for (const [at, single] of singles.entries()) if (answers[at]?.status === 200) single.served += 1;
    this.found.codes += singles.length;
    for (const { served } of singles) if (served > 1) this.found.faults.push('a code served twice');
  }

  /** Sessions that the index finds and that are gone, and those that are there and are not found. */
  async #unlikeIndex(all: readonly Known[]): Promise<string[]> {
    const batches = Array.from({ length: Math.ceil(all.length / 100) }, (_, n) => all.slice(n * 100, n * 100 + 100));
    const search = (batch: readonly Known[]) => post('/v2/sessions/search', { queries: [{ idsQuery: { ids: batch.map(({ id }) => id) } }] });
    const answers = await this.#running.all(batches.map(search));
    const found = new Set(answers.flatMap(({ body }) => (JSON.parse(body).sessions ?? []).map(({ id }: { id: string }) => id)));
    const there = await this.#running.all(all.map(read), CLIENTS, 405);
    return all.filter(({ id }, at) => (there[at]?.status === 200) !== found.has(id)).map(({ id }) => id);
  }

  async #until(what: string, wrong: () => string[] | Promise<string[]>): Promise<void> {
    const giveUpAt = Date.now() + CATCH_UP_MOST_MS;
    let left = await wrong();
    while (left.length > 0 && Date.now() < giveUpAt) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      left = await wrong();
    }
    if (left.length > 0) this.found.faults.push(`${what}: ${left.length}`);
  }
}

const sequenceOf = ({ body }: Answer): number => Number(JSON.parse(body).details.sequence);

const isOutcomeOf = (asked: NonNullable<Known['asked']>, note: string | undefined, before: string | undefined): boolean =>
  asked.note === undefined ? note === before : note === asked.note;
