import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secrets } from './secrets.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const WRANGLER = join(ROOT, 'node_modules/.bin/wrangler');
const READY_MOST_MS = 120_000;

/** A Worker of its own with its data in files, which can be ended without a warning, and started again on the same data. */
export class RestartableServer {
  readonly #directory = mkdtempSync(join(tmpdir(), 'sallyport-restart-'));
  #running: ChildProcess | undefined;
  origin = '';

  /** Makes D1's tables; once, before the first start. */
  migrate(): void {
    const { status, stderr } = spawnSync(WRANGLER, ['d1', 'migrations', 'apply', 'DB', '--local', '--persist-to', this.#state], {
      cwd: ROOT,
      env: { ...process.env, CI: '1' },
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`D1 could not be migrated: ${stderr}`);
  }

  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const vars = Object.entries({ ...secrets, ...settings }).flatMap(([name, value]) => ['--var', `${name}:${value}`]);
    const here = ['--local', '--persist-to', this.#state, '--port', '0', '--inspector-port', '0', '--show-interactive-dev-session=false'];
    // In a process group of its own, so that workerd ends with it.
    const child = spawn(WRANGLER, ['dev', ...here, ...vars], { cwd: ROOT, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running = child;
    this.origin = await saysWhereItIs(child);
  }

  /** Ends it as a crash does. */
  async crash(): Promise<void> {
    const child = this.#running;
    this.#running = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await ended;
  }

  /** Takes a copy of D1 while nothing runs. */
  backUpD1(): void {
    cpSync(this.#d1, join(this.#directory, 'backup'), { recursive: true });
  }

  /** Puts D1, and D1 alone, back to its copy while nothing runs. */
  restoreD1(): void {
    rmSync(this.#d1, { recursive: true });
    cpSync(join(this.#directory, 'backup'), this.#d1, { recursive: true });
  }

  async end(): Promise<void> {
    await this.crash();
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }

  get #state(): string {
    return join(this.#directory, 'state');
  }

  get #d1(): string {
    return join(this.#state, 'v3', 'd1');
  }
}

function saysWhereItIs(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const giveUp = () => reject(new Error(`the Worker did not start:\n${said}`));
    const patience = setTimeout(giveUp, READY_MOST_MS);
    // Listens on, because a pipe that nobody empties would hold the writer up.
    const listen = (chunk: Buffer) => {
      said += chunk;
      const [, origin] = /Ready on (http:\/\/\S+)/.exec(said) ?? [];
      if (origin === undefined) return;
      clearTimeout(patience);
      resolve(origin);
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('exit', giveUp);
  });
}
