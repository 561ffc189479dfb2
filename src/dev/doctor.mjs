// `npm run doctor [-- URL]`: looks a deployment over: its bindings, secrets and the ages of its keys. Without a URL, the one of `npm start`.
// ADMIN_TOKEN is taken from the environment, or else from .dev.vars.
// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { adminTokenOf } from './admin-token.mjs';

const address = process.argv[2] ?? process.env.BASE_URL ?? 'http://127.0.0.1:8787';
const written = existsSync('.dev.vars') ? adminTokenOf(readFileSync('.dev.vars', 'utf8')) : '';
const token = process.env.ADMIN_TOKEN?.split(',')[0]?.trim() ?? written;
const MARKS = { ok: 'ok     ', warning: 'warning', problem: 'PROBLEM' };

process.exitCode = await look();

async function look() {
  try {
    const response = await fetch(new URL('/doctor', address), { headers: { authorization: `Bearer ${token}` } });
    const answer = await response.json();
    if (!response.ok) return complain(`${address} answers ${response.status}: ${answer.message}`);
    /** @type {{ subject: string, level: 'ok' | 'warning' | 'problem', detail: string }[]} */
    const findings = answer.findings;
    for (const { subject, level, detail } of findings) console.log(`${MARKS[level]}  ${subject.padEnd(16)}  ${detail}`);
    return findings.some(({ level }) => level === 'problem') ? 1 : 0;
  } catch (error) {
    return complain(`${address} does not answer: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {string} message */
function complain(message) {
  console.error(`${MARKS.problem}  ${message}`);
  return 1;
}
