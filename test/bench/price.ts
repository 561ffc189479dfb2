import { table } from './report.ts';

/** Cloudflare's list prices beyond what is included, US dollars a million (developers.cloudflare.com, platform pricing, November 2026). */
const PRICE = { request: 0.3, hop: 0.15, row: 1, cpuMs: 0.02 };
/** Production is taken to be slower than this machine by so much. */
const SLOWER = 3;

/** What one thing takes that is counted: requests, calls to objects (an alarm that rings is one), and rows written in objects and in D1. */
export interface Counted {
  readonly requests: number;
  readonly hops: number;
  readonly rows: number;
}

/** As `test/worker/counted-costs.test.ts` counts them. */
export const COUNTED = {
  'PATCH metadata': { requests: 1, hops: 1, rows: 1.074 },
  'PATCH lifetime': { requests: 1, hops: 1, rows: 1 },
  'PATCH user check': { requests: 1, hops: 3, rows: 1 },
  'PATCH password': { requests: 1, hops: 4, rows: 1 },
  'PATCH OTP': { requests: 1, hops: 4, rows: 1 },
  'PATCH TOTP': { requests: 1, hops: 4, rows: 2 },
  'PATCH passkey': { requests: 1, hops: 4, rows: 2 },
  Create: { requests: 1, hops: 1, rows: 1 },
  Get: { requests: 1, hops: 1, rows: 0 },
  /** The first check of a user in a session's cell: the user's cell notes where they are. */
  admission: { requests: 0, hops: 0, rows: 1 },
  /** Of a session alone in its second: the alarm is set, rings, notes how far it came and is set anew; D1 writes the entry and its two indices. */
  index: { requests: 0, hops: 1, rows: 6 },
  /** The same of a session that was told before, of which one index stays. */
  'index again': { requests: 0, hops: 1, rows: 5 },
} as const satisfies Record<string, Counted>;

type Part = keyof typeof COUNTED;

/** A login with a password in a request for each step. */
export const LOGIN = ['Create', 'PATCH user check', 'admission', 'PATCH password', 'index'] as const satisfies readonly Part[];
const SUMS: readonly (readonly [what: string, parts: readonly Part[]])[] = [
  ['PATCH metadata', ['PATCH metadata']],
  ['PATCH lifetime, with the index', ['PATCH lifetime', 'index again']],
  ['PATCH user check, with the index', ['PATCH user check', 'admission', 'index again']],
  ['PATCH password', ['PATCH password']],
  ['PATCH OTP', ['PATCH OTP']],
  ['PATCH TOTP', ['PATCH TOTP']],
  ['PATCH passkey', ['PATCH passkey']],
  ['Get', ['Get']],
  ['a whole login within a second: create, user, password, index', LOGIN],
  ['the same with a TOTP', [...LOGIN, 'PATCH TOTP']],
  ['a whole login with a pause after Create, as people make them', [...LOGIN, 'index again']],
];

/** Parts whose CPU is in that of the requests. */
const WITHOUT_CPU = ['admission', 'index', 'index again'] as const satisfies readonly Part[];
export type Timed = Exclude<Part, (typeof WITHOUT_CPU)[number]>;
const isTimed = (part: Part): part is Timed => !WITHOUT_CPU.some((each) => each === part);

/** What a million of each costs, by the CPU that was measured and by three times that. */
export function prices(cpuMsOf: (part: Timed) => number): string {
  const rows = SUMS.map(([what, parts]) => {
    const sum = (count: (part: Part) => number) => parts.reduce((total, part) => total + count(part), 0);
    const cpuMs = sum((part) => (isTimed(part) ? cpuMsOf(part) : 0));
    const dollars = [
      sum((part) => COUNTED[part].requests) * PRICE.request,
      sum((part) => COUNTED[part].hops) * PRICE.hop,
      sum((part) => COUNTED[part].rows) * PRICE.row,
      cpuMs * PRICE.cpuMs,
    ];
    const total = dollars.reduce((whole, part) => whole + part, 0);
    const slower = total + cpuMs * PRICE.cpuMs * (SLOWER - 1);
    return [what, ...dollars.map((part) => part.toFixed(2)), `**${total.toFixed(2)}**`, slower.toFixed(2)];
  });
  return table(['a million of', 'requests $', 'hops $', 'rows written $', `CPU $`, 'sum $', `with ${SLOWER} × the CPU`], rows);
}
