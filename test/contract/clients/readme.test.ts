import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { anOrganization, api, PASSWORD } from '../../support/api.ts';

const root = join(import.meta.dirname, '../../..');
const [, section = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('\n## Clients\n');
const snippets = [...(section.split('\n## ')[0] ?? '').matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code ?? '');

/** What a program of TypeScript writes, run by Node from where the packages are. */
async function run(code: string): Promise<string> {
  const env = { PATH: process.env.PATH, SALLYPORT_URL: inject('baseUrl'), ADMIN_TOKEN: inject('adminToken') };
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module-typescript', '-'], { cwd: root, env });
  child.stdin.end(code);
  const [written, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(complaint).toBe('');
  return written;
}

/** What the compiler has to say about programs. */
async function faultsIn(programs: readonly string[]): Promise<string> {
  mkdirSync(join(root, '.wrangler'), { recursive: true });
  const directory = mkdtempSync(join(root, '.wrangler/readme-'));
  try {
    for (const [nth, code] of programs.entries()) writeFileSync(join(directory, `snippet-${nth}.ts`), `${code}\nexport {};\n`);
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }));
    const checked = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', directory]);
    return await checked.then(
      () => '',
      ({ stdout }) => stdout,
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('the two programs of the README', () => {
  beforeAll(async () => {
    const { status } = await api().post('/v2/users/human', {
      organization: { orgId: await anOrganization() },
      username: 'mini@mouse.com',
      profile: { givenName: 'Minnie', familyName: 'Mouse' },
      email: { email: 'mini@mouse.com', isVerified: true },
      password: { password: PASSWORD },
    });
    // 409 where somebody has run `npm start` before.
    expect([201, 409]).toContain(status);
  });

  it('are there', () => {
    expect(snippets.map((code) => code.includes('@zitadel/client'))).toEqual([true, false]);
  });

  it.each(snippets.keys().toArray())('sign the demo user in, as they stand: %i', async (nth) => {
    const [sessionId = '', sessionToken] = (await run(snippets[nth] ?? '')).trim().split(' ');
    const { body } = await api(sessionToken).get(`/v2/sessions/${sessionId}`);
    expect(body.session.factors).toMatchObject({ user: { loginName: 'mini@mouse.com' }, password: { verifiedAt: expect.any(String) } });
  });

  it('have the right types', async () => {
    expect(await faultsIn(snippets)).toBe('');
  });
});
