import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../support/production-bundle.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';

/** Where guards are broken: a copy, below the modules that it needs. */
const COPY = join(ROOT, '.wrangler/mutants');
const RESULTS = join(ROOT, 'test/hostile/mutations.md');

/** No run of tests takes as long. */
const MOST_MS = 600_000;

type Project = 'core' | 'worker' | 'contract';

/** What became of a broken guard: the test that noticed, or nothing. */
interface Outcome {
  readonly mutation: Mutation;
  readonly caughtBy: string | undefined;
}

const [, , ...wanted] = process.argv;
copy();
if (wanted.length === 0) checkTheyAreGreen();
const chosen = MUTATIONS.filter(({ file, guard }) => wanted.length === 0 || wanted.some((part) => `${file}: ${guard}`.includes(part)));
const outcomes = chosen.map(outcomeOf);
const survivors = outcomes.filter(({ caughtBy }) => caughtBy === undefined);
console.log(`${outcomes.length} guards were broken, and ${survivors.length} of them went unnoticed`);
if (wanted.length === 0) writeFileSync(RESULTS, report(outcomes));
rmSync(COPY, { recursive: true, force: true });
process.exit(survivors.length > 0 ? 1 : 0);

function copy(): void {
  rmSync(COPY, { recursive: true, force: true });
  const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: ROOT, encoding: 'utf8' });
  for (const file of stdout.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(COPY, file)), { recursive: true });
    cpSync(join(ROOT, file), join(COPY, file));
  }
}

/** A test that fails anyway notices nothing. */
function checkTheyAreGreen(): void {
  for (const [project, filters] of [
    ['core', []],
    ['worker', [...new Set(MUTATIONS.flatMap(({ worker = [] }) => worker))]],
    ['contract', [...new Set(MUTATIONS.flatMap(({ contract = [] }) => contract))]],
  ] as const) {
    const failed = firstFailure(project, filters);
    if (failed !== undefined) throw new Error(`${failed} fails with every guard in its place`);
  }
}

function outcomeOf(mutation: Mutation): Outcome {
  const { file, guard, find, replace, worker = [], contract = [] } = mutation;
  const path = join(COPY, 'src', file);
  const whole = readFileSync(path, 'utf8');
  if (whole.split(find).length !== 2) throw new Error(`${file} has not just one: ${find}`);
  writeFileSync(
    path,
    whole.replace(find, () => replace),
  );
  let caughtBy = file.startsWith('core/') ? firstFailure('core', []) : undefined;
  if (worker.length > 0) caughtBy ??= firstFailure('worker', worker);
  if (contract.length > 0) caughtBy ??= firstFailure('contract', contract);
  writeFileSync(path, whole);
  console.log(`${caughtBy === undefined ? 'UNNOTICED' : 'caught   '} ${file}: ${guard}${caughtBy === undefined ? '' : ` (${caughtBy})`}`);
  return { mutation, caughtBy };
}

/** The first test that fails, by its file and its name; undefined when none does. */
function firstFailure(project: Project, filters: readonly string[]): string | undefined {
  const args = ['vitest', 'run', '--config', 'test/vitest.config.ts', '--project', project, '--bail', '1', '--reporter', 'json', ...filters];
  const results = join(COPY, 'results.json');
  rmSync(results, { force: true });
  const { status } = spawnSync('npx', [...args, '--outputFile', results], { cwd: COPY, stdio: 'ignore', timeout: MOST_MS });
  if (status === 0) return undefined;
  if (status === null) return `the tests of ${project}, which do not end`;
  const { testResults } = JSON.parse(readFileSync(results, 'utf8')) as Results;
  const failures = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.filter((each) => each.status === 'failed').map(({ fullName }) => `${name.slice(name.indexOf('test/'))}: ${fullName}`),
  );
  const [first = testResults.find((each) => each.status === 'failed')?.message] = failures;
  if (first !== undefined) return first;
  throw new Error(`the tests of ${project} ended with ${status}`);
}

interface Results {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function report(all: readonly Outcome[]): string {
  const cell = (text: string) => `\`${text.replaceAll('\n', ' ').replaceAll('|', '\\|').replace(/\s+/g, ' ').trim() || ' '}\``;
  const rows = all.map(({ mutation: { file, guard, find, replace }, caughtBy }) =>
    ['', file, guard, cell(find), cell(replace), caughtBy?.replaceAll('|', '\\|') ?? '**nothing**', ''].join(' | ').trim(),
  );
  return `# Guards that were broken on purpose

By \`npm run test:mutations\` on ${new Date().toISOString().slice(0, 10)}: each of ${all.length} guards was broken alone, in a copy, and the tests were run until the first failed.
${all.filter(({ caughtBy }) => caughtBy === undefined).length} went unnoticed.

| file | guard | what stood there | what took its place | noticed by |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
