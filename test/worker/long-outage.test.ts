import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findUser } from '../../src/directory/users.ts';
import { withoutD1 } from './d1-fault.ts';
import { configure, newOtpUser, sent } from './otp-user.ts';
import { end, entryOf, newCell, objectsOf, sessionIn, stubOf } from './sessions-world.ts';
import { cells, must, newUser, patch } from './world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const MAIL = { EMAIL_PROVIDER: 'http', EMAIL_HTTP_URL: 'https://mail.example', EMAIL_HTTP_SIGNING_KEY: 'a signing key of this test' };

const alarmOf = (stub: DurableObjectStub) => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());

/** Lets the alarms of cells ring when they are due, and only then, until a moment. */
async function passUntil(moment: number, stubs: readonly DurableObjectStub[]): Promise<void> {
  for (;;) {
    const alarms = await Promise.all(stubs.map(alarmOf));
    const due = alarms.map((alarm) => alarm ?? Number.POSITIVE_INFINITY);
    if (Math.min(...due) > moment) break;
    vi.setSystemTime(Math.max(Math.min(...due), Date.now()));
    for (const [at, stub] of stubs.entries()) if (Number(due[at]) <= Date.now()) await runDurableObjectAlarm(stub);
  }
  vi.setSystemTime(moment);
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('an outage of D1 that takes ten minutes, and of the mail’s receiver that takes three', () => {
  it('leaves no alarm dead: register, index, mail, a user’s state and what has expired catch up by themselves', async () => {
    const [user, other, cell] = [await newOtpUser(), await newUser(), newCell()];
    const login = await sessionIn(cell, user);
    const ended = await sessionIn(cell);
    await configure({ sessionCell: cell }, MAIL);
    const received: string[] = [];
    let isDown = true;
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (_, init) => {
      if (isDown) throw new Error('down');
      received.push(String(init?.body));
      return new Response();
    });
    await cells.user(user.cell).load(user.id);
    const stubs = [stubOf(cell), ...[user, other].map((each) => env.USERS.getByName(each.cell))];
    await withoutD1(async () => {
      must(await patch(login, sent));
      must(await end(ended));
      must(await cells.user(other.cell).transit({ userId: other.id, seen: other, transition: 'lock' }));
      await passUntil(Date.now() + 3 * MINUTE_MS, stubs);
      isDown = false;
      await passUntil(Date.now() + 1.9 * MINUTE_MS, stubs);
      await vi.waitFor(() => expect(received).toHaveLength(1));
      await passUntil(Date.now() + 5.1 * MINUTE_MS, stubs);
      expect(await Promise.all(stubs.map(alarmOf))).not.toContain(null);
      await expect(findUser(env.DB, { userId: user.id })).rejects.toThrow('D1_ERROR');
    });
    await passUntil(Date.now() + MINUTE_MS, stubs);
    expect(await entryOf(login)).toMatchObject({ user_id: user.id, ended: 0 });
    expect(await entryOf(ended)).toMatchObject({ ended: 1 });
    expect(await findUser(env.DB, { userId: other.id })).toMatchObject({ state: 'locked' });
    const known = await env.DB.prepare('SELECT name FROM cell WHERE name IN (?, ?, ?)').bind(cell, user.cell, other.cell).run();
    expect(known.results).toHaveLength(3);
    await passUntil(Date.now() + 2 * DAY_MS, [stubOf(cell)]);
    expect((await objectsOf(cell)).map(({ id }) => id)).toEqual([login.sessionId]);
    expect(await entryOf(ended)).toBeUndefined();
    expect(received).toHaveLength(1);
  });
});
