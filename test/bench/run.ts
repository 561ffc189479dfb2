import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Lane, percentile, run } from './load.ts';
import { type Measurement, report } from './report.ts';
import { Sallyport } from './sallyport.ts';
import { betterAuthOf, derivation, floor, type Scenario, scenariosOf } from './scenarios.ts';
import { BareWorker, bundle, ROOT } from './worker.ts';

const CONNECTIONS = [1, 8, 32];
const ROUNDS = 3;
const MEASURED_MS = 1000;
const SYNCS_COUNTED_OVER = 100;

/** A scenario and the Worker that it is measured in. */
interface Place {
  readonly scenario: Scenario;
  readonly worker: BareWorker;
}

const only = process.argv.slice(2);
const wanted = ({ scenario: { name } }: Place): boolean => only.length === 0 || name === floor.name || only.some((part) => name.includes(part));

mkdirSync(join(ROOT, '.wrangler/bench'), { recursive: true });
const sallyport = await Sallyport.start(bundle('sallyport'), { PASSWORD_HASH: 'argon2id' });
const floorWorker = await BareWorker.start({ bundle: bundle('floor', 'test/bench/floor.ts'), durableObjects: { CELL: 'Cell' } });
const derivations = await BareWorker.start({ bundle: bundle('key-derivation', 'test/bench/key-derivation.ts') });
const betterAuth = await BareWorker.start({
  bundle: bundle('better-auth', 'test/bench/peers/better-auth.js'),
  bindings: { SECRET: 'a secret of no worth, of 32 characters' },
  d1: true,
});
const workers = [sallyport.worker, floorWorker, derivations, betterAuth];

const within = (worker: BareWorker) => (scenario: Scenario) => ({ scenario, worker });
const places = [
  within(floorWorker)(floor),
  ...(await scenariosOf(sallyport)).map(within(sallyport.worker)),
  ...(await betterAuthOf(betterAuth)).map(within(betterAuth)),
  within(derivations)(derivation('bare Argon2id', 'argon2id')),
].filter(wanted);

const measurements: Measurement[] = [];
for (const place of places) await measure(place, 8, MEASURED_MS / 2);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { place, connections } of shuffled(places.flatMap((each) => CONNECTIONS.map((count) => ({ place: each, connections: count }))))) {
    measurements.push(await measure(place, connections, MEASURED_MS));
    process.stderr.write('.');
  }
}
const syncs = new Map<string, number | undefined>();
for (const { scenario, worker } of places) syncs.set(scenario.name, await syncsEach(scenario, worker));

const { markdown, table } = report(measurements, syncs);
console.log(`\n${table}`);
if (only.length === 0) writeFileSync(join(ROOT, 'test/bench/results.md'), markdown);
for (const worker of workers) await worker.end();

async function measure({ scenario, worker }: Place, connections: number, mostMs: number): Promise<Measurement> {
  const { name, most, requests = 1 } = scenario;
  const lanes = await scenario.lanes(connections);
  const before = worker.used();
  const { count, seconds, tookMs } = await run(worker.port, lanes, { mostMs, most, requests });
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
