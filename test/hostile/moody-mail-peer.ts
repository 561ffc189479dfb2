import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `down` refuses connections, `silent` never answers, `failing` answers 500. */
export const MOODS = ['down', 'silent', 'failing', 'up'] as const;
export type Mood = (typeof MOODS)[number];

/** Where mail is posted to, and what is done with it. */
export class MoodyMailPeer {
  /** The sessions whose codes have come, as often as they did. */
  readonly received: string[] = [];
  #mood: Mood = 'up';
  #port = 0;
  #server = this.#newServer();

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** The settings by which Sallyport sends there. */
  get settings(): Readonly<Record<string, string>> {
    const url = `http://127.0.0.1:${this.#port}/`;
    return { EMAIL_PROVIDER: 'http', EMAIL_HTTP_URL: url, EMAIL_HTTP_SIGNING_KEY: 'a signing key of no worth', DELIVERY_DEADLINE_SECONDS: '2' };
  }

  async become(mood: Mood): Promise<void> {
    const before = this.#mood;
    this.#mood = mood;
    if (mood === 'down') this.close();
    if (mood === 'down' || before !== 'down') return;
    this.#server = this.#newServer();
    await this.start();
  }

  close(): void {
    this.#server.close().closeAllConnections();
  }

  #newServer() {
    return createServer((request, response) => void this.#take(request, response).catch(() => response.destroy()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.#mood === 'silent') return;
    if (this.#mood === 'up') this.received.push(JSON.parse(Buffer.concat(chunks).toString()).args.sessionID);
    response.writeHead(this.#mood === 'up' ? 200 : 500).end('{}');
  }
}
