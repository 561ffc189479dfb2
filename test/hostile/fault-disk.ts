import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Login, patch, read, Sallyport } from '../support/sallyport.ts';
import { Asker } from './asker.ts';
import type { Report } from './report.ts';

const SESSIONS = 24;
const FULL_BYTES = 300_000;
const FULL_MS = 8_000;
/** So much a change adds to the log of its cell. */
const NOTE_BYTES = 6_000;

interface Known extends Login {
  sequence: number;
  note: number;
  /** What was asked for and not acknowledged. */
  asked: number | undefined;
}

/**
 * The disk is full: no file may grow beyond a limit. What cannot be written is answered 503 and is not there; what was acknowledged is, under a full disk,
 * once there is room, and after a restart. The second time the limit kills workerd, as the system does by default, and it starts again on what it stored.
 */
export async function faultDisk(bundle: string): Promise<Report> {
  if (spawnSync('prlimit', ['--version']).status !== 0) return { figures: 'disk full: not tried, for there is no prlimit here', faults: [] };
  const state = mkdtempSync(join(tmpdir(), 'sallyport-disk-'));
  mkdirSync(join(state, 'stored'));
  const trial = new Trial(bundle, join(state, 'stored'), withoutSignal(join(state, 'workerd')));
  try {
    await trial.begin();
    await trial.fill();
    await trial.dieOfIt();
    return trial.report();
  } finally {
    await trial.end();
    rmSync(state, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** A workerd whose writes fail at the limit as they do on a full disk, where the system would end it by a signal. */
function withoutSignal(path: string): string {
  const { default: workerd } = createRequire(import.meta.url)('workerd') as { readonly default: string };
  writeFileSync(path, `#!/bin/sh\ntrap '' XFSZ\nexec '${workerd}' "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

class Trial {
  readonly #bundle: string;
  readonly #state: string;
  readonly #workerd: string;
  readonly #asker = new Asker(() => this.#running.worker.port);
  readonly #faults: string[] = [];
  #sallyport: Sallyport | undefined;
  #known: Known[] = [];
  #acknowledged = 0;
  #lost = 0;
  #notes = 0;

  constructor(bundle: string, state: string, workerd: string) {
    this.#bundle = bundle;
    this.#state = state;
    this.#workerd = workerd;
  }

  get #running(): Sallyport {
    if (this.#sallyport === undefined) throw new Error('nothing runs');
    return this.#sallyport;
  }

  async begin(): Promise<void> {
    process.env.MINIFLARE_WORKERD_PATH = this.#workerd;
    await this.#start();
    const logins = await this.#running.sessions(Array.from({ length: SESSIONS }, () => ({})));
    this.#known = logins.map((login) => ({ ...login, sequence: 2, note: 0, asked: undefined }));
  }

  /** Changes are asked for until some are refused, and for a while more; then there is room again. */
  async fill(): Promise<void> {
    this.#limit(String(FULL_BYTES));
    const until = performance.now() + FULL_MS;
    while (performance.now() < until) await Promise.all(this.#known.map((known) => this.#note(known)));
    if (this.#asker.unavailable === 0) this.#faults.push('the disk never was full');
    await this.#check();
    this.#limit('unlimited');
    await this.#check();
    await this.#goOn();
    await this.#running.worker.end();
    await this.#start();
    await this.#check();
  }

  /** The same, where the system ends workerd at the first write beyond the limit. */
  async dieOfIt(): Promise<void> {
    await this.#running.worker.end();
    delete process.env.MINIFLARE_WORKERD_PATH;
    await this.#start();
    this.#limit(String(FULL_BYTES));
    const until = performance.now() + FULL_MS;
    while (this.#lost === 0 && performance.now() < until) await Promise.all(this.#known.map((known) => this.#note(known)));
    await this.#running.worker.kill().catch(() => undefined);
    await this.#start();
    await this.#check();
    await this.#goOn();
  }

  report(): Report {
    return {
      figures:
        `disk full: ${this.#asker.figures}, ${this.#acknowledged} changes acknowledged and there, ` +
        `${this.#lost} answers lost when the limit killed workerd, and it started again`,
      faults: [...this.#asker.faults, ...this.#faults],
    };
  }

  async end(): Promise<void> {
    delete process.env.MINIFLARE_WORKERD_PATH;
    await this.#sallyport?.worker.end();
  }

  async #start(): Promise<void> {
    this.#sallyport = await Sallyport.start(this.#bundle, {}, this.#state);
  }

  #limit(bytes: string): void {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(this.#running.worker.pid), `--fsize=${bytes}:unlimited`], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the disk could not be limited: ${stderr}`);
  }

  /** One change, which is acknowledged, refused or not answered. */
  async #note(known: Known): Promise<void> {
    if (known.asked !== undefined && this.#lost > 0) return;
    this.#notes += 1;
    const note = this.#notes;
    known.asked = note;
    try {
      const [answer] = await this.#asker.ask([patch(known, { metadata: { note: noteOf(note) } })]);
      if (answer?.status !== 200) return;
      const { sessionToken, details } = JSON.parse(answer.body);
      Object.assign(known, { token: sessionToken, sequence: Number(details.sequence), note, asked: undefined });
      this.#acknowledged += 1;
    } catch {
      this.#lost += 1;
    }
  }

  /** What was acknowledged is there, and of what was not at most the one change that was asked for last. */
  async #check(): Promise<void> {
    const answers = await this.#running.all(this.#known.map(read));
    for (const [n, known] of this.#known.entries()) this.#compare(known, JSON.parse(answers[n]?.body ?? '{}').session);
  }

  #compare(known: Known, { sequence, metadata = {} }: { sequence: string; metadata?: { note?: string } }): void {
    const note = metadata.note === undefined ? 0 : numberOf(metadata.note);
    if (Number(sequence) === known.sequence && note === known.note) return;
    // Whose answer was lost: nobody knows the token, and it is not gone on with.
    if (note === known.asked && this.#lost > 0) Object.assign(known, { sequence: Number(sequence), note, token: '' });
    else this.#faults.push(`a session stands at ${sequence} with note ${note}, and was told ${known.sequence} with ${known.note}`);
  }

  /** Every token that was told works. */
  async #goOn(): Promise<void> {
    const live = this.#known.filter(({ token }) => token !== '');
    for (const known of live) known.asked = undefined;
    const before = this.#acknowledged;
    await Promise.all(live.map((known) => this.#note(known)));
    if (this.#acknowledged !== before + live.length)
      this.#faults.push(`of ${live.length} sessions ${this.#acknowledged - before} could be gone on with`);
  }
}

const noteOf = (n: number): string => Buffer.from(String(n).padStart(NOTE_BYTES, ' ')).toString('base64');
const numberOf = (note: string): number => Number(Buffer.from(note, 'base64').toString());
