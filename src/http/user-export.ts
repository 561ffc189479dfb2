import * as z from 'zod';
import { cellOfSession } from '../cells/session-id.ts';
import { EVERYWHERE } from '../core/permission.ts';
import type { Problem } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { presentSession } from '../core/session/present.ts';
import { findCredentials } from '../directory/credentials.ts';
import { findFacts } from '../directory/facts.ts';
import { findLinks, hasUsableLink } from '../directory/links.ts';
import { type SessionFilter, searchSessions } from '../directory/session-search.ts';
import { findUserMetadata } from '../directory/users.ts';
import { readyMethods } from './authentication-methods.ts';
import { type Call, operation } from './operation.ts';
import { emit, type JsonObject, toTimestamp } from './protojson.ts';
import { reachUser } from './reach-user.ts';
import { userEvent } from './user-events.ts';
import { presentUser, userIdMessage } from './user-messages.ts';

const userNotFound: Problem = { kind: 'not-found', id: 'QUERY-Dfbg2', message: 'User could not be found' };
const SESSIONS_MOST = 1000;

/** Ours: everything that is kept of a person, and no secret. Erasing it is DeleteUser. */
export const userExportOperations = [
  operation({
    rpc: 'sallyport.user.v2.UserService/ExportUser',
    routes: ['GET /v2/users/{userId}/export'],
    input: () => userIdMessage,
    output: () =>
      z.object({
        user: z.looseObject({ userId: z.string() }).describe('As GetUserByID shows it'),
        metadata: z.array(z.object({ key: z.string(), value: z.base64() })).optional(),
        authMethodTypes: z.array(z.string()).optional(),
        credentials: z.array(z.object({ id: z.string(), kind: z.enum(['passkey', 'u2f']), name: z.string(), rpId: z.string() })).optional(),
        idpLinks: z.array(z.object({ idpId: z.string(), userId: z.string(), userName: z.string() })).optional(),
        events: z.array(userEvent).optional(),
        sessions: z.array(z.looseObject({ id: z.string() }).describe('As GetSession shows it')).optional(),
      }),
    handle: async ({ userId }, call) => {
      const user = await reachUser(call, userId, { permission: 'user.read', orSelf: true }, userNotFound);
      if (!user.ok) return user;
      const { db, cells } = call;
      const facts = await findFacts(db, userId);
      if (facts === undefined) return fail(userNotFound);
      const [metadata, credentials, links, linked, events, sessions] = await Promise.all([
        findUserMetadata(db, userId),
        findCredentials(db, userId),
        findLinks(db, userId),
        hasUsableLink(db, userId),
        cells.user(user.value.cell).events(userId),
        sessionsOf(call, userId),
      ]);
      return ok({
        user: presentUser(user.value),
        ...emit({
          metadata: metadata.map(({ key, value }) => ({ key, value })),
          authMethodTypes: readyMethods(facts, linked, 'v2').map((name) => `AUTHENTICATION_METHOD_TYPE_${name}`),
          credentials: credentials.map(({ id, kind, name, rpId }) => ({ id, kind, name, rpId })),
          idpLinks: links.map(({ idpId, idpUserId, idpUserName }) => ({ idpId, userId: idpUserId, userName: idpUserName })),
          events: events.map(({ type, at, tokenId }) => ({ type, creationDate: toTimestamp(at), webAuthNTokenId: tokenId })),
          sessions,
        }),
      });
    },
  }),
];

/** The person's own sessions, wherever they are. */
async function sessionsOf({ cells, config, db, now }: Call, userId: string): Promise<JsonObject[]> {
  const page = { ascending: true, limit: SESSIONS_MOST, offset: 0, after: undefined };
  const search = (filters: readonly SessionFilter[]) =>
    searchSessions(db, { callerId: userId, read: EVERYWHERE }, [{ userId }, ...filters], page, now);
  const found = await Promise.all([search([]), search([{ status: 'stopped' }])]);
  const views = found
    .flatMap(({ rows }) => rows)
    .map(async ({ id }) => {
      const cell = await cellOfSession(id, config.sessionIdKeys);
      return cell === undefined ? [] : cells.session(cell).readMany({ sessionIds: [id], callerId: userId, read: EVERYWHERE });
    });
  return (await Promise.all(views)).flat().map(presentSession);
}
