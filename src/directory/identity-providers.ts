export const IDP_TYPES = ['oidc', 'oauth', 'github', 'google', 'azure'] as const;
export type IdpType = (typeof IDP_TYPES)[number];

/** Hints for login pages: they decide nothing here. */
export interface IdpOptions {
  readonly isLinkingAllowed: boolean;
  readonly isCreationAllowed: boolean;
  readonly isAutoCreation: boolean;
  readonly isAutoUpdate: boolean;
  readonly autoLinking: 'AUTO_LINKING_OPTION_UNSPECIFIED' | 'AUTO_LINKING_OPTION_USERNAME' | 'AUTO_LINKING_OPTION_EMAIL';
}

/** Everything about a provider that is no secret; what there is depends on its type. */
export interface IdpConfig {
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly options: IdpOptions;
  readonly clientAuthentication?: 'basic' | 'post' | undefined;
  /** Kept for those who ask; PKCE is always used. */
  readonly usePkce?: boolean | undefined;
  readonly issuer?: string | undefined;
  readonly isIdTokenMapping?: boolean | undefined;
  readonly authorizationEndpoint?: string | undefined;
  readonly tokenEndpoint?: string | undefined;
  readonly userEndpoint?: string | undefined;
  readonly idAttribute?: string | undefined;
  readonly tenant?: string | undefined;
  readonly emailVerified?: boolean | undefined;
}

/** An identity provider as the directory records it. Times are milliseconds since 1970. */
export interface IdentityProvider {
  readonly id: string;
  readonly name: string;
  readonly type: IdpType;
  readonly state: 'active' | 'inactive';
  readonly config: IdpConfig;
  /** Sealed. */
  readonly clientSecret: string | undefined;
  readonly sequence: number;
  readonly creationDate: number;
  readonly changeDate: number;
}

interface Row {
  id: string;
  name: string;
  type: IdpType;
  state: 'active' | 'inactive';
  config: string;
  client_secret: string | null;
  sequence: number;
  creation_date: number;
  change_date: number;
}

const fromRow = (row: Row): IdentityProvider => ({
  id: row.id,
  name: row.name,
  type: row.type,
  state: row.state,
  config: JSON.parse(row.config) as IdpConfig,
  clientSecret: row.client_secret ?? undefined,
  sequence: row.sequence,
  creationDate: row.creation_date,
  changeDate: row.change_date,
});

export async function findProvider(db: D1Database, id: string): Promise<IdentityProvider | undefined> {
  const row = await db.prepare('SELECT * FROM identity_provider WHERE id = ?1').bind(id).first<Row>();
  return row === null ? undefined : fromRow(row);
}

/** Whether there is a provider for each of these links. */
export async function knowsProviders(db: D1Database, links: readonly { readonly idpId: string }[]): Promise<boolean> {
  const ids = [...new Set(links.map(({ idpId }) => idpId))];
  if (ids.length === 0) return true;
  const row = await db
    .prepare('SELECT count(*) AS known FROM identity_provider WHERE id IN (SELECT value FROM json_each(?1))')
    .bind(JSON.stringify(ids))
    .first<{ known: number }>();
  return row?.known === ids.length;
}

/** Every provider, the oldest first. */
export async function listProviders(db: D1Database): Promise<IdentityProvider[]> {
  const { results } = await db.prepare('SELECT * FROM identity_provider ORDER BY creation_date, id').all<Row>();
  return results.map(fromRow);
}

/** What a provider is made or changed to. */
export type ProviderContent = Pick<IdentityProvider, 'id' | 'name' | 'type' | 'config' | 'clientSecret'>;

export async function insertProvider(db: D1Database, { id, name, type, config, clientSecret }: ProviderContent, now: number): Promise<void> {
  await db
    .prepare('INSERT INTO identity_provider (id, name, type, config, client_secret, creation_date, change_date) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)')
    .bind(id, name, type, JSON.stringify(config), clientSecret ?? null, now)
    .run();
}

/** Changes a provider of this type; a secret that is not given stays. Undefined when there is none. */
export async function updateProvider(
  db: D1Database,
  { id, name, type, config, clientSecret }: ProviderContent,
  now: number,
): Promise<IdentityProvider | undefined> {
  const row = await db
    .prepare(
      `UPDATE identity_provider SET name = ?2, config = ?4, client_secret = coalesce(?5, client_secret), sequence = sequence + 1, change_date = ?6
       WHERE id = ?1 AND type = ?3 RETURNING *`,
    )
    .bind(id, name, type, JSON.stringify(config), clientSecret ?? null, now)
    .first<Row>();
  return row === null ? undefined : fromRow(row);
}

/** Activates or deactivates a provider; undefined when there is none that is not so already. */
export async function setProviderState(
  db: D1Database,
  id: string,
  state: IdentityProvider['state'],
  now: number,
): Promise<IdentityProvider | undefined> {
  const row = await db
    .prepare('UPDATE identity_provider SET state = ?2, sequence = sequence + 1, change_date = ?3 WHERE id = ?1 AND state <> ?2 RETURNING *')
    .bind(id, state, now)
    .first<Row>();
  return row === null ? undefined : fromRow(row);
}

/** Removes a provider, with the links to it and the log-ins at it. */
export async function removeProvider(db: D1Database, id: string): Promise<IdentityProvider | undefined> {
  const [removed] = await db.batch<Row>([
    db.prepare('DELETE FROM identity_provider WHERE id = ?1 RETURNING *').bind(id),
    db.prepare('DELETE FROM idp_link WHERE idp_id = ?1').bind(id),
    db.prepare('DELETE FROM idp_intent WHERE idp_id = ?1').bind(id),
  ]);
  const [row] = removed?.results ?? [];
  return row && fromRow(row);
}
