import { toBase64, utf8 } from '../crypto/base64.ts';
import type { Letter } from './compose.ts';
import { oneLine } from './one-line.ts';
import type { Sender } from './settings.ts';

/** What a mail needs beside its words. */
export interface Envelope {
  readonly id: string;
  readonly from: Sender;
  readonly to: string;
  readonly now: number;
}

/** A letter as an Internet message (RFC 5322, MIME). The same message has the same Message-ID over all tries, so that a repeat can be told. */
export function mimeOf(letter: Letter, { id, from, to, now }: Envelope): string {
  const boundary = `=_${crypto.randomUUID()}`;
  const headers = [
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `From: ${encodedWords(from.name)}\r\n <${oneLine(from.address)}>`,
    `To: <${oneLine(to)}>`,
    `Subject: ${encodedWords(letter.subject)}`,
    `Message-ID: ${messageId(id, from)}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
  ];
  if (letter.html === undefined) return [...headers, ...part('plain', letter.text)].join('\r\n');
  return [
    ...headers,
    `Content-Type: multipart/alternative;\r\n boundary="${boundary}"`,
    '',
    `--${boundary}`,
    ...part('plain', letter.text),
    `--${boundary}`,
    ...part('html', letter.html),
    `--${boundary}--`,
    '',
  ].join('\r\n');
}

/** An id that may hold anything, in letters that a Message-ID may hold. */
const messageId = (id: string, from: Sender): string =>
  `<${encodeURIComponent(id.toWellFormed()).replaceAll(/[^\w.%-]/g, '_')}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`;

const part = (type: 'plain' | 'html', content: string): string[] => [
  `Content-Type: text/${type}; charset=utf-8`,
  'Content-Transfer-Encoding: base64',
  '',
  ...(toBase64(utf8(content)).match(/.{1,76}/g) ?? []),
  '',
];

/** In base64, with what is around it and the longest name of a header, no more than a line holds. */
const WORD_BYTES = 39;

/** A header's text in encoded words (RFC 2047) of at most 75 characters, folded; no character is cut in two. */
function encodedWords(text: string): string {
  const words = [''];
  for (const character of oneLine(text)) {
    const word = `${words.at(-1)}${character}`;
    if (utf8(word).byteLength > WORD_BYTES) words.push(character);
    else words[words.length - 1] = word;
  }
  return words.map((word) => `=?utf-8?B?${toBase64(utf8(word))}?=`).join('\r\n ');
}
