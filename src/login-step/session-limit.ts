import { nameInSessionId } from '../cells/session-id.ts';
import { EVERYWHERE } from '../core/permission.ts';
import { searchSessions } from '../directory/session-search.ts';
import type { Walk } from './walk.ts';

/** Sessions beyond the limit that are looked at each time. */
const BEYOND = 100;

/**
 * Ends a user's oldest sessions beyond as many as a user may have, once another is theirs. Done beside the answer, and by the index, which follows
 * within a second or so: logins at one moment may leave some more until the next.
 */
export function keepWithinLimit(walk: Walk, userId: string, sessionId: string): void {
  if (walk.sessionsPerUser > 0) walk.later(endOldest(walk, userId, sessionId));
}

async function endOldest({ cells, db, sessionsPerUser }: Walk, userId: string, sessionId: string): Promise<void> {
  try {
    const searcher = { callerId: '', read: EVERYWHERE };
    const page = { ascending: false, limit: sessionsPerUser + BEYOND, offset: 0, after: undefined };
    const { rows } = await searchSessions(db, searcher, [{ userId }, { status: 'active' }], page, Date.now());
    const others = rows.filter(({ id }) => id !== sessionId);
    if (others.length < sessionsPerUser) return;
    const by = { callerId: '', presented: undefined };
    const views = await Promise.all(others.map(({ id }) => cells.session(nameInSessionId(id)).read({ ...by, sessionId: id, read: EVERYWHERE })));
    const active = others.filter((_, index) => views[index]?.ok && views[index].value.state === 'active');
    const oldest = active.slice(sessionsPerUser - 1);
    await Promise.all(oldest.map(({ id }) => cells.session(nameInSessionId(id)).terminate({ ...by, sessionId: id, delete: EVERYWHERE })));
  } catch (error) {
    console.error('sessions beyond the limit could not be ended', error);
  }
}
