import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { UpdateSession } from '../../src/core/session/command.ts';
import { informationLabel, intentToken, proofLabel } from '../../src/crypto/intent-token.ts';
import { seal } from '../../src/crypto/sealed-box.ts';
import { newSecret } from '../../src/crypto/tokens.ts';
import { type IdpConfig, insertProvider, type ProviderContent } from '../../src/directory/identity-providers.ts';
import { claimIntent, insertIntent, succeedIntent } from '../../src/directory/intents.ts';
import { addLink, type Link } from '../../src/directory/links.ts';
import type { User } from '../../src/directory/users.ts';
import { app } from '../../src/http/app.ts';
import { config, newUser } from './world.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** Stands in what a provider told, and nowhere else. */
export const MARKER = 'what-only-the-provider-knows';

const OPTIONS: IdpConfig['options'] = {
  isLinkingAllowed: false,
  isCreationAllowed: false,
  isAutoCreation: false,
  isAutoUpdate: false,
  autoLinking: 'AUTO_LINKING_OPTION_UNSPECIFIED',
};

/** A provider at which nobody answers, unless it is told where. */
export async function newProvider(within: Partial<IdpConfig> = {}): Promise<string> {
  const id = crypto.randomUUID();
  const provider: ProviderContent = {
    id,
    name: 'Mouse House',
    type: 'oauth',
    clientSecret: undefined,
    config: {
      clientId: 'sallyport',
      scopes: [],
      options: OPTIONS,
      authorizationEndpoint: 'https://mouse-house.example/authorize',
      tokenEndpoint: 'http://127.0.0.1:9/token',
      userEndpoint: 'http://127.0.0.1:9/user',
      idAttribute: 'sub',
      ...within,
    },
  };
  await insertProvider(env.DB, provider, Date.now());
  return id;
}

/** An intent whose browser has come back, with its token. */
export interface Returned {
  readonly intentId: string;
  readonly token: string;
  readonly link: Link;
}

/** An intent that waits for its callback. */
export async function startedIntent(idpId: string, lifetimeMs = 10 * MINUTE): Promise<string> {
  const id = newSecret();
  const now = Date.now();
  const proof = await seal(config.sealKeys, proofLabel(id), JSON.stringify({ verifier: MARKER, nonce: MARKER }));
  const [successUrl, failureUrl] = ['https://login.example.com/ok', 'https://login.example.com/no'];
  const intent = { id, idpId, successUrl, failureUrl, redirectUri: 'https://sallyport.test/idps/callback', proof };
  await insertIntent(env.DB, { ...intent, expiresAt: now + lifetimeMs }, '', now);
  return id;
}

/** An intent that has succeeded for an account at a provider, by default a new one at a provider of its own, which is nobody's here. */
export async function returnedIntent({ link, userId }: { link?: Link; userId?: string } = {}): Promise<Returned> {
  const account = link ?? { idpId: await newProvider(), idpUserId: crypto.randomUUID(), idpUserName: 'minnie' };
  const id = await startedIntent(account.idpId);
  const now = Date.now();
  await claimIntent(env.DB, id, '', now);
  const information = await seal(config.sealKeys, informationLabel(id), JSON.stringify({ user: { id: account.idpUserId }, raw: { MARKER } }));
  const { idpUserId, idpUserName } = account;
  await succeedIntent(env.DB, id, { idpUserId, idpUserName, userId, information, expiresAt: now + HOUR }, now);
  return { intentId: id, token: await intentToken(config.passwords.peppers, id), link: account };
}

export async function linkTo(user: User, link: Link): Promise<void> {
  if ((await addLink(env.DB, user.id, link, Date.now()))?.userId !== user.id) throw new Error('the account is not theirs');
}

/** A person who has just come back from a provider with an account that is theirs. */
export async function returnedUser(user?: User): Promise<{ readonly user: User; readonly intent: Returned }> {
  const theirs = user ?? (await newUser());
  const account = { idpId: await newProvider(), idpUserId: crypto.randomUUID(), idpUserName: 'minnie' };
  await linkTo(theirs, account);
  return { user: theirs, intent: await returnedIntent({ link: account, userId: theirs.id }) };
}

/** The check of an intent, among others. */
export const intentCheck = ({ intentId, token }: Returned, others: UpdateSession['checks'] = {}): Partial<UpdateSession> => ({
  checks: { ...others, idpIntent: { intentId, token } },
});

export interface IntentRow {
  readonly state: string;
  readonly proof: string | null;
  readonly user_id: string | null;
  readonly information: string | null;
  readonly consumed_by: string | null;
  readonly consumed_request: string | null;
  readonly creation_date: number;
  readonly expiration_date: number;
}

export const rowOf = (intentId: string) => env.DB.prepare('SELECT * FROM idp_intent WHERE id = ?1').bind(intentId).first<IntentRow>();

/** Puts an intent back as it stood, as a restored database has it. */
export const restore = (intentId: string, { state, information, consumed_by, consumed_request }: IntentRow) =>
  env.DB.prepare('UPDATE idp_intent SET state = ?2, information = ?3, consumed_by = ?4, consumed_request = ?5 WHERE id = ?1')
    .bind(intentId, state, information, consumed_by, consumed_request)
    .run();

/** The intents that a user's cell remembers as spent. */
export const spentIn = (user: User): Promise<string[]> =>
  runInDurableObject(env.USERS.getByName(user.cell), (_, state) => {
    const [row] = state.storage.sql.exec<{ things: string }>("SELECT things FROM spent WHERE user_id = ? AND kind = 'idpIntent'", user.id);
    return row ? (JSON.parse(row.things) as { thing: string }[]).map(({ thing }) => thing) : [];
  });

/** The two statements by which a check of an intent goes through D1, and the one by which its callback ends well. */
const STATEMENTS = { read: /FROM idp_intent i JOIN/, consume: /SET state = 'consumed'/, succeed: /SET state = 'succeeded'/ };
type Hooks = { readonly [Statement in keyof typeof STATEMENTS]?: { before?: (() => unknown) | undefined; after?: (() => unknown) | undefined } };

/** D1 that calls a hook ahead of a statement or behind it: the place to let the world change, or to have D1 fail. */
export function dbWith(hooks: Hooks): D1Database {
  const hookOf = (sql: string) => (Object.keys(STATEMENTS) as (keyof typeof STATEMENTS)[]).find((name) => hooks[name] && STATEMENTS[name].test(sql));
  const watched = (statement: D1PreparedStatement, { before, after }: NonNullable<Hooks['read']>): D1PreparedStatement =>
    new Proxy(statement, {
      get: (target, name) => {
        const call = (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target);
        if (name === 'bind') return (...args: unknown[]) => watched(call(...args) as D1PreparedStatement, { before, after });
        return async (...args: unknown[]) => {
          await before?.();
          const answer = await call(...args);
          await after?.();
          return answer;
        };
      },
    });
  return new Proxy(env.DB, {
    get: (target, name) => {
      const value = (Reflect.get(target, name) as (...args: unknown[]) => unknown).bind(target);
      if (name !== 'prepare') return value;
      return (sql: string) => {
        const hook = hookOf(sql);
        return hook ? watched(target.prepare(sql), hooks[hook] ?? {}) : target.prepare(sql);
      };
    },
  });
}

/** Does something the first time that it is called. */
export function once(work: () => unknown): () => Promise<void> {
  let done = false;
  return async () => {
    if (done) return;
    done = true;
    await work();
  };
}

export const failing = (): never => {
  throw new Error('D1_ERROR: no such host: SECRET');
};

/** One request to the whole Worker, with bindings and settings of the test's own. */
export async function send(method: string, path: string, body?: object, bindings: object = {}): Promise<Response> {
  const context = createExecutionContext();
  const headers = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
  const request = new Request(`https://sallyport.test${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const response = await app.fetch(request, { ...env, ...bindings } as typeof env, context);
  await waitOnExecutionContext(context);
  return response;
}
