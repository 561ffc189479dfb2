import fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import type { Letter } from '../../src/notify/compose.ts';
import { mimeOf } from '../../src/notify/mime.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const PARTS = { language: 'en', title: '', greeting: '', text: '', code: '', url: undefined, button: '', footer: '' };
const letter = (changes: Partial<Letter> = {}): Letter => ({ subject: 'A subject', text: 'A text', html: '<p>A page</p>', parts: PARTS, ...changes });
const written = (changes: Partial<Letter> = {}, name = 'Acme', id = 'id-1') =>
  mimeOf(letter(changes), { id, from: { address: 'login@acme.com', name }, to: 'mini@mouse.com', now: NOW });

/** Anything at all: every plane of Unicode, and what would end a header or begin another one. */
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(
      fc.constantFrom('\r\n', '\n', '\r', 'Bcc: all@mouse.com', ': ', '\r\n\r\n', '.', '=?utf-8?B?', '?=', 'ü', '😀', '\0', '"', '<', '>', ' '),
      {
        maxLength: 60,
      },
    )
    .map((pieces) => pieces.join('')),
);
const HEADERS = ['date', 'from', 'to', 'subject', 'message-id', 'auto-submitted', 'mime-version', 'content-type'];
const visible = (text: string) =>
  text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim();

describe('a mail as it is written', () => {
  it('has its headers and no others, whatever its subject, sender and id hold', async () => {
    await fc.assert(
      fc.asyncProperty(anything, anything, anything, async (subject, name, id) => {
        const { headers, ...read } = await PostalMime.parse(written({ subject }, name, id));
        expect(headers.map(({ key }) => key)).toEqual(HEADERS);
        expect(read.to).toEqual([{ name: '', address: 'mini@mouse.com' }]);
        expect(read.from?.address).toBe('login@acme.com');
        expect(read.text?.trimEnd()).toBe('A text');
      }),
      { numRuns: 300 },
    );
  });

  it('says its subject and its sender as they are, in any script, on one line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), async (text) => {
        const { subject, from } = await PostalMime.parse(written({ subject: text }, text));
        expect([visible(subject ?? ''), visible(from?.name ?? '')]).toEqual([visible(text), visible(text)]);
      }),
      { numRuns: 300 },
    );
  });

  it('says both bodies as they are', async () => {
    await fc.assert(
      fc.asyncProperty(anything, anything, async (text, html) => {
        const read = await PostalMime.parse(written({ text: `.${text}.`, html: `.${html}.` }));
        const lines = (body = '') => body.toWellFormed().replaceAll('\r\n', '\n').trimEnd();
        expect([lines(read.text), lines(read.html)]).toEqual([lines(`.${text}.`), lines(`.${html}.`)]);
      }),
      { numRuns: 300 },
    );
  });

  it('has lines that every server takes: ASCII, at most 78 characters, none that begins with a dot', () => {
    fc.assert(
      fc.property(anything, anything, (subject, name) => {
        for (const line of written({ subject, text: subject }, name).split('\r\n')) expect(line).toMatch(/^(?!\.)[\x20-\x7e]{0,78}$/);
      }),
    );
  });

  it('is plain text alone where there is no page', async () => {
    const { text, html, headers } = await PostalMime.parse(written({ html: undefined }));
    expect([text?.trimEnd(), html]).toEqual(['A text', undefined]);
    expect(headers.find(({ key }) => key === 'content-type')?.value).toBe('text/plain; charset=utf-8');
  });
});
