import { describe, expect, it } from 'vitest';
import { api, newMachine, newUser, unique } from '../support/api.ts';
import { create, createFor, set } from '../support/login.ts';
import { call, PROTOCOLS, type Refused, type Rpc } from '../support/rpc.ts';

/** A request that is refused: by whom, and what it says. */
interface Refusable {
  readonly message: Record<string, unknown>;
  readonly bearer?: string;
}

interface Row {
  readonly rpc: Rpc;
  /** The same by REST. */
  readonly verb: 'get' | 'post' | 'patch';
  readonly path: string;
  /** Everything that leads there, anew for each protocol. */
  readonly arrange: () => Promise<Refusable>;
  /** gRPC code, and the HTTP status of REST and of Connect. */
  readonly code: number;
  readonly status: number;
  readonly id?: string;
  readonly header?: [name: string, value: RegExp];
}

const CREATE = { rpc: 'session.v2/CreateSession', verb: 'post', path: '/v2/sessions' } as const;
const SET = { rpc: 'session.v2beta/SetSession', verb: 'patch', path: '/v2beta/sessions/{sessionId}' } as const;
const GET = { rpc: 'session.v2/GetSession', verb: 'get', path: '/v2/sessions/{sessionId}' } as const;
const ADD = { rpc: 'user.v2/AddHumanUser', verb: 'post', path: '/v2/users/human' } as const;

const METADATA = { metadata: { k: 'MQ==' } };

const ROWS: Record<string, Row> = {
  'what breaks a rule': {
    ...CREATE,
    arrange: async () => ({ message: { userAgent: { fingerprintId: 'f'.repeat(201) } } }),
    code: 3,
    status: 400,
  },
  'a caller who does not say who they are': {
    ...CREATE,
    arrange: async () => ({ message: {}, bearer: '' }),
    code: 16,
    status: 401,
    header: ['www-authenticate', /^Bearer /],
  },
  'a bearer that nobody knows': {
    ...CREATE,
    arrange: async () => ({ message: {}, bearer: 'nobody' }),
    code: 16,
    status: 401,
    id: 'AUTH-7fs1e',
    header: ['www-authenticate', /^Bearer /],
  },
  'a caller without the permission': {
    ...CREATE,
    arrange: async () => ({ message: {}, bearer: (await newMachine()).token }),
    code: 7,
    status: 403,
    id: 'AUTH-AWfge',
  },
  'an unknown session': { ...GET, arrange: async () => ({ message: { sessionId: 'nobody' } }), code: 5, status: 404, id: 'QUERY-SFeaa' },
  'a user who is there already': {
    ...ADD,
    arrange: async () => {
      const { loginName } = await newUser();
      const profile = { givenName: 'Minnie', familyName: 'Mouse' };
      return { message: { username: loginName, profile, email: { email: loginName, isVerified: true } } };
    },
    code: 6,
    status: 409,
    id: 'V3-DKcYh',
  },
  'a token that is spent': {
    ...SET,
    arrange: async () => {
      const login = await create();
      const spent = login.token;
      await set(login, METADATA);
      return { message: { sessionId: login.id, sessionToken: spent, metadata: { k: 'Mg==' } } };
    },
    code: 7,
    status: 403,
    id: 'COMMAND-sGr42',
  },
  'a wrong password': {
    ...SET,
    arrange: async () => {
      const { id, token } = await createFor((await newUser()).userId);
      return { message: { sessionId: id, sessionToken: token, checks: { password: { password: 'Wr0ng!' } } } };
    },
    code: 3,
    status: 400,
    id: 'COMMAND-3M0fs',
  },
  'a user who was stopped': {
    ...SET,
    arrange: async () => {
      const { userId } = await newUser();
      const { id, token } = await createFor(userId);
      await api().post(`/v2/users/${userId}/deactivate`);
      return { message: { sessionId: id, sessionToken: token, ...METADATA } };
    },
    code: 9,
    status: 400,
    id: 'SESSION-Gj4ko',
  },
  'too many messages to one address': {
    ...SET,
    arrange: async () => {
      const { userId } = await newUser();
      await api().post(`/v2/users/${userId}/otp_email`, {});
      const login = await createFor(userId);
      const challenges = { otpEmail: { sendCode: {} } };
      await set(login, { challenges });
      return { message: { sessionId: login.id, sessionToken: login.token, challenges } };
    },
    code: 8,
    status: 429,
    id: 'SALLY-Sends',
    header: ['retry-after', /^([12]?\d|30)$/],
  },
  'what is not built': {
    rpc: 'org.v2/AddOrganization',
    verb: 'post',
    path: '/v2/organizations',
    arrange: async () => ({ message: { name: unique('org'), admins: [{ userId: '1' }] } }),
    code: 12,
    status: 501,
    id: 'SALLY-NotBuilt',
  },
};

/** The same refusal by REST. */
async function byRest({ verb, path }: Row, { message: { sessionId, ...rest }, bearer }: Refusable) {
  const { status, body, headers } = await api(bearer)[verb](path.replace('{sessionId}', String(sessionId)), verb === 'get' ? undefined : rest);
  const { code, message: text, details = [] } = body;
  return { status, headers, refused: { code, message: text, details, retryAfter: headers.get('retry-after') } satisfies Refused };
}

describe.each(Object.entries(ROWS))('%s', (_, row) => {
  it('is refused with the same code, message and details in REST and in every protocol of RPCs', async () => {
    const rest = await byRest(row, await row.arrange());
    expect(rest).toMatchObject({ status: row.status, refused: { code: row.code } });
    expect(rest.refused.details.map(({ id }: { id: string }) => id)).toEqual(row.id === undefined ? [] : [row.id]);
    for (const protocol of PROTOCOLS) {
      const { message, ...caller } = await row.arrange();
      const { status, headers, refused, answer } = await call(protocol, row.rpc, message, caller);
      expect(answer).toBeUndefined();
      expect(status).toBe(protocol === 'gRPC-Web' ? 200 : row.status);
      // Seconds go by between one and the next.
      expect(refused).toEqual({ ...rest.refused, retryAfter: rest.refused.retryAfter && expect.stringMatching(/^\d+$/) });
      for (const told of [rest.headers, headers]) expect(told.get(row.header?.[0] ?? 'x-request-id')).toMatch(row.header?.[1] ?? /-/);
    }
  });
});

describe('a wrong password', () => {
  it.each(PROTOCOLS)('is counted, whatever is spoken: %s', async (protocol) => {
    const { id, token } = await createFor((await newUser()).userId);
    const message = { sessionId: id, sessionToken: token, checks: { password: { password: 'Wr0ng!' } } };
    for (const failedAttempts of [1, 2, 3]) {
      const { refused } = await call(protocol, 'session.v2/SetSession', message);
      const type = 'type.googleapis.com/zitadel.v1.CredentialsCheckError';
      expect(refused?.details).toEqual([{ '@type': type, id: 'COMMAND-3M0fs', message: 'Password is invalid', failedAttempts }]);
    }
  });
});

describe('a key of an Idempotency-Key for another request', () => {
  it('is invalid where REST says 422', async () => {
    const headers = { 'idempotency-key': unique('key') };
    expect((await api().post('/v2/sessions', METADATA, headers)).status).toBe(201);
    expect((await api().post('/v2/sessions', {}, headers)).status).toBe(422);
    for (const protocol of PROTOCOLS) {
      const { status, refused } = await call(protocol, 'session.v2/CreateSession', {}, { headers });
      expect([status, refused?.code]).toEqual([protocol === 'gRPC-Web' ? 200 : 400, 3]);
      expect(refused?.details).toMatchObject([{ id: 'SALLY-KeyReused' }]);
    }
  });
});
