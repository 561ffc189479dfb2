import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SessionCell } from '../../src/cells/session-cell.ts';
import type { UserCell } from '../../src/cells/user-cell.ts';
import { findUser } from '../../src/directory/users.ts';
import { readDevMailbox } from '../../src/notify/dev-mailbox.ts';
import { newOtpUser, sent } from './otp-user.ts';
import { end, entryOf, evict, newCell, objectsOf, rebind, sessionIn, untilTold } from './sessions-world.ts';
import { cells, must, newUser, outcome, passwordCheck, patch, walkWith } from './world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const SWEEP = 10 * MINUTE;

const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

/** Has D1 do something else for everybody: the Worker, the cells, and the connections that they were born with. */
function instead(answer: () => Promise<never>): { mend: () => void } {
  let owner = Object.getPrototypeOf(env.DB.withSession());
  while (!Object.hasOwn(owner, '_send')) owner = Object.getPrototypeOf(owner);
  const broken = vi.spyOn(owner, '_send').mockImplementation(answer);
  return { mend: () => broken.mockRestore() };
}

const outOfReach = async (): Promise<never> => {
  throw new Error('D1_ERROR: no such host');
};

/** The one alarm of a cell rings when it is due, and there is another if anything is left. */
async function ringWhenDue(stub: DurableObjectStub): Promise<void> {
  const at = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
  if (at === null) throw new Error('no alarm stands');
  if (at > Date.now() + MINUTE) throw new Error(`the alarm rings only in ${at - Date.now()} ms`);
  vi.setSystemTime(Math.max(at, Date.now()));
  await runDurableObjectAlarm(stub);
  // What the alarm only began, such as a delivery.
  await scheduler.wait(2);
}

/** Alarms ring for so long, or until all is well, and nobody sends a request. */
async function ringFor(ms: number, stub: DurableObjectStub, isOver: () => Promise<boolean> = async () => false): Promise<number> {
  const begun = Date.now();
  let rounds = 0;
  while (Date.now() < begun + ms && !(await isOver())) {
    await ringWhenDue(stub);
    rounds += 1;
  }
  return rounds;
}

const stubOf = (cell: string) => env.SESSIONS.getByName(cell);
const mailsTo = async (address: string): Promise<number> => (await readDevMailbox(env.DB)).filter(({ recipient }) => recipient === address).length;
const isRegistered = async (cell: string): Promise<boolean> =>
  (await env.DB.prepare('SELECT 1 FROM cell WHERE name = ?').bind(cell).first()) !== null;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('ten minutes without D1', () => {
  it('leave a session cell’s alarm at work, which then sends, enters, tells and removes all that was held up, with nobody asking', async () => {
    const cell = newCell();
    const user = await newOtpUser();
    const old = await sessionIn(cell);
    must(await end(old));
    await untilTold(old);
    await evict(cell);
    pass(DAY + SWEEP);
    const fresh = newCell();
    await rebind(fresh, { DEV_MAILBOX: 'true' });
    const login = await sessionIn(fresh, user);
    await cells.user(user.cell).load(user.id);

    const outage = instead(outOfReach);
    const young = await sessionIn(fresh);
    const codes = { ...walkWith().codes, lifetimeMs: 30 * MINUTE };
    must(await patch(login, sent, { codes }));
    must(await patch({ ...young, token: undefined }, { lifetimeMs: 60 * MINUTE }));
    const rounds = await ringFor(10 * MINUTE, stubOf(fresh));
    await ringFor(MINUTE, stubOf(cell));
    outage.mend();

    expect(rounds).toBeGreaterThan(30);
    expect([await isRegistered(fresh), await entryOf(young), await mailsTo(user.email)]).toEqual([false, undefined, 0]);
    expect((await objectsOf(cell)).length).toBe(1);
    await ringFor(3 * MINUTE, stubOf(fresh), async () => {
      const entries = await Promise.all([young, login].map(entryOf));
      return entries.every(Boolean) && (await isRegistered(fresh)) && (await mailsTo(user.email)) === 1;
    });
    await ringFor(MINUTE, stubOf(cell), async () => (await objectsOf(cell)).length === 0);
    expect([await isRegistered(fresh), await mailsTo(user.email)]).toEqual([true, 1]);
    for (const each of [young, login]) expect(await entryOf(each)).toMatchObject({ id: each.sessionId, ended: 0 });
    expect([await entryOf(old), await objectsOf(cell)]).toEqual([undefined, []]);
    await evict(fresh);
  });

  it('leave a user’s cell’s alarm at work, which then writes down who was stopped and enters the cell, with nobody asking', async () => {
    const user = await newUser();
    const outage = instead(outOfReach);
    must(await cells.user(user.cell).transit({ userId: user.id, seen: { state: user.state, epoch: user.epoch }, transition: 'lock' }));
    const stub = env.USERS.getByName(user.cell);
    expect(await ringFor(10 * MINUTE, stub)).toBeGreaterThan(60);
    outage.mend();
    const stateOf = async () => (await findUser(env.DB, { userId: user.id }))?.state;
    expect(await stateOf()).toBe('active');
    await ringFor(MINUTE, stub, async () => (await stateOf()) === 'locked' && (await isRegistered(user.cell)));
    expect([await stateOf(), await isRegistered(user.cell)]).toEqual(['locked', true]);
  });

  it('cost a PATCH with metadata, or with a password of a user whose cell is warm, nothing', async () => {
    const user = await newUser();
    const login = await sessionIn(newCell(), user);
    await cells.user(user.cell).load(user.id);
    const outage = instead(outOfReach);
    const outcomes = [outcome(await patch({ ...login, token: undefined }, { metadata: [['a', 'MQ==']] }))];
    outcomes.push(outcome(await patch({ ...login, token: undefined }, passwordCheck())));
    outage.mend();
    expect(outcomes).toEqual(['ok', 'ok']);
    await evict(login.sessionCell);
  });
});

describe('an alarm', () => {
  /** Has an alarm ring at which a write is refused by the disk. @returns whether it threw, and when the next is to ring */
  const ringOnFullDisk = (stub: DurableObjectStub<SessionCell | UserCell>) =>
    runInDurableObject(stub, async (instance, { storage }) => {
      const full = () => {
        throw new Error('database or disk is full: SQLITE_FULL');
      };
      const exec = storage.sql.exec.bind(storage.sql);
      const readOnly = ((query: string, ...values: unknown[]) => (/^\s*SELECT/.test(query) ? exec(query, ...values) : full())) as typeof exec;
      const broken = [vi.spyOn(storage.kv, 'put').mockImplementation(full), vi.spyOn(storage.sql, 'exec').mockImplementation(readOnly)];
      const threw = await instance.alarm().then(
        () => false,
        () => true,
      );
      for (const each of broken) each.mockRestore();
      return { threw, next: await storage.getAlarm() };
    });

  it('of either cell whose writes the disk refuses does not throw, and rings again soon', async () => {
    const user = await newUser();
    const login = await sessionIn(newCell());
    must(await cells.user(user.cell).transit({ userId: user.id, seen: { state: user.state, epoch: user.epoch }, transition: 'lock' }));
    for (const stub of [env.SESSIONS.getByName(login.sessionCell), env.USERS.getByName(user.cell)]) {
      const { threw, next } = await ringOnFullDisk(stub as unknown as DurableObjectStub<SessionCell | UserCell>);
      expect([threw, next !== null && next <= Date.now() + 20_000]).toEqual([false, true]);
    }
    await ringFor(MINUTE, env.USERS.getByName(user.cell), async () => (await findUser(env.DB, { userId: user.id }))?.state === 'locked');
    await ringFor(MINUTE, stubOf(login.sessionCell), async () => (await entryOf(login)) !== undefined);
    await evict(login.sessionCell);
  });

  it('while D1 hangs is over in seconds, and rings again soon', async () => {
    vi.useRealTimers();
    const login = await sessionIn(newCell());
    const outage = instead(() => new Promise<never>(() => {}));
    const next = await runInDurableObject(stubOf(login.sessionCell), async (instance, { storage }) => {
      await (instance as unknown as SessionCell).alarm();
      return storage.getAlarm();
    });
    outage.mend();
    expect(next).toBeLessThanOrEqual(Date.now() + 11_000);
    await untilTold(login);
    await evict(login.sessionCell);
  });
});
