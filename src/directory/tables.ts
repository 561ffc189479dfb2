/** The tables that the migrations make. */
const TABLES = [
  'organization',
  'user',
  'user_metadata',
  'personal_access_token',
  'member',
  'cell',
  'totp',
  'recovery_code',
  'credential',
  'credential_registration',
  'identity_provider',
  'idp_intent',
  'idp_link',
  'session_index',
];

/** Which of the directory's tables are not there. */
export async function missingTables(db: D1Database): Promise<string[]> {
  const { results } = await db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all<{ name: string }>();
  const there = new Set(results.map(({ name }) => name));
  return TABLES.filter((name) => !there.has(name));
}
