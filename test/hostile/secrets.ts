import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startIssuers, trusting } from '../support/issuer.ts';
import { startOpenIdProvider } from '../support/openid-provider.ts';
import { ROOT } from '../support/production-bundle.ts';
import { create, Sallyport } from '../support/sallyport.ts';
import type { Noted } from '../support/secret-markers.ts';
import { secrets as keys } from '../support/secrets.ts';
import { type Peers, varsWith } from '../support/server.ts';
import { Needles } from './needles.ts';
import type { Report } from './report.ts';

/**
 * The contract's tests are run against a Worker that keeps what it stores and what it logs; then every secret that they sent or were given is searched for: in
 * D1 and the objects, in the log, and in what was refused.
 */
export async function secrets(bundle: string): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-secrets-'));
  const [state, markers] = [join(directory, 'state'), join(directory, 'markers')];
  const log: string[] = [];
  const faults: string[] = [];
  try {
    const issuers = await startIssuers();
    const settings = { ...varsWith(issuers.origin), JWT_ISSUERS: JSON.stringify(trusting(issuers.origin)) };
    const sallyport = await Sallyport.start(bundle, settings, state, (text) => log.push(text));
    const { close, ...openIdProvider } = await startOpenIdProvider(originOf(sallyport));
    const known = Buffer.from(`known ${randomBytes(16).toString('hex')}`).toString('base64');
    await sallyport.all([create({ metadata: { known } })]);
    const passed = await runContract(sallyport, markers, { issuers: issuers.origin, openIdProvider });
    for (const peer of [issuers, { close }]) peer.close();
    if (!passed) faults.push('the contract did not pass');
    await sallyport.worker.end();

    const noted = readFileSync(markers, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Noted);
    const shown = new Set(noted.flatMap((each) => each.shown ?? []));
    const good = noted.flatMap((each) => each.secrets ?? []).filter((secret) => !shown.has(secret));
    const ours = [...good, ...Object.values(keys).map((value) => value.replace(/^\d+:/, ''))];
    const needles = new Needles(ours);
    const stores = storesIn(state);
    const told = { 'the log': log, 'a refusal': noted.flatMap(({ refusal }) => refusal ?? []) };
    const said = Object.fromEntries(Object.entries(told).map(([place, texts]) => [place, Buffer.from(texts.join('\n'))]));
    const look = (wanted: Needles, places: Readonly<Record<string, Buffer>>) => {
      for (const [place, haystack] of Object.entries(places))
        for (const { secret, form } of wanted.in(haystack)) faults.push(`${place} holds ${secret} as ${form}`);
    };
    look(needles, stores);
    look(new Needles([...ours, ...noted.flatMap(({ refused = [] }) => refused)]), said);
    if (!Object.values(stores).some((bytes) => bytes.includes(known))) faults.push('what is stored in clear was not found');
    const megabytes = [...Object.values(stores), ...Object.values(said)].reduce((sum, { length }) => sum + length, 0) / 1e6;
    return {
      figures: `${needles.count} secrets of ${noted.length} requests searched for in ${Object.keys(stores).length} files of storage, ${log.length} pieces of log and every refusal, ${Math.round(megabytes)} MB in all`,
      faults: [...new Set(faults)],
    };
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

const originOf = ({ worker }: Sallyport): string => `http://127.0.0.1:${worker.port}`;

async function runContract(sallyport: Sallyport, markers: string, peers: Peers): Promise<boolean> {
  const asked = { BASE_URL: originOf(sallyport), ADMIN_TOKEN: keys.ADMIN_TOKEN, SECRET_MARKERS: markers, PEERS: JSON.stringify(peers) };
  const env = { ...process.env, ...asked };
  const child = spawn('npx', ['vitest', 'run', '--config', 'test/vitest.config.ts', '--project', 'contract', '--reporter', 'minimal'], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return (await new Promise((resolve) => child.once('exit', resolve))) === 0;
}

const storesIn = (state: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(state, { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(join(state, file)).isFile())
      .map((file) => [file, readFileSync(join(state, file))]),
  );
