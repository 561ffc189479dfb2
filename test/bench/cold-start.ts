import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { median, table } from './report.ts';
import { ROOT, WRANGLER } from './worker.ts';

const PROFILES = 7;

/** What a cold start loads, and the CPU that its start-up takes by `wrangler check startup`. */
export async function coldStart(ours: string): Promise<string> {
  const activeMs = Array.from({ length: PROFILES }, startUp).sort((one, other) => one - other);
  const { eager, whole } = await sizesOf(ours);
  return table(
    ['', 'found', 'budget'],
    [
      ['code that the JSON road loads, gzipped', `${kB(eager)} kB`, '250 kB'],
      ['the whole bundle, gzipped', `${kB(whole)} kB`, ''],
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
  const profile = join(ROOT, '.wrangler/bench/start-up.cpuprofile');
  const { stdout, stderr } = spawnSync(WRANGLER, ['check', 'startup', '--args=--minify', '--outfile', profile], { cwd: ROOT, encoding: 'utf8' });
  const [, activeMs] = /Active: ([\d.]+) ms/.exec(stdout) ?? [];
  if (activeMs === undefined) throw new Error(`the start-up could not be profiled: ${stderr}`);
  return Number(activeMs);
}

/**
 * The size of all that is deployed, and of what is loaded for JSON: everything but what is imported when it is first asked for. The bundle is one
 * file; how much of it is which is told by bundling the same sources into several.
 */
export async function sizesOf(directory: string): Promise<{ eager: number; whole: number }> {
  const whole = readdirSync(directory).filter((file) => /\.(js|wasm|css)$/.test(file));
  const { outputFiles, metafile } = await build({
    entryPoints: [join(ROOT, 'src/index.ts')],
    absWorkingDir: ROOT,
    outdir: 'chunks',
    bundle: true,
    splitting: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    loader: { '.css': 'text', '.client.js': 'text' },
    external: ['cloudflare:*', 'node:*', '*.wasm'],
  });
  const chunks = new Map(outputFiles.map(({ path, contents }) => [path.slice(ROOT.length), contents]));
  const [entry = ''] = Object.keys(metafile.outputs).filter((path) => metafile.outputs[path]?.entryPoint === 'src/index.ts');
  const loaded = new Set<string>([entry]);
  for (const path of loaded) {
    for (const { path: next, kind, external } of metafile.outputs[path]?.imports ?? [])
      if (kind === 'import-statement' && !external) loaded.add(next);
  }
  const gzipped = (contents: Iterable<Uint8Array | undefined>) =>
    gzipSync(Buffer.concat([...contents].map((each) => each ?? new Uint8Array()))).byteLength;
  return {
    eager: gzipped([...loaded].map((path) => chunks.get(path))),
    whole: gzipped(whole.map((file) => readFileSync(join(directory, file)))),
  };
}
