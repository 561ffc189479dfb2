/** One measurement: a scenario at a number of connections, once. */
export interface Measurement {
  readonly name: string;
  readonly connections: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of workerd for one. */
  readonly cpuMs: number;
  readonly bytes: number;
}

/** What was measured, by scenario and connections: medians over the rounds. */
export class Results {
  readonly #measurements: readonly Measurement[];
  readonly #syncs: ReadonlyMap<string, number | undefined>;
  readonly #floor: string;

  constructor(measurements: readonly Measurement[], syncs: ReadonlyMap<string, number | undefined>, floor: string) {
    this.#measurements = measurements;
    this.#syncs = syncs;
    this.#floor = floor;
  }

  get names(): string[] {
    return [...new Set(this.#measurements.map(({ name }) => name))];
  }

  median(name: string, connections: number, figure: Exclude<keyof Measurement, 'name'>): number {
    const values = this.#measurements.filter((each) => each.name === name && each.connections === connections).map((each) => each[figure]);
    return median(values);
  }

  /** A figure as a share of another scenario's, by default the floor's. */
  ratio(name: string, connections: number, figure: 'perSecond' | 'cpuMs', to = this.#floor): number {
    return this.median(name, connections, figure) / this.median(to, connections, figure);
  }

  syncs(name: string): number | undefined {
    return this.#syncs.get(name);
  }
}

export const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** The one table of ratios: each scenario beside the floor. */
export function tableOfRatios(results: Results, connections: readonly number[]): string {
  const rates = connections.flatMap((count) => [`${count}: per s`, '× floor', 'p50 ms', 'p99 ms']);
  const rows = results.names.map((name) => [
    name,
    ...connections.flatMap((count) => [
      results.median(name, count, 'perSecond').toFixed(0),
      results.ratio(name, count, 'perSecond').toFixed(2),
      results.median(name, count, 'p50Ms').toFixed(2),
      results.median(name, count, 'p99Ms').toFixed(1),
    ]),
    results.median(name, 8, 'cpuMs').toFixed(2),
    results.ratio(name, 8, 'cpuMs').toFixed(2),
    (results.median(name, 8, 'bytes') / 1024).toFixed(1),
    results.syncs(name)?.toFixed(1) ?? 'not counted',
  ]);
  return table(['', ...rates, '8: CPU ms', '× floor', 'KiB written', 'syncs'], rows);
}

/** What was aimed at, and whether it was reached. */
export interface Target {
  readonly aim: string;
  readonly found: number;
  readonly least?: number;
  readonly most?: number;
}

export function tableOfTargets(targets: readonly Target[]): string {
  const isReached = ({ found, least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY }: Target) => found >= least && found <= most;
  return table(
    ['aim', 'found', ''],
    targets.map((target) => [target.aim, target.found.toFixed(2), isReached(target) ? 'reached' : 'missed']),
  );
}

/** The aims that are ratios in one run. */
export function targetsOf(results: Results): Target[] {
  const { floor, metadata, first, read, totp, passkey, password, bare, update, signIn } = NAMES;
  const rate = (name: string, connections: number, to: string = floor) => results.ratio(name, connections, 'perSecond', to);
  const extraCpuMs = (name: string) => results.median(name, 8, 'cpuMs') - results.median(floor, 8, 'cpuMs');
  return [
    { aim: `${metadata}: the floor's rate at 1 connection, at least 0.9`, found: rate(metadata, 1), least: 0.9 },
    { aim: `${metadata}: at 8, at least 1.0`, found: rate(metadata, 8), least: 1 },
    { aim: `${metadata}: at 32, at least 1.0`, found: rate(metadata, 32), least: 1 },
    { aim: `${metadata}: the floor's CPU at 8, at most 1.25`, found: results.ratio(metadata, 8, 'cpuMs'), most: 1.25 },
    { aim: `${first}: the floor's rate at 8, at least 0.8`, found: rate(first, 8), least: 0.8 },
    { aim: `${read}: the floor's rate at 8, at least 2`, found: rate(read, 8), least: 2 },
    { aim: `${totp}: the floor's rate at 8, at least 0.5`, found: rate(totp, 8), least: 0.5 },
    { aim: `${passkey}: ms of CPU beyond the floor's at 8, at most 0.7`, found: extraCpuMs(passkey), most: 0.7 },
    { aim: `${password}: the bare derivation's rate at 8, at least 0.92`, found: rate(password, 8, bare), least: 0.92 },
    { aim: `${metadata}: better-auth's session update at 8, at least 4`, found: rate(metadata, 8, update), least: 4 },
    { aim: `${password}: better-auth's sign-in at 8, at least 1.25`, found: rate(password, 8, signIn), least: 1.25 },
  ];
}

/** What the scenarios are called that aims speak of. */
export const NAMES = {
  floor: 'the floor',
  metadata: 'PATCH metadata',
  first: 'PATCH, the first of a session',
  read: 'Get',
  totp: 'PATCH TOTP',
  passkey: 'PATCH passkey',
  password: 'PATCH password (Argon2id)',
  bare: 'bare Argon2id',
  update: 'better-auth: session update',
  signIn: 'better-auth: sign-in',
} as const;
