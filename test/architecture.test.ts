import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The arrows between the rooms, and no others. A room may always import from itself. `cells/` is open to the Worker only through its typed
 * stubs: what a cell says on the wire, where it is, and how a session's id names it.
 */
const ARROWS: Record<string, readonly string[]> = {
  'index.ts': ['http', 'cells'],
  'config.ts': ['core', 'crypto', 'notify', 'setting.ts', 'branding.ts'],
  'branding.ts': ['setting.ts'],
  'setting.ts': [],
  http: ['login-step', 'core', 'directory', 'crypto', 'notify', 'idp', 'stubs', 'config.ts', 'login'],
  // A client of the public API as any other is; `client.ts` is handed the way to it.
  login: ['crypto', 'config.ts', 'branding.ts'],
  'login-step': ['core', 'checks', 'crypto', 'directory', 'stubs'],
  checks: ['core', 'crypto'],
  cells: ['core', 'crypto', 'directory', 'notify', 'config.ts'],
  directory: ['core', 'crypto'],
  notify: ['core', 'crypto', 'setting.ts'],
  idp: ['core', 'crypto'],
  core: [],
  crypto: [],
  dev: [],
};
const STUBS = ['cells/stubs.ts', 'cells/session-protocol.ts', 'cells/user-protocol.ts', 'cells/placement.ts', 'cells/session-id.ts'];

/** What pure code must not reach for: it is handed the time, the chance and the world. */
const IMPURE = /\b(Date\.now|new Date\(\)|Math\.random|crypto\.|process\.|fetch\(|setTimeout|performance\.|console\.)/;

const root = join(import.meta.dirname, '..');
const files = globSync('src/**/*.{ts,tsx,mjs}', { cwd: root });
const roomOf = (file: string): string => file.replace(/^src\//, '').split('/')[0] ?? '';
const importsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier]) => specifier ?? '');

describe('the house', () => {
  it('has no room that the arrows do not name', () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !(room in ARROWS))).toEqual([]);
  });

  for (const file of files) {
    it(`${file} imports along the arrows only`, () => {
      const room = roomOf(file);
      const strays = importsOf(file)
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => normalize(join(dirname(file), specifier)).replace(/^src\//, ''))
        .filter((target) => roomOf(target) !== room)
        .filter((target) => !ARROWS[room]?.includes(roomOf(target)) && !(ARROWS[room]?.includes('stubs') && STUBS.includes(target)));
      expect(strays).toEqual([]);
    });
  }

  for (const file of files.filter((name) => roomOf(name) === 'core')) {
    it(`${file} imports no package and reaches for no clock, chance or world`, () => {
      expect(importsOf(file).filter((specifier) => !specifier.startsWith('.'))).toEqual([]);
      expect(readFileSync(join(root, file), 'utf8')).not.toMatch(IMPURE);
    });
  }

  it('has no drawer for odds and ends', () => {
    expect(files.filter((file) => /util|helper|common|misc/i.test(file))).toEqual([]);
  });
});
