import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { cellOfSession } from '../../src/cells/session-id.ts';
import type { SessionCellVerbs } from '../../src/cells/session-protocol.ts';
import type { Remote } from '../../src/cells/stubs.ts';
import { type Cells, cellsOf } from '../../src/cells/stubs.ts';
import type { UserCellVerbs } from '../../src/cells/user-protocol.ts';
import { configOf } from '../../src/config.ts';
import { EVERYWHERE } from '../../src/core/permission.ts';
import type { Result } from '../../src/core/result.ts';
import type { UpdateSession } from '../../src/core/session/command.ts';
import type { Transition } from '../../src/core/user/lifecycle.ts';
import { hashPassword } from '../../src/crypto/password-hash.ts';
import { findUser, type User } from '../../src/directory/users.ts';
import { createSession } from '../../src/login-step/create-session.ts';
import type { Repeatable } from '../../src/login-step/repeatable.ts';
import { type Updated, updateSession } from '../../src/login-step/update-session.ts';
import type { Walk } from '../../src/login-step/walk.ts';

/** The stores as a Worker reaches them, with the steps of a walk in hand. */
export const config = configOf(env);
export const cells = cellsOf(env);
export const PASSWORD = 'V3ryS3cure!';

const hashed = hashPassword(PASSWORD, config.passwords);

export const walkWith = (within: Partial<Walk> = {}): Walk => ({
  cells,
  db: env.DB,
  passwords: config.passwords,
  sealKeys: config.sealKeys,
  idempotencyKeys: config.idempotencyKeys,
  generation: config.directoryGeneration,
  sessionsPerUser: config.sessionsPerUser,
  webAuthNOrigins: config.webAuthN.origins,
  codes: { ...config.codes, urlTemplate: 'http://localhost/login?code={{.Code}}' },
  later: (work) => void work,
  deadline: Date.now() + 9_000,
  ...within,
});

type Verb = keyof SessionCellVerbs | keyof UserCellVerbs;

/** Cells that call `before` ahead of each verb: the place to let the world change between two steps of a walk. */
export function interposed(before: (verb: Verb, nth: number) => Promise<void> | void): Cells {
  let calls = 0;
  const watch = <Verbs extends object>(remote: Remote<Verbs>) =>
    new Proxy(remote, {
      get:
        (target, verb) =>
        async (...args: unknown[]) => {
          calls += 1;
          await before(verb as Verb, calls);
          return (target as Record<string | symbol, (...args: unknown[]) => Promise<unknown>>)[verb]?.(...args);
        },
    });
  return { session: (name) => watch(cells.session(name)), user: (name) => watch(cells.user(name)) };
}

/** A person in the directory, with the password above, in a cell of their own. */
export async function newUser(overrides: { kind?: 'human' | 'machine'; passwordHash?: string | null; cell?: string } = {}): Promise<User> {
  const id = crypto.randomUUID();
  const { kind = 'human', passwordHash = await hashed, cell = `users:weur:${id}` } = overrides;
  await env.DB.batch([
    env.DB.prepare("INSERT INTO organization (id, name, creation_date, change_date) VALUES ('org', 'Org', 0, 0) ON CONFLICT DO NOTHING"),
    env.DB.prepare(
      `INSERT INTO user (id, organization_id, kind, cell, creation_date, change_date, username, login_name_key, display_name, password_hash)
       VALUES (?1, 'org', ?2, ?3, 0, 0, ?4, ?4, 'Minnie Mouse', ?5)`,
    ).bind(id, kind, cell, `${id}@mouse.com`, passwordHash),
  ]);
  const user = await findUser(env.DB, { userId: id });
  if (user === undefined) throw new Error('the user is not there');
  return user;
}

/** A session in a cell of its own, with the user checked when one is given. */
export async function newSession(user?: User, within: Partial<Walk> = {}) {
  const created = must(
    await createSession(walkWith(within), {
      cellOf: () => `sessions:weur:${Math.floor(Math.random() * 99_999)}`,
      sessionIdKeys: config.sessionIdKeys,
      callerId: 'creator',
      command: { checks: user ? { user: { userId: user.id } } : {}, metadata: [] },
      now: Date.now(),
    }),
  );
  const sessionCell = must({ ok: true, value: await cellOfSession(created.sessionId, config.sessionIdKeys) } as Result<string>);
  return { sessionId: created.sessionId, sessionCell, token: created.sessionToken };
}

export type Login = Awaited<ReturnType<typeof newSession>>;

/** One PATCH with the login's token (or, with `token: undefined`, without one), by a caller with session.write. */
export function patch(
  { sessionId, sessionCell, token: sessionToken }: { sessionId: string; sessionCell: string; token: string | undefined },
  command: Partial<UpdateSession>,
  within: Partial<Walk> = {},
  repeatable?: Repeatable,
) {
  const asked: UpdateSession = { checks: {}, metadata: [], ...command };
  return updateSession(walkWith(within), {
    sessionId,
    sessionCell,
    sessionToken,
    callerId: 'creator',
    write: EVERYWHERE,
    command: asked,
    repeatable,
  });
}

export const passwordCheck = (password = PASSWORD): Partial<UpdateSession> => ({ checks: { password: { password } } });

export const read = (login: Login) =>
  cells.session(login.sessionCell).read({ sessionId: login.sessionId, callerId: 'creator', presented: undefined, read: EVERYWHERE });

/** Changes a user's state as the API does. */
export async function transit(user: User, transition: Transition): Promise<void> {
  const { state, epoch } = user;
  must(await cells.user(user.cell).transit({ userId: user.id, seen: { state, epoch }, transition }));
  expect(await cells.user(user.cell).finish(user.id)).toBe(true);
}

export function must<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`refused: ${result.problem.id} ${result.problem.message}`);
  return result.value;
}

/** The id of the Problem, or 'ok'. */
export const outcome = (result: Result<unknown>): string | undefined => (result.ok ? 'ok' : result.problem.id);

export const tokenAfter = (result: Result<Updated>): string => must(result).sessionToken ?? '';
