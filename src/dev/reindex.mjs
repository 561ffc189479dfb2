// `npm run reindex [-- URL]`: has a deployment's search index made true again: every cell tells it of its sessions anew, and what no cell keeps
// is taken out. Without a URL, the one of `npm start`. ADMIN_TOKEN is taken from the environment, or else from .dev.vars.
// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { adminTokenOf } from './admin-token.mjs';

const address = process.argv[2] ?? process.env.BASE_URL ?? 'http://127.0.0.1:8787';
const written = existsSync('.dev.vars') ? adminTokenOf(readFileSync('.dev.vars', 'utf8')) : '';
const token = process.env.ADMIN_TOKEN?.split(',')[0]?.trim() ?? written;

const total = { cells: 0, looked: 0, removed: 0 };
/** @type {string | undefined} */
let after = '';
while (after !== undefined) {
  const part = await goOn(after);
  for (const name of /** @type {const} */ (['cells', 'looked', 'removed'])) total[name] += part[name] ?? 0;
  after = part.next;
}
console.log(
  `${total.cells} cells tell the index of their sessions anew; of ${total.looked} entries ${total.removed} were of sessions that are gone.`,
);

/**
 * @param {string} last
 * @returns {Promise<{ cells?: number, looked?: number, removed?: number, next?: string }>}
 */
async function goOn(last) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(new URL('/reindex', address), { method: 'POST', headers, body: JSON.stringify({ after: last }) });
  const answer = await response.json();
  if (response.ok) return answer;
  console.error(`${address} answers ${response.status}: ${answer.message}`);
  process.exit(1);
}
