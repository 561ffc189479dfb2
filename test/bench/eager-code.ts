import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = new URL('../..', import.meta.url).pathname;

/**
 * What every cold start loads: all but what is imported when it is first asked for. The bundle is one file; how much of it that is shows when the
 * same sources are bundled into several.
 */
export async function eagerCode(): Promise<{ gzippedBytes: number; externals: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: ['src/index.ts'],
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
  const contents = new Map(outputFiles.map((file) => [file.path.slice(ROOT.length), file.contents]));
  const [entry = ''] = Object.keys(metafile.outputs).filter((path) => metafile.outputs[path]?.entryPoint === 'src/index.ts');
  const loaded = new Set([entry]);
  const externals = new Set<string>();
  for (const path of loaded) {
    const imports = metafile.outputs[path]?.imports.filter(({ kind }) => kind === 'import-statement') ?? [];
    for (const { path: next, external } of imports) (external ? externals : loaded).add(next);
  }
  const code = [...loaded].map((path) => contents.get(path) ?? new Uint8Array());
  return { gzippedBytes: gzipSync(Buffer.concat(code)).byteLength, externals: [...externals].sort() };
}
