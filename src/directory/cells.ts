/** Enters a cell in the register of those that hold data, which sweeps go by. Entering it again changes nothing. */
export async function registerCell(db: D1Database, name: string, now: number): Promise<void> {
  await db.prepare('INSERT INTO cell (name, creation_date) VALUES (?1, ?2) ON CONFLICT DO NOTHING').bind(name, now).run();
}

/** Every cell that keeps sessions. */
export async function sessionCellNames(db: D1Database): Promise<string[]> {
  const { results } = await db.prepare("SELECT name FROM cell WHERE name LIKE 'sessions:%' ORDER BY name").all<{ name: string }>();
  return results.map(({ name }) => name);
}
