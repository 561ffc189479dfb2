import { sweepRegistrations } from '../directory/credentials.ts';
import { sweepIntents } from '../directory/intents.ts';
import type { Env } from './exchange.ts';

/** What is done from time to time, asked for or not: what has expired in the directory is removed. */
export async function scheduled(_: ScheduledController, { DB: db }: Env['Bindings']): Promise<void> {
  const now = Date.now();
  await sweepIntents(db, now);
  await sweepRegistrations(db, now);
}
