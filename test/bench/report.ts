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
export function report(measurements: readonly Measurement[], syncs: ReadonlyMap<string, number | undefined>) {
  const names = [...new Set(measurements.map((m) => m.name))];
  const med = (xs: number[]) => xs.sort((a, b) => a - b)[Math.floor(xs.length / 2)] ?? NaN;
  const of = (name: string, c: number, key: 'perSecond' | 'p50Ms' | 'p99Ms' | 'cpuMs' | 'bytes') =>
    med(measurements.filter((m) => m.name === name && m.connections === c).map((m) => m[key]));
  const rows: string[] = [];
  for (const name of names)
    for (const c of [1, 8, 32])
      rows.push(
        [
          name.padEnd(32),
          c,
          of(name, c, 'perSecond').toFixed(0),
          (of(name, c, 'perSecond') / of('the floor', c, 'perSecond')).toFixed(2),
          of(name, c, 'p50Ms').toFixed(2),
          of(name, c, 'p99Ms').toFixed(1),
          of(name, c, 'cpuMs').toFixed(3),
          (of(name, c, 'cpuMs') / of('the floor', c, 'cpuMs')).toFixed(2),
          of(name, c, 'bytes').toFixed(0),
          syncs.get(name)?.toFixed(1),
        ].join('\t'),
      );
  const table = rows.join('\n');
  return { table, markdown: table };
}
