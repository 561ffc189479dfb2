import { productionBundle } from '../support/production-bundle.ts';
import { Sallyport } from '../support/sallyport.ts';
import { crash } from './crash.ts';
import { race } from './race.ts';

const KILLS = Number(process.env.KILLS ?? 50);
const HISTORIES = Number(process.env.HISTORIES ?? 1000);

const ours = productionBundle('sallyport');
const faults: string[] = [];
await crashes();
await races();
for (const fault of faults.slice(0, 20)) console.log(`  ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);

async function crashes(): Promise<void> {
  const found = await crash(ours, KILLS);
  console.log(
    `crash: ${found.kills} kills; ${found.acknowledged} acknowledged changes checked, ${found.unheard} carried out whose answer was lost, ` +
      `${found.codes} single-use codes, ${found.mails} mails promised, ${found.indexed} sessions against the index; ${found.faults.length} faults`,
  );
  faults.push(...found.faults);
}

async function races(): Promise<void> {
  const sallyport = await Sallyport.start(ours);
  const found = await race(sallyport, HISTORIES);
  await sallyport.worker.end();
  console.log(
    `race: ${found.histories} histories of 32 clients; ${found.requests} requests, ${found.successes} changes, ${found.repeats} repeats; ` +
      `${found.faults.length} that no order explains`,
  );
  faults.push(...found.faults);
}
