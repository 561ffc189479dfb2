import { inject } from 'vitest';
import { checkAsDescribed } from './as-described.ts';
import { noteSecrets } from './secret-markers.ts';

/** An answer, with its body parsed. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
  readonly body: any;
  readonly headers: Headers;
}

type Send = (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

export interface Client {
  readonly get: Send;
  readonly post: Send;
  readonly put: Send;
  readonly patch: Send;
  readonly delete: Send;
}

/**
 * The API as one caller sees it, each answer held against its document: the operator, unless another bearer (or none: '') is given; that of the run's Worker, unless another is. A string as
 * body is sent as it is.
 */
export function api(bearer: string = inject('adminToken'), origin: string = inject('baseUrl')): Client {
  const send =
    (method: string): Send =>
    async (path, body, headers = {}) => {
      const response = await fetch(new URL(path, origin), {
        method,
        headers: { ...(bearer !== '' && { authorization: `Bearer ${bearer}` }), 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const answer = { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers };
      noteSecrets(path, body, answer.status, answer.body);
      await checkAsDescribed(origin, method, path, answer);
      return answer;
    };
  return { get: send('GET'), post: send('POST'), put: send('PUT'), patch: send('PATCH'), delete: send('DELETE') };
}

export const unique = (prefix: string): string => `${prefix}-${crypto.randomUUID()}`;

export const PASSWORD = 'V3ryS3cure!';

let organization: Promise<string> | undefined;

/** The id of an organisation that the tests of one file share. */
export function anOrganization(): Promise<string> {
  organization ??= newOrganization();
  return organization;
}

export async function newOrganization(): Promise<string> {
  const { body } = await api().post('/v2/organizations', { name: unique('org') });
  return body.organizationId;
}

/** An active person with a password. */
export async function newUser(overrides: Record<string, unknown> = {}) {
  const loginName = `${unique('mini')}@mouse.com`;
  const { status, body } = await api().post('/v2/users/human', {
    organization: { orgId: await anOrganization() },
    username: loginName,
    profile: { givenName: 'Minnie', familyName: 'Mouse' },
    email: { email: loginName, isVerified: true },
    password: { password: PASSWORD },
    ...overrides,
  });
  if (status !== 201) throw new Error(`a user could not be created: ${JSON.stringify(body)}`);
  return { userId: body.userId as string, loginName, password: PASSWORD };
}

/** A machine user with a personal access token and the roles given. */
export async function newMachine(roles: { instance?: string[]; organization?: string[]; organizationId?: string } = {}) {
  const organizationId = roles.organizationId ?? (await anOrganization());
  const { body } = await api().post('/v2/users/new', { organizationId, username: unique('machine'), machine: { name: 'A machine' } });
  const userId = body.id as string;
  if (roles.instance) await api().post('/admin/v1/members', { userId, roles: roles.instance });
  if (roles.organization) {
    await api().post('/management/v1/orgs/me/members', { userId, roles: roles.organization }, { 'x-zitadel-orgid': organizationId });
  }
  const pat = await api().post(`/v2/users/${userId}/pats`, { expirationDate: new Date(Date.now() + 3_600_000).toISOString() });
  if (pat.body?.token === undefined) throw new Error(`a token could not be made: ${JSON.stringify(pat.body)}`);
  return { userId, token: pat.body.token as string };
}
