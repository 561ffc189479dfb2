import type { Session } from '../core/session/session.ts';

const WRITE = `
  INSERT INTO session_index (id, sequence, creator, fingerprint_id, user_id, organization_id, epoch, creation_date, expiration_date, ended)
  SELECT value ->> 'id', value ->> 'sequence', value ->> 'creator', value ->> 'fingerprintId', value ->> 'userId', value ->> 'organizationId',
    value ->> 'epoch', value ->> 'creationDate', value ->> 'expirationDate', value ->> 'ended'
  FROM json_each(?1) WHERE TRUE
  ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, user_id = excluded.user_id, organization_id = excluded.organization_id,
    epoch = excluded.epoch, expiration_date = excluded.expiration_date, ended = excluded.ended
  WHERE ?2 OR excluded.sequence > session_index.sequence OR (excluded.sequence = session_index.sequence AND excluded.epoch >= session_index.epoch)`;

/** Writes down what sessions can be searched by; what is there of a later sequence stays, unless it is written anew. One statement, however many. */
export async function indexSessions(db: D1Database, sessions: readonly Session[], anew = false): Promise<void> {
  await db
    .prepare(WRITE)
    .bind(JSON.stringify(sessions.map(entryOf)), Number(anew))
    .run();
}

const entryOf = ({ id, sequence, creator, userAgent, user, creationDate, lifetimeEndsAt, terminatedAt }: Session) => ({
  id,
  sequence,
  creator,
  fingerprintId: userAgent?.fingerprintId || null,
  userId: user?.id ?? null,
  organizationId: user?.organizationId ?? null,
  epoch: user?.epoch ?? null,
  creationDate,
  expirationDate: lifetimeEndsAt,
  ended: Number(terminatedAt !== undefined),
});

/** Takes sessions out that their cell keeps no longer. */
export async function unindexSessions(db: D1Database, ids: readonly string[]): Promise<void> {
  await db.prepare('DELETE FROM session_index WHERE id IN (SELECT value FROM json_each(?1))').bind(JSON.stringify(ids)).run();
}

/** The next entries of the index, in the order of their ids. */
export async function indexedAfter(db: D1Database, id: string, most: number): Promise<string[]> {
  const { results } = await db.prepare('SELECT id FROM session_index WHERE id > ?1 ORDER BY id LIMIT ?2').bind(id, most).all<{ id: string }>();
  return results.map((row) => row.id);
}
