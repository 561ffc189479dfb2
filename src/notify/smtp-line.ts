import { connect } from 'cloudflare:sockets';
import { utf8 } from '../crypto/base64.ts';
import type { Relay } from './settings.ts';

/** The server said something else than what the step needs. */
export class UnexpectedReply extends Error {
  constructor(
    readonly code: number,
    readonly step: string,
  ) {
    super(`SMTP ${code} at ${step}`);
  }
}

const LINE_MOST = 64 * 1024;
const LINES_MOST = 200;

/** A connection on which one line is said, and one reply heard (RFC 5321). It can be closed at any moment; every wait then ends with a throw. */
export class SmtpLine {
  #socket: Socket;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #decoder = new TextDecoder();
  #heard = '';

  constructor({ host, port, security }: Relay) {
    const secureTransport = ({ tls: 'on', starttls: 'starttls', none: 'off' } as const)[security];
    this.#socket = connect({ hostname: host, port }, { secureTransport, allowHalfOpen: false });
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
    // Whoever waits on the streams hears of the end; these two would only be reported as unhandled.
    this.#socket.opened.catch(() => undefined);
    this.#socket.closed.catch(() => undefined);
  }

  /** Hears a reply. @throws UnexpectedReply when its code does not begin with the digit that is expected (RFC 5321 section 4.3.2) */
  async hear(step: string, digit: 2 | 3): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.#line();
      const [, digits = '', more, text = ''] = /^(\d{3})([ -]?)(.*)$/.exec(line) ?? [];
      if (digits === '') throw new Error('not SMTP');
      lines.push(text);
      if (lines.length > LINES_MOST) throw new Error('too much');
      if (more === '-') continue;
      if (!digits.startsWith(String(digit))) throw new UnexpectedReply(Number(digits), step);
      return lines;
    }
  }

  /** Says a command and hears the reply, as `hear` does. */
  async say(step: string, command: string, digit: 2 | 3): Promise<string[]> {
    await this.write(`${command}\r\n`);
    return this.hear(step, digit);
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(utf8(text));
  }

  /** Goes on encrypted; the certificate has to be for the name that was connected to. What was heard beyond the server's consent came from somebody in between. */
  startTls(): void {
    if (this.#heard !== '') throw new Error('more than a reply');
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    this.#socket = this.#socket.startTls();
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
    this.#socket.opened.catch(() => undefined);
    this.#socket.closed.catch(() => undefined);
  }

  close(): void {
    this.#socket.close().catch(() => undefined);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#heard.indexOf('\n');
      if (end >= 0) {
        const line = this.#heard.slice(0, end).trimEnd();
        this.#heard = this.#heard.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error('closed');
      this.#heard += this.#decoder.decode(value, { stream: true });
      if (this.#heard.length > LINE_MOST) throw new Error('too much');
    }
  }
}
