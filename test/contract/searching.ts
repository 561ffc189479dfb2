import { expect } from 'vitest';
import { type Answer, api, newMachine } from '../support/api.ts';
import { type Login, seconds } from '../support/login.ts';

/** One search, by the operator unless another bearer is given. */
export const search = (body: object, bearer?: string, version = 'v2'): Promise<Answer> => api(bearer).post(`/${version}/sessions/search`, body);

export const byIds = (...logins: readonly Login[]) => ({ idsQuery: { ids: logins.map(({ id }) => id) } });

/** Ids on a page, in its order. */
export const idsIn = ({ body }: Answer): string[] => (body.sessions ?? []).map(({ id }: { id: string }) => id);

/** How many a search says there are. */
export const totalOf = ({ body }: Answer): number => Number(body.details.totalResult ?? 0);

/** Looks until something is so; the index follows the sessions after a moment. */
export async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 160; tries += 1) {
    if (await look()) return;
    await seconds(0.25);
  }
  throw new Error(`it never came to be that ${what}`);
}

/** Until a search by the operator, over all states but the ended ones, finds these and only these of them. */
export async function untilFound(query: object, logins: readonly Login[]): Promise<void> {
  const wanted = JSON.stringify(logins.map(({ id }) => id).sort());
  await until(`these are found by ${JSON.stringify(query)}`, async () => {
    const answer = await search({ queries: [query] });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return JSON.stringify(idsIn(answer).sort()) === wanted;
  });
}

/** A machine that made sessions while it might, and holds no role any more. Its first token may be remembered for a while, so it has another. */
export async function formerClient<T>(work: (token: string) => Promise<T>) {
  const machine = await newMachine({ instance: ['SESSION_CLIENT'] });
  const made = await work(machine.token);
  expect((await api().delete(`/admin/v1/members/${machine.userId}`)).status).toBe(200);
  const expirationDate = new Date(Date.now() + 3_600_000).toISOString();
  const { body } = await api().post(`/v2/users/${machine.userId}/pats`, { expirationDate });
  return { userId: machine.userId, token: body.token as string, made };
}
