import { type Answer, api, type Client, newUser } from './api.ts';
import { create, createFor, type Login, set, type Version } from './login.ts';
import { type CredentialJson, RP_ID } from './security-key.ts';

export type Kind = 'passkey' | 'u2f';

export const REQUIREMENTS = ['REQUIRED', 'PREFERRED', 'DISCOURAGED'] as const;
export type Requirement = (typeof REQUIREMENTS)[number];

const PATHS = { passkey: 'passkeys', u2f: 'u2f' } as const;
export const path = (userId: string, kind: Kind, id?: string, version: Version = 'v2'): string =>
  `/${version}/users/${userId}/${PATHS[kind]}${id === undefined ? '' : `/${id}`}`;

/** What makes a credential; the browser's part of it is not asked about. */
export interface Maker {
  create(options: { publicKey: object }): CredentialJson;
}
/** What signs with a credential. */
export interface Signer {
  get(options: { publicKey: object }): CredentialJson;
}

/** A registration that was begun. */
export interface Begun {
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into options whose shape they assert
  readonly options: { publicKey: any };
}

export const begin = (userId: string, kind: Kind = 'passkey', body: object = {}, client: Client = api(), version: Version = 'v2'): Promise<Answer> =>
  client.post(path(userId, kind, undefined, version), { domain: RP_ID, ...body });

/** A registration that could be begun. */
export async function begun(...given: Parameters<typeof begin>): Promise<Begun> {
  const { status, body } = await begin(...given);
  if (status !== 200) throw new Error(`a registration could not be begun: ${JSON.stringify(body)}`);
  return { id: body.passkeyId ?? body.u2fId, options: body.publicKeyCredentialCreationOptions };
}

/** Answers a registration. */
export function finish(
  userId: string,
  kind: Kind,
  id: string,
  publicKeyCredential: unknown,
  { name = 'My key', client = api(), version = 'v2' as Version } = {},
): Promise<Answer> {
  return client.post(path(userId, kind, id, version), { publicKeyCredential, [kind === 'passkey' ? 'passkeyName' : 'tokenName']: name });
}

/** Registers a key with a user; returns Zitadel's id of it. */
export async function enrol(userId: string, key: Maker, kind: Kind = 'passkey', body: object = {}): Promise<string> {
  const { id, options } = await begun(userId, kind, body);
  const answer = await finish(userId, kind, id, key.create(options));
  if (answer.status !== 200) throw new Error(`a key could not be registered: ${JSON.stringify(answer.body)}`);
  return id;
}

/** A person with a key. */
export async function newHolder(key: Maker, kind: Kind = 'passkey') {
  const user = await newUser();
  return { ...user, keyId: await enrol(user.userId, key, kind) };
}

export const challenge = (requirement: Requirement = 'REQUIRED', domain: string = RP_ID) => ({
  challenges: { webAuthN: { domain, userVerificationRequirement: `USER_VERIFICATION_REQUIREMENT_${requirement}` } },
});

export const check = (credentialAssertionData: unknown) => ({ checks: { webAuthN: { credentialAssertionData } } });

/** The options of a challenge that is opened. */
export async function ask(login: Login, requirement: Requirement = 'REQUIRED', client: Client = api(), version: Version = 'v2beta') {
  const answer = await set(login, challenge(requirement), client, version);
  if (answer.status !== 200) throw new Error(`a challenge could not be opened: ${JSON.stringify(answer.body)}`);
  // biome-ignore lint/suspicious/noExplicitAny: tests look into options whose shape they assert
  return answer.body.challenges.webAuthN.publicKeyCredentialRequestOptions as { publicKey: any };
}

/** A session of a user, or one without; a challenge of it, and what a key signs for it. */
export async function signed(key: Signer, userId?: string, requirement: Requirement = 'REQUIRED') {
  const login = userId === undefined ? await create() : await createFor(userId);
  const options = await ask(login, requirement);
  return { login, options, assertion: key.get(options) };
}

/** Signs in: challenge and check on a session of the user, or on one without. */
export async function signIn(key: Signer, userId?: string, requirement: Requirement = 'REQUIRED'): Promise<Answer & { login: Login }> {
  const { login, assertion } = await signed(key, userId, requirement);
  return { ...(await set(login, check(assertion))), login };
}
