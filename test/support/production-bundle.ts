import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const WRANGLER = join(ROOT, 'node_modules/.bin/wrangler');
const OURS = join(ROOT, 'wrangler.toml');

/** Bundles a Worker as it is deployed, ours unless another's file is named, and tells where the bundle is. */
export function productionBundle(name: string, main?: string): string {
  const outdir = join(ROOT, '.wrangler/bare', name);
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const config = main === undefined ? OURS : `${outdir}.toml`;
  if (main !== undefined) writeFileSync(config, `name = "${name}"\nmain = "${ROOT}${main}"\ncompatibility_date = "${compatibilityDate()}"\n`);
  const flags = ['deploy', '--dry-run', '--minify', '--outdir', outdir, '--config', config];
  const { status, stderr } = spawnSync(WRANGLER, flags, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} could not be bundled: ${stderr}`);
  return outdir;
}

/** The date of our wrangler.toml, for others' Workers as for ours. */
export function compatibilityDate(): string {
  const [, date = ''] = /^compatibility_date = "(.*)"$/m.exec(readFileSync(OURS, 'utf8')) ?? [];
  return date;
}
