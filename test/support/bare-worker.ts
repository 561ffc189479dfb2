import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { type Lane, run } from './load.ts';
import { compatibilityDate } from './production-bundle.ts';

/** What a Worker needs around it to run. */
export interface Setting {
  /** A directory with its bundle. */
  readonly bundle: string;
  readonly bindings?: Readonly<Record<string, string>>;
  readonly durableObjects?: Readonly<Record<string, string>>;
  readonly d1?: true;
  /** A directory with what another has stored; without it, the Worker begins with nothing and leaves nothing. */
  readonly state?: string;
  /** Who reads its log; nobody, otherwise. */
  readonly logged?: (text: string) => void;
}

/** What a process has used so far. */
export interface Used {
  readonly cpuMs: number;
  readonly bytesWritten: number;
}

/** A bundled Worker in a workerd of its own, reached without anything between. */
export class BareWorker {
  readonly #runtime: Miniflare;
  /** What is to go with it. */
  readonly #state: string | undefined;
  readonly port: number;
  /** The process of workerd. */
  readonly pid: number;

  private constructor(runtime: Miniflare, state: string | undefined, port: number, pid: number) {
    this.#runtime = runtime;
    this.#state = state;
    this.port = port;
    this.pid = pid;
  }

  static async start({ bundle: directory, bindings = {}, durableObjects = {}, d1, state: kept, logged = () => {} }: Setting): Promise<BareWorker> {
    const state = kept ?? mkdtempSync(join(tmpdir(), 'sallyport-bare-'));
    const port = await freePort();
    const before = new Set(childrenOf(process.pid));
    const objects = Object.entries(durableObjects).map(([binding, className]) => [binding, { className, useSQLite: true }]);
    const runtime = new Miniflare(
      convertV4MiniflareOptions({
        name: 'bench',
        modulesRoot: directory,
        modules: modulesOf(directory),
        compatibilityDate: compatibilityDate(),
        bindings: { ...bindings },
        durableObjects: Object.fromEntries(objects),
        ...(d1 && { d1Databases: { DB: 'bench' } }),
        resourcePersistencePath: state,
        unsafeDirectSockets: [{ host: '127.0.0.1', port }],
        cf: false,
        handleRuntimeStdio: (out: Readable, errors: Readable) => {
          for (const stream of [out, errors]) stream.on('data', (chunk: Buffer) => logged(chunk.toString()));
        },
        handleStructuredLogs: ({ message }: { readonly message: string }) => logged(message),
      }),
    );
    await runtime.ready;
    const [pid] = childrenOf(process.pid).filter((child) => !before.has(child));
    if (pid === undefined) throw new Error('workerd cannot be found');
    return new BareWorker(runtime, kept === undefined ? state : undefined, port, pid);
  }

  d1(): Promise<D1Database> {
    return this.#runtime.getD1Database('DB') as unknown as Promise<D1Database>;
  }

  used(): Used {
    const tasks = readdirSync(`/proc/${this.pid}/task`);
    const nanoseconds = tasks.map((task) => Number(readIfThere(`/proc/${this.pid}/task/${task}/schedstat`).split(' ')[0]));
    const [, written] = /\nwrite_bytes: (\d+)/.exec(readIfThere(`/proc/${this.pid}/io`)) ?? [];
    return { cpuMs: nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6, bytesWritten: Number(written) };
  }

  /** How often the disk was waited for while the lanes ran; undefined where there is no strace. */
  async syncs(lanes: readonly Lane[]): Promise<number | undefined> {
    if (!existsSync('/usr/bin/strace')) return undefined;
    const strace = spawn('strace', ['-f', '-c', '-e', 'trace=fsync,fdatasync', '-p', String(this.pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
    let told = '';
    const attached = new Promise<void>((resolve) => {
      strace.stderr.on('data', (chunk) => {
        told += chunk;
        if (/attached/.test(told)) resolve();
      });
      strace.once('exit', () => resolve());
    });
    const ended = new Promise((resolve) => strace.once('exit', resolve));
    await attached;
    await run(this.port, lanes);
    strace.kill('SIGINT');
    await ended;
    return [...told.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*f(?:data)?sync$/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0);
  }

  /** Ends workerd as a crash does, with nothing said before. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.#runtime.dispose();
  }

  async end(): Promise<void> {
    await this.#runtime.dispose();
    if (this.#state) rmSync(this.#state, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

function modulesOf(directory: string) {
  const typeOf = (file: string) => (file.endsWith('.wasm') ? 'CompiledWasm' : /(?<!\.client)\.js$/.test(file) ? 'ESModule' : 'Text');
  const modules = readdirSync(directory)
    .filter((file) => /\.(js|wasm|css)$/.test(file))
    .map((file) => ({ type: typeOf(file), path: join(directory, file) }) as const);
  // The first is the main one.
  return modules.sort((one, other) => Number(other.type === 'ESModule') - Number(one.type === 'ESModule'));
}

const childrenOf = (pid: number): number[] => readIfThere(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
