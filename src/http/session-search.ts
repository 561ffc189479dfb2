import * as z from 'zod';
import { cellOfSession } from '../cells/session-id.ts';
import { invalid, type Problem } from '../core/problem.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { presentSession } from '../core/session/present.ts';
import type { SessionView } from '../core/session/read.ts';
import { type Cursor, DATE_METHODS, type SessionFilter, searchSessions } from '../directory/session-search.ts';
import { readerOf } from './caller.ts';
import { refuseBy } from './decode.ts';
import { FILTERS_MOST, listQuery, pageOf, presentListDetails } from './list-query.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { emit, enumeration, message, text, timestamp } from './protojson.ts';
import type { Version } from './session-messages.ts';

const creatorMissing: Problem = { kind: 'invalid-argument', id: 'GRPC-x8n24uh', message: 'List.Query.Invalid' };
const agentMissing: Problem = { kind: 'invalid-argument', id: 'GRPC-x8n23uh', message: 'List.Query.Invalid' };
const queryEmpty: Problem = { kind: 'invalid-argument', id: 'GRPC-Sfefs', message: 'List.Query.Invalid' };

const IDS_MOST = 1000;
const STATUSES = ['SESSION_STATUS_UNSPECIFIED', 'SESSION_STATUS_ACTIVE', 'SESSION_STATUS_EXPIRED', 'SESSION_STATUS_STOPPED'] as const;
const FIELDS = ['SESSION_FIELD_NAME_UNSPECIFIED', 'SESSION_FIELD_NAME_CREATION_DATE'] as const;

const method = enumeration(DATE_METHODS)
  .optional()
  .transform((name) => name ?? DATE_METHODS[0] ?? 'TIMESTAMP_QUERY_METHOD_EQUALS');

/** Text that may be left out, but not be empty. */
const named = (problem: Problem) =>
  text(0, 200)
    .transform((value, context) => value || refuseBy(context, problem))
    .optional();

const inBoth = () => ({
  idsQuery: message({ ids: z.array(text(1, 200)).max(IDS_MOST).optional() }).optional(),
  userIdQuery: message({ id: text(1, 200) }).optional(),
  creationDateQuery: message({ creationDate: timestamp, method }).optional(),
  /** Ours. */
  statusQuery: message({ status: enumeration(STATUSES) }).optional(),
});
const inV2 = () => ({
  creatorQuery: message({ id: named(creatorMissing) }).optional(),
  userAgentQuery: message({ fingerprintId: named(agentMissing) }).optional(),
  expirationDateQuery: message({ expirationDate: timestamp, method }).optional(),
});

/** One filter; of those that a version does not know, it knows nothing. */
const query = (version: Version) => {
  const fields = { ...inBoth(), ...(version === 'v2' && inV2()) } as ReturnType<typeof inBoth> & ReturnType<typeof inV2>;
  return message(fields, [Object.keys(fields) as (string & keyof typeof fields)[]]).transform((given, context) =>
    Object.keys(given).length > 0 ? given : refuseBy(context, queryEmpty),
  );
};

type Query = z.infer<ReturnType<typeof query>>;

const searchMessage = (version: Version) =>
  message({
    query: listQuery.optional(),
    queries: z.array(query(version)).max(FILTERS_MOST).optional(),
    sortingColumn: enumeration(FIELDS).optional(),
    /** Ours: where the page before this one ended. */
    pageToken: text(1, 500).optional(),
  });

function filterOf(given: Query, { caller }: Call): Result<SessionFilter | undefined> {
  const { idsQuery, userIdQuery, creationDateQuery, statusQuery, creatorQuery, userAgentQuery, expirationDateQuery } = given;
  if (idsQuery) return ok({ ids: idsQuery.ids ?? [] });
  if (userIdQuery) return ok({ userId: userIdQuery.id });
  if (creationDateQuery) return ok({ created: creationDateQuery.creationDate, method: creationDateQuery.method });
  if (expirationDateQuery) return ok({ expires: expirationDateQuery.expirationDate, method: expirationDateQuery.method });
  if (creatorQuery) return ok({ creator: creatorQuery.id ?? caller.id });
  const fingerprintId = userAgentQuery?.fingerprintId ?? caller.fingerprintId;
  if (userAgentQuery) return fingerprintId ? ok({ fingerprintId }) : fail(agentMissing);
  return ok(statusOf(statusQuery?.status));
}

function statusOf(status: (typeof STATUSES)[number] | undefined): SessionFilter | undefined {
  if (status === 'SESSION_STATUS_ACTIVE') return { status: 'active' };
  if (status === 'SESSION_STATUS_EXPIRED') return { status: 'expired' };
  return status === 'SESSION_STATUS_STOPPED' ? { status: 'stopped' } : undefined;
}

/** The index says which sessions match; each is shown as its cell has it, to those who may read it at this moment. */
const search = (version: Version): Operation =>
  operation({
    rpc: `zitadel.session.${version}.SessionService/ListSessions`,
    routes: [`POST /${version}/sessions/search`],
    input: () => searchMessage(version),
    handle: async ({ query: page, queries = [], pageToken }, call) => {
      const filters: SessionFilter[] = [];
      for (const given of queries) {
        const filter = filterOf(given, call);
        if (!filter.ok) return filter;
        if (filter.value) filters.push(filter.value);
      }
      const after = pageToken === undefined ? undefined : cursorOf(pageToken);
      if (pageToken !== undefined && after === undefined) return fail(invalid('invalid pageToken: must be one that was given out'));
      const { caller, db, now } = call;
      const wanted = { ...pageOf(page), ascending: page?.asc === true, after };
      const found = await searchSessions(db, readerOf(caller), filters, wanted, now);
      const sessions = await sessionsOf(found.rows, call);
      return ok(
        emit({
          details: presentListDetails(found.total, now),
          sessions: sessions.map(presentSession),
          nextPageToken: found.more ? tokenOf(found.rows.at(-1)) : undefined,
        }),
      );
    },
  });

/** One call for each cell, all at once; in the order of the search. */
async function sessionsOf(rows: readonly Cursor[], { caller, cells, config }: Call): Promise<SessionView[]> {
  const named = await Promise.all(rows.map(async ({ id }) => [id, await cellOfSession(id, config.sessionIdKeys)] as const));
  const groups = Object.entries(Object.groupBy(named, ([, cell]) => cell ?? ''));
  const views = await Promise.all(
    groups.map(([cell, members = []]) =>
      cell === '' ? [] : cells.session(cell).readMany({ ...readerOf(caller), sessionIds: members.map(([id]) => id) }),
    ),
  );
  const known = new Map(views.flat().map((view) => [view.session.id, view]));
  return rows.flatMap(({ id }) => known.get(id) ?? []);
}

const tokenOf = (cursor: Cursor | undefined): string | undefined =>
  cursor && new TextEncoder().encode(JSON.stringify([cursor.creationDate, cursor.id])).toBase64({ alphabet: 'base64url', omitPadding: true });

function cursorOf(token: string): Cursor | undefined {
  try {
    const [creationDate, id] = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(token, { alphabet: 'base64url' }))) as unknown[];
    return Number.isSafeInteger(creationDate) && typeof id === 'string' ? { creationDate: Number(creationDate), id } : undefined;
  } catch {
    return undefined;
  }
}

/** zitadel.session.v2 and v2beta SessionService: ListSessions. */
export const sessionSearchOperations: readonly Operation[] = (['v2beta', 'v2'] as const).map(search);
