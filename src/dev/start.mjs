// `npm start`: a whole Sallyport on this machine, with the demo instance in it. Arguments after `--` go to `wrangler dev`.
// @ts-check
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { adminTokenOf } from './admin-token.mjs';
import { seedDemo } from './demo.mjs';
import { walkThrough } from './walk-through.mjs';

const SECRETS_FILE = '.dev.vars';
const KEY_LISTS = ['SESSION_ID_KEYS', 'PEPPER_KEYS', 'SEAL_KEYS', 'IDEMPOTENCY_KEYS'];
const wranglerArguments = process.argv.slice(2);

ensureSecrets();
applySchema();
serve();

/** Secrets of this machine only, each made once; the file is never committed. */
function ensureSecrets() {
  const written = existsSync(SECRETS_FILE) ? readFileSync(SECRETS_FILE, 'utf8') : '';
  const secrets = {
    ADMIN_TOKEN: randomBytes(32).toString('hex'),
    LOGIN_CLIENT_TOKEN: randomBytes(32).toString('hex'),
    ...Object.fromEntries(KEY_LISTS.map((name) => [name, `${dateNumber(new Date())}:${randomBytes(32).toString('base64')}`])),
  };
  const missing = Object.entries(secrets).filter(([name]) => !new RegExp(`^${name} *=`, 'm').test(written));
  if (missing.length === 0) return;
  const kept = written === '' || written.endsWith('\n') ? written : `${written}\n`;
  writeFileSync(SECRETS_FILE, kept + missing.map(([name, value]) => `${name}=${value}\n`).join(''), { mode: 0o600 });
}

/** A key is numbered by the day it was made, so that its age can be told (`npm run doctor`). @param {Date} date */
function dateNumber(date) {
  return date.toISOString().slice(2, 10).replaceAll('-', '');
}

function applySchema() {
  const { values } = parseArgs({ args: wranglerArguments, options: { 'persist-to': { type: 'string' } }, strict: false });
  const persistTo = typeof values['persist-to'] === 'string' ? ['--persist-to', values['persist-to']] : [];
  // CI=1 answers the question that wrangler would ask at a terminal.
  const { status, stdout, stderr } = spawnSync('wrangler', ['d1', 'migrations', 'apply', 'DB', '--local', ...persistTo], {
    env: { ...process.env, CI: '1' },
    encoding: 'utf8',
  });
  if (status === 0) return;
  console.error(stdout, stderr);
  process.exit(status ?? 1);
}

function serve() {
  const wrangler = spawn('wrangler', ['dev', '--local', '--var', 'DEV_MAILBOX:true', ...wranglerArguments], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  wrangler.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    if (printed === 'done') return;
    printed += chunk;
    const [, address] = /Ready on (http:\/\/\S+)/.exec(printed) ?? [];
    if (address === undefined) return;
    printed = 'done';
    welcome(address).catch((error) => {
      console.error(`The demo instance could not be made: ${error.message}`);
      wrangler.kill('SIGINT');
      process.exitCode = 1;
    });
  });
  wrangler.on('exit', (code) => process.exit(process.exitCode ?? code ?? 0));
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => wrangler.kill(signal));
}

/** @param {string} address */
async function welcome(address) {
  const adminToken = adminTokenOf(readFileSync(SECRETS_FILE, 'utf8'));
  await seedDemo(address, adminToken);
  console.log(walkThrough(address, adminToken));
}
