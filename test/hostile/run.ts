import { productionBundle } from '../support/production-bundle.ts';
import { Sallyport } from '../support/sallyport.ts';
import { crash } from './crash.ts';
import { faults as outages } from './faults.ts';
import { floods } from './floods.ts';
import { input } from './input.ts';
import { keys } from './keys.ts';
import { race } from './race.ts';
import type { Report } from './report.ts';
import { secrets } from './secrets.ts';
import { timing } from './timing.ts';

const KILLS = Number(process.env.KILLS ?? 50);
const FLOOD_SECONDS = Number(process.env.FLOOD_SECONDS ?? 20);
const REQUESTS = Number(process.env.REQUESTS ?? 100_000);
const PAIRS = Number(process.env.PAIRS ?? 2000);
const HISTORIES = Number(process.env.HISTORIES ?? 1000);

/** Each against the production bundle in workerd. */
const TRIALS: Readonly<Record<string, (bundle: string) => Promise<Report>>> = {
  crash: (bundle) => crash(bundle, KILLS),
  race: async (bundle) => {
    const sallyport = await Sallyport.start(bundle);
    const found = await race(sallyport, HISTORIES);
    await sallyport.worker.end();
    return found;
  },
  faults: outages,
  floods: (bundle) => floods(bundle, FLOOD_SECONDS * 1000),
  input: (bundle) => input(bundle, REQUESTS),
  keys,
  secrets,
  timing: (bundle) => timing(bundle, PAIRS),
};

const asked = process.argv.slice(2);
const bundle = productionBundle('sallyport');
let faults = 0;
for (const [name, trial] of Object.entries(TRIALS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const begunAt = Date.now();
  const found = await trial(bundle);
  console.log(`${name}: ${found.figures}; ${found.faults.length} faults (${Math.round((Date.now() - begunAt) / 1000)} s)`);
  for (const fault of found.faults.slice(0, 20)) console.log(`  ${fault}`);
  faults += found.faults.length;
}
process.exit(faults > 0 ? 1 : 0);
