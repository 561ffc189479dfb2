import type { Letter } from './compose.ts';
import { type Delivery, sent } from './delivery.ts';
import type { Message } from './message.ts';

/** A message as a developer finds it. */
export interface DevMail {
  readonly id: string;
  readonly channel: string;
  readonly kind: string;
  readonly recipient: string;
  readonly subject: string;
  readonly text: string;
  readonly code: string;
  readonly url: string | null;
  readonly sentAt: number;
}

const KEPT = 100;

// Not part of schema.sql: no deployment but a developer's has it.
const TABLE = `CREATE TABLE IF NOT EXISTS dev_mailbox (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, kind TEXT NOT NULL, recipient TEXT NOT NULL,
  subject TEXT NOT NULL, text TEXT NOT NULL, code TEXT NOT NULL, url TEXT, sent_at INTEGER NOT NULL)`;

/** Puts a message where a developer finds it; the latest hundred are kept, and a repeat of one is the same one. */
export async function putIntoDevMailbox(db: D1Database, message: Message, letter: Letter, now: number): Promise<Delivery> {
  const { id, channel, kind, to, code } = message;
  await db.batch([
    db.prepare(TABLE),
    db
      .prepare(
        `INSERT INTO dev_mailbox (id, channel, kind, recipient, subject, text, code, url, sent_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
      )
      .bind(id, channel, kind, to, letter.subject, letter.text, code, letter.parts.url ?? null, now),
    db.prepare(`DELETE FROM dev_mailbox WHERE seq NOT IN (SELECT seq FROM dev_mailbox ORDER BY seq DESC LIMIT ${KEPT})`),
  ]);
  return sent;
}

/** What is in the mailbox, newest first. */
export async function readDevMailbox(db: D1Database): Promise<DevMail[]> {
  const [, read] = await db.batch<DevMail>([
    db.prepare(TABLE),
    db.prepare('SELECT id, channel, kind, recipient, subject, text, code, url, sent_at AS sentAt FROM dev_mailbox ORDER BY seq DESC'),
  ]);
  return read?.results ?? [];
}
