import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ROOT, WRANGLER } from '../support/production-bundle.ts';
import { eagerCode } from './eager-code.ts';
import { median, table } from './report.ts';

const PROFILES = 7;

/** What a cold start loads, and the CPU that its start-up takes by `wrangler check startup`. */
export async function coldStart(ours: string): Promise<string> {
  const activeMs = Array.from({ length: PROFILES }, startUp).sort((one, other) => one - other);
  const { gzippedBytes } = await eagerCode();
  return table(
    ['', 'found', 'budget'],
    [
      ['code that the JSON road loads, gzipped', `${kB(gzippedBytes)} kB`, '250 kB'],
      ['the whole bundle, gzipped', `${kB(gzippedBytesIn(ours))} kB`, ''],
      [
        `start-up CPU, median of ${PROFILES} profiles`,
        `${median(activeMs).toFixed(0)} ms (${activeMs[0]?.toFixed(0)} to ${activeMs.at(-1)?.toFixed(0)})`,
        '60 ms',
      ],
    ],
  );
}

const kB = (bytes: number): string => (bytes / 1000).toFixed(0);

function startUp(): number {
  const profile = join(ROOT, '.wrangler/bare/start-up.cpuprofile');
  const { stdout, stderr } = spawnSync(WRANGLER, ['check', 'startup', '--args=--minify', '--outfile', profile], { cwd: ROOT, encoding: 'utf8' });
  const [, activeMs] = /Active: ([\d.]+) ms/.exec(stdout) ?? [];
  if (activeMs === undefined) throw new Error(`the start-up could not be profiled: ${stderr}`);
  return Number(activeMs);
}

/** All that is deployed, gzipped. */
function gzippedBytesIn(directory: string): number {
  const files = readdirSync(directory).filter((file) => /\.(js|wasm|css)$/.test(file));
  return gzipSync(Buffer.concat(files.map((file) => readFileSync(join(directory, file))))).byteLength;
}
