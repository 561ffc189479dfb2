import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { registerTotp, verifyTotp } from '../../src/directory/totp.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { sealSeed } from '../../src/login-step/totp-seed.ts';
import { type Bill, bill, billed, billOf, FREE } from './bill.ts';
import { cells, config, newSession, newUser, PASSWORD } from './world.ts';

const operator = `Bearer ${env.ADMIN_TOKEN}`;

export type Headers = Record<string, string>;

/** A request through the whole Worker, which is to succeed. */
export async function send(method: string, path: string, body?: object, headers: Headers = {}, bindings = billed) {
  const context = createExecutionContext();
  const init = { method, headers: { authorization: operator, ...headers }, ...(body && { body: JSON.stringify(body) }) };
  const response = await app.fetch(new Request(`http://sallyport.test${path}`, init), bindings, context);
  await waitOnExecutionContext(context);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they know
  const answer = await response.json<any>();
  if (!response.ok) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** A session in a cell of its own, which is on the bill as its user's cell is; both have nothing left to do, and the latter is warm. */
export async function aSession(user?: User, { begun = true } = {}) {
  const login = await newSession(begun ? user : undefined);
  const stub = env.SESSIONS.getByName(login.sessionCell);
  await bill(stub, ...(user ? [env.USERS.getByName(user.cell)] : []));
  if (user) await cells.user(user.cell).load(user.id);
  const path = `/v2/sessions/${login.sessionId}`;
  let { token } = login;
  const patch = async (body: object, headers?: Headers) => {
    const answer = await send('PATCH', path, { sessionToken: token, ...body }, headers);
    token = answer.sessionToken;
    return answer;
  };
  return {
    ...login,
    stub,
    patch,
    bearer: () => ({ authorization: `Bearer ${token}` }),
    costOf: (body: object, headers?: Headers) => billOf(() => patch(body, headers)),
    costOfReading: (headers?: Headers, bindings?: typeof billed) =>
      billOf(() => send('GET', `${path}?sessionToken=${token}`, undefined, headers, bindings)),
    costOfEnding: () => billOf(() => send('DELETE', path, { sessionToken: token })),
  };
}

export const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

/** A person with a TOTP of the secret above. */
export async function aTotpUser(): Promise<User> {
  const user = await newUser();
  const seed = await sealSeed(config.sealKeys, user.id, SECRET);
  await registerTotp(env.DB, user.id, seed, Date.now());
  await verifyTotp(env.DB, user.id, seed, Date.now());
  return user;
}

export const note = (value: string) => ({ metadata: { note: btoa(value) } });
export const named = ({ id }: User) => ({ checks: { user: { userId: id } } });
export const password = { checks: { password: { password: PASSWORD } } };

/** What is billed; rows read cost a thousandth of rows written. */
export const paid = ({ rowsRead: _, ...rest }: Bill): Omit<Bill, 'rowsRead'> => rest;
export const costs = (some: Partial<Bill>) => paid({ ...FREE, ...some });

/** The calls of a check whose user is known and whose cell is warm. */
export const CHECKED = ['session.peek', 'user.reserve', 'user.settle', 'session.commit'];
