import { describe, expect, it } from 'vitest';
import { type Answer, api, newUser, PASSWORD } from '../support/api.ts';
import { authenticator } from '../support/authenticator.ts';
import { create, createFor, failUntil, get, type Login, password, refusal, seconds, set, setWithoutToken } from '../support/login.ts';

const times = <T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** How many answers there were of each kind: `200`, or status and error id. */
function tally(answers: Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const kind = refusal(answer).filter(Boolean).join(' ');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** The attempts that the default policy evaluates in this time: five at once, then one after each wait of 1, 2, 4, 8 s. */
const evaluatedWithin = (elapsedMs: number): number => 5 + Math.floor(Math.log2(elapsedMs / 1000 + 1));

/** What is guessed beside passwords: how it is set up, opened and guessed wrong, and what a guess is told that was looked at. */
const GUESSED: readonly {
  readonly method: string;
  readonly equip: (userId: string) => Promise<string>;
  readonly open?: object;
  readonly guess: (right: string) => object;
  readonly wrong: string;
}[] = [
  {
    method: 'TOTP',
    equip: async (userId) => {
      const { uri } = (await api().post(`/v2/users/${userId}/totp`, {})).body;
      await api().post(`/v2/users/${userId}/totp/verify`, { code: authenticator(uri).code() });
      return uri;
    },
    guess: (uri) => ({ totp: { code: authenticator(uri).wrongCode() } }),
    wrong: '400 EVENT-8isk2',
  },
  {
    method: 'code by e-mail',
    equip: async (userId) => (await api().post(`/v2/users/${userId}/otp_email`, {})).body,
    open: { challenges: { otpEmail: { returnCode: {} } } },
    guess: (code) => ({ otpEmail: { code: code.replace(/^./, (digit) => String((Number(digit) + 1) % 10)) } }),
    wrong: '400 CODE-woT0xc',
  },
  {
    method: 'recovery code',
    equip: async (userId) => (await api().post(`/v2/users/${userId}/recovery_codes`, { count: 1 })).body.recoveryCodes[0],
    guess: (code) => ({ recoveryCode: { code: code.replace(/^./, (letter) => (letter === '0' ? '1' : '0')) } }),
    wrong: '400 DOMAIN-6uvh0',
  },
];

/** A PATCH with the token that the login has now, which stays as it is. */
const present = (login: Login, body: object) => set({ ...login }, body);

describe('of many PATCHes that present one token at once', () => {
  it('one of 50 with a right password succeeds, and 49 are told 403', async () => {
    const user = await newUser();
    const login = await createFor(user.userId);
    const answers = await times(50, () => present(login, password(PASSWORD)));
    expect(tally(answers)).toEqual({ 200: 1, '403 COMMAND-sGr42': 49 });
    const winner = answers.find(({ status }) => status === 200);
    const { session } = (await get(login)).body;
    expect(session.sequence).toBe(winner?.body.details.sequence);
    expect((await set({ ...login, token: winner?.body.sessionToken }, { metadata: { a: 'MQ==' } })).status).toBe(200);
  });

  it('one of 50 with metadata succeeds, and only its metadata is there', async () => {
    const login = await create();
    const answers = await times(50, (n) => present(login, { metadata: { [`k${n}`]: 'MQ==' } }));
    expect(tally(answers)).toEqual({ 200: 1, '403 COMMAND-sGr42': 49 });
    const winner = answers.findIndex(({ status }) => status === 200);
    expect((await get(login)).body.session.metadata).toEqual({ [`k${winner}`]: 'MQ==' });
  });

  it('at most one succeeds over 20 rounds with deletes mixed in, and none after the end', async () => {
    const user = await newUser();
    for (let round = 0; round < 20; round += 1) {
      const login = await createFor(user.userId);
      const answers = await times(6, (n) => (n === round % 6 ? api().delete(`/v2beta/sessions/${login.id}`) : present(login, password(PASSWORD))));
      const [deletion] = answers.splice(round % 6, 1);
      expect(deletion?.status).toBe(200);
      const { 200: won = 0, '403 COMMAND-sGr42': raced = 0, '404 QUERY-SFeaa': ended = 0 } = tally(answers);
      expect(won).toBeLessThanOrEqual(1);
      expect(won + raced + ended).toBe(5);
      expect(refusal(await present(login, {}))).toEqual([404, 'QUERY-SFeaa']);
    }
  });

  it('all that change nothing succeed, and the token lives on', async () => {
    const login = await create();
    expect(tally(await times(20, () => present(login, {})))).toEqual({ 200: 20 });
    expect((await set(login, { metadata: { a: 'MQ==' } })).status).toBe(200);
  });
});

describe('v2 PATCHes without a token', () => {
  it('all land when they come at once, one on top of the other', async () => {
    const login = await create();
    const before = Number((await get(login)).body.session.sequence);
    const answers = await times(40, (n) => setWithoutToken(login, { metadata: { [`k${n}`]: 'MQ==' } }));
    expect(tally(answers)).toEqual({ 200: 40 });
    const { session } = (await get(login)).body;
    expect(Object.keys(session.metadata)).toHaveLength(40);
    expect(new Set(answers.map(({ body }) => body.details.sequence)).size).toBe(40);
    expect(Number(session.sequence)).toBe(before + 80);
    const last = answers.find(({ body }) => body.details.sequence === session.sequence);
    expect((await set({ ...login, token: last?.body.sessionToken }, {})).status).toBe(200);
  });

  it('with checks inside, succeed or are refused as overtaken, and the session shows as many changes as succeeded', async () => {
    const user = await newUser();
    const login = await createFor(user.userId);
    const before = Number((await get(login)).body.session.sequence);
    const counts = tally(await times(12, () => setWithoutToken(login, password(PASSWORD))));
    const { 200: won = 0, '409 SALLY-Raced': raced = 0, '429 SALLY-Rivals': rivals = 0 } = counts;
    expect(won + raced + rivals, JSON.stringify(counts)).toBe(12);
    expect(won).toBeGreaterThanOrEqual(1);
    expect(Number((await get(login)).body.session.sequence)).toBe(before + won * 2);
  });
});

describe('the attempts of one user', () => {
  it('20 parallel logins with the right password all succeed', async () => {
    const user = await newUser();
    const answers = await times(20, () =>
      api().post('/v2beta/sessions', { checks: { user: { loginName: user.loginName }, password: { password: PASSWORD } } }),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
  });

  it('40 wrong passwords over 40 sessions at once are evaluated no more often than the policy allows, and counted exactly', async () => {
    const user = await newUser();
    const live = await createFor(user.userId);
    expect((await set(live, password(PASSWORD))).status).toBe(200);
    const logins = await times(40, () => createFor(user.userId));
    const began = Date.now();
    const answers = await Promise.all(logins.map((login) => present(login, password('wrong'))));
    const { '400 COMMAND-3M0fs': wrong = 0, '429 SALLY-BackOff': refused = 0 } = tally(answers);
    expect(wrong + refused).toBe(40);
    expect(wrong).toBeGreaterThanOrEqual(5);
    expect(wrong).toBeLessThanOrEqual(evaluatedWithin(Date.now() - began));
    const counts = answers.flatMap(({ body }) => body.details[0].failedAttempts ?? []);
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: wrong }, (_, n) => n + 1));

    const [login] = logins as [Login];
    await failUntil(7, () => present(login, password('wrong')));
    const right = await present(login, password(PASSWORD));
    expect(right).toMatchObject({ status: 429, body: { code: 8 } });
    expect(right.headers.get('retry-after')).toMatch(/^[1-4]$/);
    // A live session of the user goes on, and so do other users.
    expect((await set(live, { metadata: { a: 'MQ==' } })).status).toBe(200);
    const other = await newUser();
    expect((await set(await createFor(other.userId), password(PASSWORD))).status).toBe(200);
    // After the wait the right password passes, and the count begins anew.
    await seconds(4);
    expect((await set(login, password(PASSWORD))).status).toBe(200);
    expect((await set(login, password('wrong'))).body.details[0].failedAttempts).toBe(1);
  });

  for (const { method, equip, open, guess, wrong } of GUESSED)
    it(`40 wrong guesses (${method}) over 40 sessions at once are looked at no more often than the policy allows`, async () => {
      const { userId } = await newUser();
      const right = await equip(userId);
      const logins = await times(40, () => createFor(userId));
      const opened = await Promise.all(logins.map((login) => (open ? set(login, open) : undefined)));
      const began = Date.now();
      const guesses = logins.map((login, n) => set({ ...login }, { checks: guess(opened[n]?.body.challenges.otpEmail ?? right) }, api(), 'v2'));
      const { [wrong]: evaluated = 0, '429 SALLY-BackOff': refused = 0 } = tally(await Promise.all(guesses));
      expect(evaluated + refused).toBe(40);
      expect(evaluated).toBeGreaterThanOrEqual(5);
      expect(evaluated).toBeLessThanOrEqual(evaluatedWithin(Date.now() - began));
    });

  it('a right password among wrong ones is told apart from them only when it was evaluated', async () => {
    const user = await newUser();
    const logins = await times(12, () => createFor(user.userId));
    const answers = await Promise.all(logins.map((login, n) => present(login, password(n === 11 ? PASSWORD : 'wrong'))));
    const { 200: passed = 0, '400 COMMAND-3M0fs': wrong = 0, '429 SALLY-BackOff': refused = 0 } = tally(answers);
    expect(passed + wrong + refused).toBe(12);
    expect([200, 429]).toContain(answers[11]?.status);
  });
});

describe('a stop that comes while logins are under way', () => {
  it('leaves no session of the user alive, over 10 rounds', async () => {
    for (let round = 0; round < 10; round += 1) {
      const user = await newUser();
      const logins = await times(4, () => createFor(user.userId));
      const [stop, ...answers] = await Promise.all([
        api().post(`/v2/users/${user.userId}/lock`, {}),
        ...logins.map((login) => set(login, password(PASSWORD))),
        ...logins.map(() => api().post('/v2/sessions', { checks: { user: { userId: user.userId } } })),
      ]);
      expect(stop.status).toBe(200);
      const born = answers.filter(({ status }) => status === 201).map(({ body }): Login => ({ id: body.sessionId, token: body.sessionToken }));
      for (const login of [...logins, ...born]) expect(refusal(await set(login, {}))).toEqual([400, 'SESSION-Gj4ko']);
    }
  });
});
