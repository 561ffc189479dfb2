/** A user's credentials, as far as a check needs them; undefined for a user who is not there. */
export async function findFacts(db: D1Database, userId: string) {
  const row = await db
    .prepare("SELECT kind, password_hash, password_version FROM user WHERE id = ?1 AND state <> 'deleted'")
    .bind(userId)
    .first<{ kind: 'human' | 'machine'; password_hash: string | null; password_version: number }>();
  return row === null ? undefined : { kind: row.kind, passwordHash: row.password_hash ?? undefined, passwordVersion: row.password_version };
}
