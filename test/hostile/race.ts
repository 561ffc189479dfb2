import { Connection } from '../support/load.ts';
import { type Login, patch, read, type Sallyport } from '../support/sallyport.ts';
import { type Entry, faultsIn, type Look, type Success } from './linearizable.ts';
import type { Report } from './report.ts';

const CLIENTS = 32;
const REQUESTS_EACH = 3;
const PAUSE_MOST_MS = 4;

/**
 * Histories of one session each, under clients who send the newest token that they know, or one before, with pauses, and often twice under one
 * Idempotency-Key. Each history has to be one that a session could have which takes its requests one after the other: a token is good until it is used, once;
 * a repeat is told what its first was told.
 */
export async function race(sallyport: Sallyport, histories: number): Promise<Report> {
  const found = { requests: 0, changes: 0, repeats: 0 };
  const faults: string[] = [];
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.to(sallyport.worker.port)));
  for (let n = 0; n < histories; n += 1) {
    const [login] = await sallyport.sessions([{}]);
    if (login === undefined) throw new Error('no session');
    const first = login.token;
    const { entries, looks } = await history(login, connections);
    found.requests += entries.length + looks.length;
    found.changes += new Set(entries.flatMap(({ outcome }) => (outcome === 'refused' ? [] : [outcome.token]))).size;
    found.repeats += entries.length - new Set(entries.map(({ key }) => key)).size;
    faults.push(...faultsIn(first, entries, looks));
  }
  for (const connection of connections) connection.close();
  return {
    figures: `${histories} histories of one session under ${CLIENTS} clients: ${found.requests} requests, ${found.changes} changes, ${found.repeats} repeats, each history in an order`,
    faults,
  };
}

async function history(login: Login, connections: readonly Connection[]): Promise<{ entries: Entry[]; looks: Look[] }> {
  const entries: Entry[] = [];
  const looks: Look[] = [];
  const tokens = [login.token];
  const turn = async (connection: Connection, key: string) => {
    const presented = tokens[Math.max(0, tokens.length - 1 - Math.floor(Math.random() * 1.3))] ?? login.token;
    const entry = await attempt(connection, { id: login.id, token: presented }, key);
    entries.push(entry);
    if (entry.outcome !== 'refused') tokens.push(entry.outcome.token);
    if (Math.random() < 0.3) entries.push(await attempt(connection, { id: login.id, token: presented }, key));
    if (Math.random() < 0.2) looks.push(await look(login, connection));
  };
  const client = async (connection: Connection, number: number) => {
    for (let n = 0; n < REQUESTS_EACH; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MOST_MS));
      await turn(connection, `${number}-${n}`);
    }
  };
  await Promise.all(connections.map(client));
  return { entries, looks };
}

async function attempt(connection: Connection, login: Login, key: string): Promise<Entry> {
  const body = { metadata: { by: Buffer.from(key).toString('base64') } };
  const sentAt = performance.now();
  const { status, body: text } = await connection.send(patch(login, body, { 'idempotency-key': key }));
  const answeredAt = performance.now();
  if (status !== 200 && status !== 403) throw new Error(`refused: ${status} ${text}`);
  return { sentAt, answeredAt, presented: login.token, key, outcome: status === 403 ? 'refused' : successOf(text) };
}

async function look(login: Login, connection: Connection): Promise<Look> {
  const sentAt = performance.now();
  const { body } = await connection.send(read(login));
  return { sentAt, answeredAt: performance.now(), sequence: Number(JSON.parse(body).session.sequence) };
}

function successOf(text: string): Success {
  const { sessionToken: token, details } = JSON.parse(text);
  return { token, sequence: Number(details.sequence) };
}
