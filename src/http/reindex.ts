import * as z from 'zod';
import { cellOfSession } from '../cells/session-id.ts';
import { noPermission } from '../core/problem.ts';
import { fail, ok } from '../core/result.ts';
import { sessionCellNames } from '../directory/cells.ts';
import { indexedAfter, unindexSessions } from '../directory/session-index.ts';
import { type Call, operation } from './operation.ts';
import { emit, message, text } from './protojson.ts';

/** Entries of the index that one call looks at. */
const BATCH = 500;

/**
 * What `npm run reindex` asks for, the operator alone: on the first call every cell tells the index of its sessions anew; each call then looks at the
 * next part of the index, and takes out what no cell keeps.
 */
export const reindexOperations = [
  operation({
    rpc: 'sallyport.v1.OperatorService/Reindex',
    routes: ['POST /reindex'],
    input: () => message({ after: text(0, 200).optional() }),
    output: () => z.object({ cells: z.int().optional(), looked: z.int().optional(), removed: z.int().optional(), next: z.string().optional() }),
    handle: async ({ after = '' }, call) => {
      if (call.caller.kind !== 'admin') return fail(noPermission);
      const names = after === '' ? await sessionCellNames(call.db) : [];
      await Promise.all(names.map((name) => call.cells.session(name).reindex()));
      const ids = await indexedAfter(call.db, after, BATCH);
      const kept = new Set(await keptOf(ids, call));
      const ghosts = ids.filter((id) => !kept.has(id));
      if (ghosts.length > 0) await unindexSessions(call.db, ghosts);
      return ok(emit({ cells: names.length, looked: ids.length, removed: ghosts.length, next: ids.length === BATCH ? ids.at(-1) : undefined }));
    },
  }),
];

/** Of an id that nobody issued, or not any more, no cell is asked. */
async function keptOf(ids: readonly string[], { cells, config }: Call): Promise<string[]> {
  const named = await Promise.all(ids.map(async (id) => [id, await cellOfSession(id, config.sessionIdKeys)] as const));
  const groups = Object.entries(Object.groupBy(named, ([, cell]) => cell ?? '')).filter(([cell]) => cell !== '');
  return (await Promise.all(groups.map(([cell, members = []]) => cells.session(cell).kept(members.map(([id]) => id))))).flat();
}
