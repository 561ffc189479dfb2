import { type Answer, Connection } from '../support/load.ts';
import { create, type Login, ofUser, type Person, patch, Sallyport } from '../support/sallyport.ts';
import type { Report } from './report.ts';

/** Nobody is to be kept waiting here, whoever guesses how often; and the quickest hash shows the most. */
const SETTINGS = { BACK_OFF_FROM: '0', LOCK_AFTER: '0', PASSWORD_HASH: 'argon2id' };
const WARM_UP = 50;

/**
 * Two refusals that are not to be told apart by the time they take, in turns, in an order that changes by chance. The figures are for people to judge: no time
 * makes the trial fail, only an answer that is not the same.
 */
export async function timing(bundle: string, pairs: number): Promise<Report> {
  const sallyport = await Sallyport.start(bundle, SETTINGS);
  const faults: string[] = [];
  const [person] = (await sallyport.people(1)) as [Person];
  const [login] = (await sallyport.sessions([ofUser(person)])) as [Login];
  const connection = await Connection.to(sallyport.worker.port);
  const wrongPassword = { password: { password: 'Wrong-horse-battery-staple-1' } };
  const figures = [
    await compare(connection, pairs, faults, 'somebody unknown and a wrong password', [
      create({ checks: { user: { userId: '999999999999999999' }, ...wrongPassword } }),
      create({ checks: { user: { userId: person.userId }, ...wrongPassword } }),
    ]),
    await compare(connection, pairs, faults, 'a token wrong from its first character and one wrong in its last', [
      patch({ ...login, token: login.token.replace(/(?<=_)[\w-]{43}$/, (secret) => secret.replace(/./g, otherThan)) }, {}),
      patch({ ...login, token: login.token.replace(/.$/, otherThan) }, {}),
    ]),
  ];
  connection.close();
  await sallyport.worker.end();
  return { figures: `${pairs} pairs each: ${figures.join('; ')}`, faults };
}

async function compare(
  connection: Connection,
  pairs: number,
  faults: string[],
  what: string,
  [one, other]: readonly [string, string],
): Promise<string> {
  const differences: number[] = [];
  const times: number[] = [];
  const statuses = new Set<number>();
  const timed = async (request: string): Promise<number> => {
    const sentAt = performance.now();
    const answer: Answer = await connection.send(request);
    statuses.add(answer.status);
    return performance.now() - sentAt;
  };
  for (let n = -WARM_UP; n < pairs; n += 1) {
    const oneFirst = Math.random() < 0.5;
    const [first, second] = [await timed(oneFirst ? one : other), await timed(oneFirst ? other : one)];
    if (n < 0) continue;
    differences.push(oneFirst ? first - second : second - first);
    times.push(first, second);
  }
  if (statuses.has(200) || statuses.has(201) || [...statuses].some((status) => status === 429 || status >= 500))
    faults.push(`${what} were answered ${[...statuses].join(', ')}`);
  const { mean, error } = trimmed(differences);
  return `${what} differ by ${mean.toFixed(3)} ± ${(2 * error).toFixed(3)} ms of ${median(times).toFixed(2)}`;
}

/** Mean and standard error of the middle eight tenths: what else the machine does is in the rest. */
function trimmed(values: readonly number[]): { readonly mean: number; readonly error: number } {
  const cut = Math.floor(values.length / 10);
  const kept = values.toSorted((a, b) => a - b).slice(cut, values.length - cut);
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  const variance = kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (kept.length - 1);
  return { mean, error: Math.sqrt(variance / kept.length) };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const otherThan = (character: string): string => (character === 'A' ? 'B' : 'A');
