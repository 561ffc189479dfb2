import { describe, expect, it } from 'vitest';
import { type Answer, api, type Client, newMachine, newUser, PASSWORD, unique } from '../support/api.ts';
import { create, createFor, get, type Login, password, refusal, set } from '../support/login.ts';

const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, n) => make(n)));
const keyed = (key: string) => ({ 'idempotency-key': key });

const createWith = (key: string, body: object = {}, client: Client = api()): Promise<Answer> => client.post('/v2/sessions', body, keyed(key));

/** One PATCH with the token that the login has now, which stays as it is. */
const patchWith = (key: string, { id, token }: Login, body: object, client: Client = api()): Promise<Answer> =>
  client.patch(`/v2beta/sessions/${id}`, { sessionToken: token, ...body }, keyed(key));

const metadata = { metadata: { a: 'MQ==', b: 'Mg==' } };

function expectAllEqual(answers: Answer[], status: number): Answer {
  const [first] = answers;
  if (first === undefined) throw new Error('no answers');
  for (const { status: each, body } of answers) expect([each, body]).toEqual([status, first.body]);
  return first;
}

describe('a PATCH with an Idempotency-Key', () => {
  it('that is repeated is answered the same, and is carried out once', async () => {
    const login = await create();
    const key = unique('key');
    const first = await patchWith(key, login, metadata);
    const again = await patchWith(key, login, metadata);
    expectAllEqual([first, again], 200);
    const { session } = (await get(login)).body;
    expect(session.sequence).toBe(first.body.details.sequence);
    expect((await set({ ...login, token: again.body.sessionToken }, { metadata: { c: 'Mw==' } })).status).toBe(200);
  });

  it.each([
    ['metadata', () => metadata],
    ['a password', () => password(PASSWORD)],
    ['user and password', (userId: string) => ({ checks: { user: { userId }, password: { password: PASSWORD } } })],
  ])('is carried out once and answered 16 times the same when 16 come at once: %s', async (_, bodyFor) => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    const key = unique('key');
    const answer = expectAllEqual(await times(16, () => patchWith(key, login, bodyFor(userId))), 200);
    expect((await get(login)).body.session.sequence).toBe(answer.body.details.sequence);
    expectAllEqual([answer, await patchWith(key, login, bodyFor(userId))], 200);
    expect((await set({ ...login, token: answer.body.sessionToken }, metadata)).status).toBe(200);
  });

  it('that failed is carried out when it is repeated: only successes are kept', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    const key = unique('key');
    expect((await patchWith(key, login, password('wrong'))).status).toBe(400);
    expect((await patchWith(key, login, password(PASSWORD))).status).toBe(200);
  });

  it('is known again after later changes, whose token it does not tell', async () => {
    const login = await create();
    const key = unique('key');
    const first = await patchWith(key, login, metadata);
    const next = { ...login, token: first.body.sessionToken as string };
    await patchWith(unique('key'), next, { metadata: { later: 'MQ==' } });
    expectAllEqual([first, await patchWith(key, login, metadata)], 200);
  });

  it('is recognised however its entries are ordered and its fields are spelt', async () => {
    const login = await create();
    const key = unique('key');
    const first = await patchWith(key, login, metadata);
    const again = await api().patch(
      `/v2/sessions/${login.id}`,
      { metadata: { b: 'Mg', a: 'MQ==' }, session_token: login.token, unknown: true },
      keyed(key),
    );
    expectAllEqual([first, again], 200);
  });

  it('with another body is refused, whichever token of the two it presents', async () => {
    const login = await create();
    const key = unique('key');
    const { body } = await patchWith(key, login, metadata);
    const other = { metadata: { a: 'Mg==' } };
    expect(refusal(await patchWith(key, login, other))).toEqual([422, 'SALLY-KeyReused']);
    expect(refusal(await patchWith(key, { ...login, token: body.sessionToken }, other))).toEqual([422, 'SALLY-KeyReused']);
    expect(refusal(await patchWith(key, { ...login, token: body.sessionToken }, metadata))).toEqual([422, 'SALLY-KeyReused']);
    expect((await get(login)).body.session.metadata).toEqual(metadata.metadata);
  });

  it('and a wrong token never yields a token', async () => {
    const [login, stranger] = [await create(), await create()];
    const key = unique('key');
    await patchWith(key, login, metadata);
    for (const token of ['wrong', stranger.token, `${login.token}x`]) {
      const { status, body } = await patchWith(key, { ...login, token }, metadata);
      expect([status, body.details[0].id, body.sessionToken]).toEqual([403, 'COMMAND-sGr42', undefined]);
    }
    const withoutToken = await api().patch(`/v2/sessions/${login.id}`, metadata, keyed(key));
    expect([withoutToken.status, withoutToken.body.sessionToken]).toEqual([422, undefined]);
  });

  it('is nothing to another caller, who is told that the token is dead', async () => {
    const login = await create();
    const key = unique('key');
    await patchWith(key, login, metadata);
    const other = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    expect(refusal(await patchWith(key, login, metadata, api(other.token)))).toEqual([403, 'COMMAND-sGr42']);
  });

  it('is another request for another session', async () => {
    const key = unique('key');
    const [one, two] = [await create(), await create()];
    const answers = [await patchWith(key, one, metadata), await patchWith(key, two, metadata)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.body.sessionToken).not.toBe(answers[1]?.body.sessionToken);
  });

  it('and no token is carried out once, on v2', async () => {
    const login = await create();
    const key = unique('key');
    const answers = await times(16, () => api().patch(`/v2/sessions/${login.id}`, metadata, keyed(key)));
    const answer = expectAllEqual(answers, 200);
    await set({ ...login, token: answer.body.sessionToken }, { metadata: { a: 'OQ==' } });
    expectAllEqual([answer, await api().patch(`/v2/sessions/${login.id}`, metadata, keyed(key))], 200);
    expect((await get(login)).body.session.metadata.a).toBe('OQ==');
  });

  it('is answered 404 when the session was ended since, and 400 when it expired', async () => {
    const [ended, expiring] = [await create(), await create({ lifetime: '2s' })];
    const [one, two] = [unique('key'), unique('key')];
    await patchWith(one, ended, metadata);
    await api().delete(`/v2/sessions/${ended.id}`);
    expect(refusal(await patchWith(one, ended, metadata))).toEqual([404, 'QUERY-SFeaa']);
    const first = await patchWith(two, expiring, metadata);
    expect(first.status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(refusal(await patchWith(two, expiring, metadata))).toEqual([400, 'COMMAND-Hkl3d']);
  });

  it('is answered as for a stopped user when its user was stopped since', async () => {
    const { userId } = await newUser();
    const login = await createFor(userId);
    const key = unique('key');
    await patchWith(key, login, metadata);
    await api().post(`/v2/users/${userId}/lock`);
    expect(refusal(await patchWith(key, login, metadata))).toEqual([400, 'SESSION-Gj4ko']);
  });

  it('that changes nothing echoes its token each time', async () => {
    const login = await create();
    const answers = [await patchWith('nothing', login, {}), await patchWith('nothing', login, {})];
    expect(expectAllEqual(answers, 200).body.sessionToken).toBe(login.token);
  });

  it('is known by the key in any of 200 visible characters, and no other', async () => {
    const login = await create();
    for (const key of ['', ' ', 'a b', 'x'.repeat(201), 'tab\tbed', 'caf\u00e9']) {
      const { status, body } = await patchWith(key, login, metadata);
      expect([status, body.code]).toEqual([400, 3]);
    }
    expect((await createWith(' ')).status).toBe(400);
    const longest = `${unique('~!"')}${'x'.repeat(200)}`.slice(0, 200);
    expectAllEqual([await patchWith(longest, login, metadata), await patchWith(longest, login, metadata)], 200);
  });

  it('needs its caller to hold the same permission still', async () => {
    const login = await create();
    const key = unique('key');
    const stranger = await newMachine();
    await patchWith(key, login, metadata);
    expect(refusal(await patchWith(key, login, metadata, api(stranger.token)))).toEqual([403, 'AUTH-AWfge']);
  });
});

describe('a Create with an Idempotency-Key', () => {
  it('that is repeated makes one session and is answered the same', async () => {
    const { userId } = await newUser();
    const key = unique('key');
    const body = { checks: { user: { userId }, password: { password: PASSWORD } }, metadata: { a: 'MQ==' } };
    const first = await createWith(key, body);
    expectAllEqual([first, await createWith(key, body)], 201);
    expect((await set({ id: first.body.sessionId, token: first.body.sessionToken }, { metadata: { b: 'Mg==' } })).status).toBe(200);
    expectAllEqual([first, await createWith(key, body)], 201);
  });

  it.each([
    ['empty', () => ({})],
    ['with user and password', (userId: string) => ({ checks: { user: { userId }, password: { password: PASSWORD } } })],
  ])('makes one session when 16 come at once: %s', async (_, bodyFor) => {
    const { userId } = await newUser();
    const key = unique('key');
    const { body } = expectAllEqual(await times(16, () => createWith(key, bodyFor(userId))), 201);
    expect((await get({ id: body.sessionId, token: '' })).body.session.sequence).toBe(body.details.sequence);
  });

  it('with another body is refused', async () => {
    const key = unique('key');
    await createWith(key, { metadata: { a: 'MQ==' } });
    expect(refusal(await createWith(key, { metadata: { a: 'Mg==' } }))).toEqual([422, 'SALLY-KeyReused']);
    expect(refusal(await createWith(key, { metadata: { a: 'MQ==' }, checks: { user: { userId: 'nobody' } } }))).toEqual([422, 'SALLY-KeyReused']);
  });

  it('by another caller makes another session', async () => {
    const key = unique('key');
    const other = await newMachine({ instance: ['IAM_LOGIN_CLIENT'] });
    const [mine, theirs] = [await createWith(key), await createWith(key, {}, api(other.token))];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(mine.body.sessionId).not.toBe(theirs.body.sessionId);
  });

  it('is answered 404 when its session was ended since, and makes no other', async () => {
    const key = unique('key');
    const { body } = await createWith(key);
    await api().delete(`/v2/sessions/${body.sessionId}`);
    expect(refusal(await createWith(key))).toEqual([404, 'QUERY-SFeaa']);
  });

  it('whose check failed makes one when it is repeated with what is right', async () => {
    const { userId } = await newUser();
    const key = unique('key');
    const body = (given: string) => ({ checks: { user: { userId }, password: { password: given } } });
    expect((await createWith(key, body('wrong'))).status).toBe(400);
    expect((await createWith(key, body(PASSWORD))).status).toBe(201);
  });
});
