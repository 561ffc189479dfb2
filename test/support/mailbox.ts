import { expect } from 'vitest';
import { api, newUser, PASSWORD } from './api.ts';
import { createFor, password, seconds, set } from './login.ts';

export interface Mail {
  readonly id: string;
  readonly channel: string;
  readonly kind: string;
  readonly recipient: string;
  readonly text: string;
  readonly code: string;
  readonly url: string | null;
}

/** What was sent to an address, newest first. */
export async function mailTo(address: string): Promise<Mail[]> {
  const { body } = await api('').get(`/dev/mailbox?to=${encodeURIComponent(address)}`, undefined, { accept: 'application/json' });
  return body.messages;
}

/** The newest of the messages to an address, once there are so many: they are delivered after the answer. */
export async function nextMail(address: string, count = 1): Promise<Mail> {
  for (let tries = 0; tries < 100; tries += 1) {
    const mails = await mailTo(address);
    expect(mails.length).toBeLessThanOrEqual(count);
    if (mails.length === count) return mails[0] as Mail;
    await seconds(0.1);
  }
  throw new Error('no message came');
}

/** A code that is not this one, and differs with `nth`. */
export const otherThan = (code: string, nth = 0): string => {
  const [first = 'A'] = code;
  return `${first === 'A' ? 'B' : 'A'}${String(nth).padStart(5, '0')}`;
};

/** A person who calls with a session token of their own, and holds no role. */
export async function personWithBearer(overrides: Record<string, unknown> = {}) {
  const user = await newUser(overrides);
  const login = await createFor(user.userId);
  expect((await set(login, password(PASSWORD))).status).toBe(200);
  return { ...user, bearer: login.token };
}
