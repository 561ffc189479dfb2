import { type Answer, api, type Client } from './api.ts';

export type Version = 'v2' | 'v2beta';

/** One session as its client holds it: it carries the latest token along. */
export interface Login {
  readonly id: string;
  token: string;
}

/** Creates a session; the body is Create's. */
export async function create(body: object = {}, client: Client = api(), version: Version = 'v2beta'): Promise<Login> {
  const answer = await client.post(`/${version}/sessions`, body);
  if (answer.status !== 201) throw new Error(`a session could not be created: ${JSON.stringify(answer.body)}`);
  return { id: answer.body.sessionId, token: answer.body.sessionToken };
}

/** A session whose user is checked. */
export const createFor = (userId: string): Promise<Login> => create({ checks: { user: { userId } } });

/** One PATCH with the login's token, which it replaces by the one in the answer. */
export async function set(login: Login, body: object, client: Client = api(), version: Version = 'v2beta'): Promise<Answer> {
  const answer = await client.patch(`/${version}/sessions/${login.id}`, { sessionToken: login.token, ...body });
  if (answer.status === 200 && answer.body.sessionToken) login.token = answer.body.sessionToken;
  return answer;
}

/** One v2 PATCH without a token. */
export const setWithoutToken = (login: Login, body: object, client: Client = api()): Promise<Answer> =>
  client.patch(`/v2/sessions/${login.id}`, body);

export const get = (login: Login, client: Client = api()): Promise<Answer> => client.get(`/v2/sessions/${login.id}`);

export const password = (value: string) => ({ checks: { password: { password: value } } });

/** Status and error id, as rows of the reference have them. */
export const refusal = ({ status, body }: Answer): [number, string | undefined] => [status, body.details?.[0]?.id];

export const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** Makes a wrong attempt, waiting as told, until this many failures in a row are counted: the longer the next wait, the less haste a test needs. */
export async function failUntil(failures: number, attempt: () => Promise<Answer>): Promise<void> {
  for (;;) {
    const { status, body, headers } = await attempt();
    if (status === 429) await seconds(Number(headers.get('retry-after')));
    else if (body.details[0].failedAttempts >= failures) return;
  }
}
