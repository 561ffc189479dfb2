import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { adminTokenOf } from '../../src/dev/admin-token.mjs';
import { findChromium } from './find-chromium.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the browser takes commands of the DevTools protocol. */
    devTools: string;
    /** A directory that ends with the run. */
    scratch: string;
  }
}

/** What `npm start` reads of the working tree. */
const SOURCES = ['src', 'schema.sql', 'wrangler.toml', 'tsconfig.json', 'package.json', 'package-lock.json', '.env', '.npmrc'];

const START_MOST_MS = 120_000;

/** Pages may only come from this machine, whatever their names under localhost. The sandbox would not start for root, as in a container. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--disable-breakpad',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--no-default-browser-check',
  '--password-store=basic',
  '--use-mock-keychain',
  '--remote-debugging-port=0',
  '--host-resolver-rules=MAP localhost 127.0.0.1, MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

/**
 * `npm start` and a Chromium, once a run. Both work in a directory of their own, with a copy of the sources: neither the settings and data of this
 * machine nor the working tree are touched. Whatever way the run ends, short of being killed outright, they and their directory end with it.
 */
export default async function start(project: TestProject): Promise<() => void> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-browser-'));
  const started: ChildProcess[] = [];
  const end = () => {
    for (const child of started.splice(0)) killGroup(child);
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  process.once('exit', end);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(128 + constants.signals[signal]));

  /** Starts a command, and hands over what it says of itself once it is ready. */
  const launch = (command: string, args: string[], ready: RegExp): Promise<string> => {
    const home = join(directory, 'home');
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, npm_config_update_notifier: 'false' };
    // In a process group of its own, so that what it starts in turn can be ended with it.
    const child = spawn(command, args, { cwd: join(directory, 'tree'), env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    return saysReady(child, `${command} ${args[0]}`, ready);
  };

  try {
    copyTree(project.config.root, directory);
    const chromium = findChromium() ?? fail('There is no Chromium: npm run test:browser looks for one, and installs it on Debian');
    const [address, devTools] = await Promise.all([
      launch('npm', ['start', '--', '--port', '0', '--persist-to', join(directory, 'state')], /Sallyport listens on http:\/\/127\.0\.0\.1(:\d+)\n/),
      launch(chromium, [...FLAGS, `--user-data-dir=${join(directory, 'profile')}`], /DevTools listening on (ws:\S+)\n/),
    ]);
    project.provide('baseUrl', `http://localhost${address}`);
    project.provide('adminToken', adminTokenOf(readFileSync(join(directory, 'tree', '.dev.vars'), 'utf8')));
    project.provide('devTools', devTools);
    project.provide('scratch', join(directory, 'scratch'));
    return end;
  } catch (error) {
    end();
    throw error;
  }
}

function copyTree(root: string, directory: string): void {
  mkdirSync(join(directory, 'home'));
  for (const name of SOURCES) cpSync(join(root, name), join(directory, 'tree', name), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'tree', 'node_modules'));
}

function saysReady(child: ChildProcess, name: string, ready: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const giveUp = (why: string) => {
      clearTimeout(patience);
      reject(new Error(`${name} ${why}:\n${said}`));
    };
    const patience = setTimeout(() => giveUp(`was not ready after ${START_MOST_MS / 1000} s`), START_MOST_MS);
    // Listens on, because a pipe that nobody empties would hold the writer up.
    const listen = (chunk: Buffer) => {
      said += chunk;
      const [, found] = ready.exec(said) ?? [];
      if (found === undefined) return;
      clearTimeout(patience);
      resolve(found);
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('error', (error) => giveUp(`could not be started (${error.message})`));
    child.once('exit', () => giveUp('ended'));
  });
}

/** At once and for good: there is nothing in them that is worth keeping. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

function fail(message: string): never {
  throw new Error(message);
}
