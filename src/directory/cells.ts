/** Enters a cell in the register of those that hold data, which sweeps go by. Entering it again changes nothing. */
export async function registerCell(db: D1Database, name: string, now: number): Promise<void> {
  await db.prepare('INSERT INTO cell (name, creation_date) VALUES (?1, ?2) ON CONFLICT DO NOTHING').bind(name, now).run();
}
