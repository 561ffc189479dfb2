// `npm start`: a whole Sallyport on this machine, with the demo instance in it. Arguments after `--` go to `wrangler dev`.
// @ts-check
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { seedDemo } from './demo.mjs';
import { walkThrough } from './walk-through.mjs';

const SECRETS_FILE = '.dev.vars';
const wranglerArguments = process.argv.slice(2);

ensureSecrets();
applySchema();
serve();

/** Secrets of this machine only, made once; the file is never committed. */
function ensureSecrets() {
  if (existsSync(SECRETS_FILE)) return;
  const secrets = {
    ADMIN_TOKEN: randomBytes(32).toString('hex'),
    SESSION_ID_KEYS: `1:${randomBytes(32).toString('base64')}`,
    PEPPER_KEYS: `1:${randomBytes(32).toString('base64')}`,
  };
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(SECRETS_FILE, lines.join(''), { mode: 0o600 });
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
  const wrangler = spawn('wrangler', ['dev', '--local', ...wranglerArguments], { stdio: ['ignore', 'pipe', 'inherit'] });
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

/** @param {string} secrets */
function adminTokenOf(secrets) {
  const [, list = ''] = /^ADMIN_TOKEN *= *"?([^"\n]*)"?/m.exec(secrets) ?? [];
  return list.split(',')[0]?.trim() ?? '';
}
