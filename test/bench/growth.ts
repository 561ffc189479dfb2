import { readFileSync } from 'node:fs';
import type { BareWorker } from '../support/bare-worker.ts';
import { type Lane, run } from '../support/load.ts';
import { carryOn, type Login, patch, Sallyport } from '../support/sallyport.ts';
import { median, table } from './report.ts';

const CONNECTIONS = 8;
const SLICES = 24;
const SLICE_MS = 200;

/** One size of something that grows. */
interface Size {
  readonly of: string;
  readonly size: number;
  readonly worker: BareWorker;
  lanes(): Lane[];
}

/** How the cost of a PATCH grows with what is stored already: pairs of sizes, measured in turns in one run. */
export async function growth(bundle: string): Promise<string> {
  const [small, middle, large] = [await Sallyport.start(bundle), await Sallyport.start(bundle), await Sallyport.start(bundle)];
  const sizes: Size[] = [];
  for (const [sallyport, sessions, users] of [
    [small, 1_000, 1_000],
    [middle, 10_000, undefined],
    [large, 100_000, 100_000],
  ] as const) {
    await addSessions(sallyport, sessions);
    sizes.push({ of: 'sessions in the cells', size: sessions, worker: sallyport.worker, lanes: noted(await fresh(sallyport)) });
    if (users === undefined) continue;
    await addUsers(sallyport, users);
    sizes.push({ of: 'users (a PATCH that names one)', size: users, worker: sallyport.worker, lanes: named(await fresh(sallyport)) });
  }
  for (const events of [10, 1_000]) {
    const logins = await fresh(small);
    await run(small.worker.port, noted(logins)(), { most: (events / 2) * CONNECTIONS });
    sizes.push({ of: 'events of one session', size: events, worker: small.worker, lanes: noted(logins) });
  }
  for (const bytes of [100, 10_000]) {
    const logins = await fresh(small);
    const filling = logins.map((login) => patch(login, { metadata: { filling: Buffer.alloc(bytes, 'x').toString('base64') } }));
    for (const [at, answer] of (await small.all(filling)).entries()) carryOn(logins[at] as Login, answer);
    sizes.push({ of: 'bytes of metadata in the session', size: bytes, worker: small.worker, lanes: noted(logins) });
  }
  const cpuMs = await measured(sizes);
  const memory = [small, large].map(({ worker }) => `${memoryOf(worker)} MiB`);
  for (const { worker } of [small, middle, large]) await worker.end();
  return `${tableOf(sizes, cpuMs)}\n\nResident memory of workerd after it: ${memory[0]} with 1,000 sessions and users, ${memory[1]} with 100,000.`;
}

const fresh = (sallyport: Sallyport): Promise<Login[]> => sallyport.sessions(Array.from({ length: CONNECTIONS }, () => ({})));

async function addSessions(sallyport: Sallyport, count: number): Promise<void> {
  const batch = 5_000;
  for (let left = count; left > 0; left -= batch) await sallyport.sessions(Array.from({ length: Math.min(batch, left) }, () => ({})));
}

/** Users as AddHumanUser leaves them, put into D1 at once. */
async function addUsers(sallyport: Sallyport, count: number): Promise<void> {
  await sallyport.people(1, {});
  const d1 = await sallyport.worker.d1();
  await d1
    .prepare(
      `INSERT INTO user (id, organization_id, kind, cell, creation_date, change_date, username, login_name_key, display_name, email)
       WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
       SELECT printf('%018d', n), (SELECT id FROM organization LIMIT 1), 'human', 'users:weur:' || (n % 8), 0, 0, 'user' || n, 'user' || n, 'User', 'user' || n || '@example.com' FROM counted`,
    )
    .bind(count)
    .run();
}

/** Lanes of metadata PATCHes, one session each. They can be begun again and again. */
const noted = (logins: readonly Login[]) => () =>
  logins.map(function* (login): Lane {
    for (let n = Math.floor(Math.random() * 1e9); ; n += 1)
      carryOn(login, yield patch(login, { metadata: { step: Buffer.from(String(n)).toString('base64') } }));
  });

/** Lanes of PATCHes that name a user, each time another. */
const named = (logins: readonly Login[]) => () =>
  logins.map(function* (login, at): Lane {
    const who = { checks: { user: { loginName: `user${at + 1}` } } };
    for (;;) carryOn(login, yield patch(login, who));
  });

async function measured(sizes: readonly Size[]): Promise<ReadonlyMap<Size, number>> {
  const slices = new Map(sizes.map((size) => [size, [] as number[]]));
  for (let turn = -2; turn < SLICES; turn += 1) {
    for (const size of sizes) {
      const before = size.worker.used();
      const { count } = await run(size.worker.port, size.lanes(), { mostMs: SLICE_MS });
      if (turn >= 0) slices.get(size)?.push((size.worker.used().cpuMs - before.cpuMs) / count);
    }
  }
  return new Map([...slices].map(([size, values]) => [size, median(values)]));
}

function tableOf(sizes: readonly Size[], cpuMs: ReadonlyMap<Size, number>): string {
  const rows = sizes.map((size) => {
    const first = sizes.find(({ of }) => of === size.of) ?? size;
    const [own, least] = [cpuMs.get(size) ?? Number.NaN, cpuMs.get(first) ?? Number.NaN];
    return [size.of, size.size.toLocaleString('en'), own.toFixed(3), (own / least).toFixed(2)];
  });
  return table(['what grows', 'to', 'CPU ms a PATCH', '× the smallest'], rows);
}

const memoryOf = ({ pid }: BareWorker): number => {
  const [, kib] = /\nVmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / 1024);
};
