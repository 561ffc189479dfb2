import { html } from 'hono/html';
import { type LetterParts, letterHtml } from './letter-html.ts';
import type { Message } from './message.ts';
import { oneLine } from './one-line.ts';
import { nearest, type Overrides } from './overrides.ts';
import { fill, type Values } from './placeholders.ts';
import { LANGUAGES, type MailWording } from './wording.ts';

/** A message in words, as every way of sending it takes them. */
export interface Letter {
  readonly subject: string;
  /** The whole of it as plain text. */
  readonly text: string;
  /** Undefined for an SMS, and where the operator's own wording has none. */
  readonly html: string | undefined;
  /** Its parts, for a receiver that lays it out itself. */
  readonly parts: LetterParts;
}

/** How messages are worded here: the operator's own wordings, and the domain that codes in an SMS are bound to. */
export interface Style {
  readonly overrides: Overrides;
  readonly smsDomain: string | undefined;
}

/** Puts a message into words; undefined when its kind has none for its channel. */
export function compose(message: Message, style: Style, now: number): Promise<Letter | undefined> {
  return message.channel === 'sms' ? composeSms(message, style, now) : composeMail(message, style, now);
}

async function composeSms(message: Message, style: Style, now: number): Promise<Letter | undefined> {
  const { kind, user } = message;
  const wording = nearest(user.preferredLanguage, (tag) => style.overrides[kind]?.[tag]?.sms ?? LANGUAGES[tag]?.sms[kind]);
  if (wording === undefined) return undefined;
  const values = valuesOf(message, style, now, wording.tag);
  const text = smsText(fill(wording.found, values), message, values);
  return { subject: '', text, html: undefined, parts: { ...blankOf(message, values, wording.tag), text } };
}

async function composeMail(message: Message, style: Style, now: number): Promise<Letter | undefined> {
  const { kind, user } = message;
  const nearby = nearest(user.preferredLanguage, (tag) => style.overrides[kind]?.[tag]?.email ?? LANGUAGES[tag]?.email[kind]);
  if (nearby === undefined) return undefined;
  const { tag, found: wording } = nearby;
  const values = valuesOf(message, style, now, tag);
  const blank = blankOf(message, values, tag);
  if ('button' in wording) return letterOf(wording, fill(LANGUAGES[tag]?.greeting ?? '', values), values, blank);
  const subject = subjectOf(wording.subject, values);
  const text = fill(wording.text, values);
  return { subject, text, html: wording.html && fill(wording.html, values, escaped), parts: { ...blank, title: subject, text } };
}

const blankOf = ({ code }: Message, { URL: url }: Values, language: string): LetterParts => ({
  language,
  title: '',
  greeting: '',
  text: '',
  code,
  url: url || undefined,
  button: '',
  footer: '',
});

async function letterOf(wording: MailWording, greeting: string, values: Values, blank: LetterParts): Promise<Letter> {
  const subject = subjectOf(wording.subject, values);
  const [text, button, footer] = [wording.text, wording.button, wording.footer].map((part) => fill(part, values)) as [string, string, string];
  const parts = { ...blank, title: subject, greeting, text, button, footer };
  const plain = [parts.greeting, parts.text, parts.code && `    ${parts.code}`, parts.url && `${button}: ${parts.url}`, `-- \n${footer}`];
  return { subject, text: `${plain.filter(Boolean).join('\n\n')}\n`, html: await letterHtml(parts), parts };
}

/** The last line lets a phone's browser fill the code in on its own domain only (WebOTP, "origin-bound one-time codes"). */
function smsText(text: string, { kind, code }: Message, { URL: url, Domain: domain }: Values): string {
  const lines = [text.trim(), kind === 'passwordReset' ? url : '', code !== '' && domain !== '' ? `\n@${domain} #${code}` : ''];
  return lines.filter(Boolean).join('\n');
}

function valuesOf(message: Message, { smsDomain }: Style, now: number, language: string): Values {
  const { user, code, sessionId } = message;
  const url = safeUrl(message.url);
  return {
    Code: code,
    OTP: code,
    DisplayName: user.displayName,
    LoginName: user.loginName,
    PreferredLoginName: user.loginName,
    PreferredLanguage: user.preferredLanguage,
    UserID: user.userId,
    OrgID: user.organizationId,
    SessionID: sessionId ?? '',
    URL: url,
    Domain: smsDomain ?? (url && new URL(url).hostname),
    Expiry: duration(message.expiresAt - now, language),
  };
}

/** An address that may be put under a button: a page, or an app's own scheme, but nothing that would run as a script; else nothing. */
function safeUrl(url = ''): string {
  const harmless = URL.canParse(url) && !/^(javascript|data|vbscript|blob|file):$/.test(new URL(url).protocol);
  return harmless ? url : '';
}

const MINUTE_MS = 60_000;

/** A time to come in whole minutes, hours or days, in the reader's language. */
function duration(ms: number, language: string): string {
  const minutes = Math.max(1, Math.ceil(ms / MINUTE_MS));
  const [value, unit] =
    minutes < 120 ? [minutes, 'minute'] : minutes < 2880 ? [Math.floor(minutes / 60), 'hour'] : [Math.floor(minutes / 1440), 'day'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}

const SUBJECT_MOST = 250;

const subjectOf = (wording: string, values: Values): string => oneLine(fill(wording, values)).slice(0, SUBJECT_MOST).toWellFormed();

const escaped = (value: string): string => String(html`${value}`);
