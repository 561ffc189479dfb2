import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { BareWorker } from '../support/bare-worker.ts';
import { type Lane, percentile, run } from '../support/load.ts';
import { productionBundle, ROOT } from '../support/production-bundle.ts';
import { Sallyport } from '../support/sallyport.ts';
import { coldStart } from './cold-start.ts';
import { growth } from './growth.ts';
import { betterAuthOf, derivation, floor } from './peers.ts';
import { prices, type Timed } from './price.ts';
import { type Measurement, NAMES, Results, tableOfRatios, tableOfTargets, targetsOf } from './report.ts';
import type { Scenario } from './scenario.ts';
import { scenariosOf } from './scenarios.ts';

const CONNECTIONS = [1, 8, 32];
const ROUNDS = 3;
const MEASURED_MS = 600;
const SLOW_MS = 1200;
const SYNCS_COUNTED_OVER = 100;

/** A scenario and the Worker that it is measured in. */
interface Place {
  readonly scenario: Scenario;
  readonly worker: BareWorker;
}

/** Names on the command line: with some, what they name is measured, and nothing is written. */
const only = process.argv.slice(2);
const isWanted = (name: string): boolean => only.length === 0 || only.some((part) => name.includes(part));
const say = (what: string) => process.stderr.write(`${what}\n`);

const ours = productionBundle('sallyport');
const parts = [`# What Sallyport was measured at\n\n${howItWasMeasured()}`];
if (isWanted('beside')) parts.push(await besideOthers());
if (isWanted('growth')) parts.push(`## How it grows\n\n${await said('growth', () => growth(ours))}`);
if (isWanted('cold start')) parts.push(`## Cold start\n\n${await said('cold start', () => coldStart(ours))}`);
const whole = `${parts.join('\n\n')}\n`;
console.log(whole);
if (only.length === 0) writeFileSync(join(ROOT, 'test/bench/results.md'), whole);
process.exit(0);

/** Ours, the floor, better-auth and the bare derivations, in one run, in turns and in shuffled order. */
async function besideOthers(): Promise<string> {
  const sallyport = await Sallyport.start(ours, { PASSWORD_HASH: 'argon2id' });
  const floorWorker = await BareWorker.start({ bundle: productionBundle('floor', 'test/bench/floor.ts'), durableObjects: { CELL: 'Cell' } });
  const derivations = await BareWorker.start({ bundle: productionBundle('key-derivation', 'test/bench/key-derivation.ts') });
  const betterAuth = await BareWorker.start({
    bundle: productionBundle('better-auth', 'test/bench/peers/better-auth.js'),
    bindings: { SECRET: 'a secret of no worth, of 32 characters' },
    d1: true,
  });
  const within = (worker: BareWorker) => (scenario: Scenario) => ({ scenario, worker });
  const places = [
    within(floorWorker)(floor),
    ...(await scenariosOf(sallyport)).map(within(sallyport.worker)),
    ...(await betterAuthOf(betterAuth)).map(within(betterAuth)),
    ...[derivation(NAMES.bare, 'argon2id'), derivation('bare PBKDF2-SHA-512', 'pbkdf2-sha512'), derivation('bare scrypt', 'scrypt')].map(
      within(derivations),
    ),
  ];
  for (const place of places) await measure(place, 8, MEASURED_MS);
  const measurements: Measurement[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    say(`round ${round + 1} of ${ROUNDS}`);
    const turns = places.flatMap((place) => CONNECTIONS.map((connections) => ({ place, connections })));
    for (const { place, connections } of shuffled(turns)) measurements.push(await measure(place, connections, MEASURED_MS));
  }
  const syncs = new Map<string, number | undefined>();
  for (const { scenario, worker } of places) syncs.set(scenario.name, await syncsEach(scenario, worker));
  for (const worker of [sallyport.worker, floorWorker, derivations, betterAuth]) await worker.end();
  const results = new Results(measurements, syncs, NAMES.floor);
  const cpuMsOf = (part: Timed) => results.median(part === 'PATCH password' ? NAMES.password : part, 8, 'cpuMs');
  return [
    `## Beside the floor and the peers\n\n${tableOfRatios(results, CONNECTIONS)}`,
    `## Aims\n\n${tableOfTargets(targetsOf(results))}`,
    `## What it costs\n\n${prices(cpuMsOf)}`,
  ].join('\n\n');
}

async function measure({ scenario, worker }: Place, connections: number, mostMs: number): Promise<Measurement> {
  const { name, most, requests = 1, slow } = scenario;
  const lanes = await scenario.lanes(connections);
  const before = worker.used();
  const { count, seconds, tookMs } = await run(worker.port, lanes, { mostMs: slow ? SLOW_MS : mostMs, most, requests });
  const after = worker.used();
  return {
    name,
    connections,
    perSecond: count / seconds,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
    cpuMs: (after.cpuMs - before.cpuMs) / count,
    bytes: (after.bytesWritten - before.bytesWritten) / count,
  };
}

async function syncsEach(scenario: Scenario, worker: BareWorker): Promise<number | undefined> {
  let count = 0;
  function* counted(lane: Lane): Lane {
    let step = lane.next();
    while (!step.done && count < SYNCS_COUNTED_OVER) {
      count += 1;
      step = lane.next(yield step.value);
    }
  }
  const [lane] = await scenario.lanes(1);
  const syncs = lane && (await worker.syncs([counted(lane)]));
  return syncs === undefined ? undefined : (syncs / count) * (scenario.requests ?? 1);
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((one, other) => one.order - other.order)
    .map(({ item }) => item);
}

async function said(what: string, work: () => Promise<string>): Promise<string> {
  say(what);
  return work();
}

function howItWasMeasured(): string {
  const versionOf = (path: string): string => JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')).version;
  const [processor] = cpus();
  const machine = `${cpus().length} × ${processor?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux`;
  const versions = `workerd ${versionOf('node_modules/workerd')}, better-auth ${versionOf('test/bench/peers/node_modules/better-auth')}, Node ${process.versions.node}`;
  return [
    `By \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${machine}; ${versions}.`,
    '',
    'Each Worker is its production bundle in a workerd of its own, without a proxy or an entry Worker before it; the load comes over loopback from one process, in',
    `closed loops. Scenarios and connections take turns in shuffled order; figures are medians of ${ROUNDS} rounds of ${MEASURED_MS} ms (${SLOW_MS} where a password is hashed). A sync is an fsync or`,
    'fdatasync, counted over 100 requests on one connection. CPU is that of all of workerd. Figures differ by a fifth from run to run: look at the ratios.',
    'D1 is its local stand-in, which runs in the same thread and syncs for each query, also for one that only reads.',
  ].join('\n');
}
