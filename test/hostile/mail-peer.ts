import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Where mail is posted to. */
export interface MailPeer {
  /** The settings by which Sallyport sends there. */
  readonly settings: Readonly<Record<string, string>>;
  /** The sessions whose codes have come. */
  readonly received: ReadonlySet<string>;
  close(): void;
}

/** An HTTP server that takes every mail. */
export async function startMailPeer(): Promise<MailPeer> {
  const received = new Set<string>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.add(JSON.parse(Buffer.concat(chunks).toString()).args.sessionID);
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const settings = { EMAIL_PROVIDER: 'http', EMAIL_HTTP_URL: `http://127.0.0.1:${port}/`, EMAIL_HTTP_SIGNING_KEY: 'a signing key of no worth' };
  return { settings, received, close: () => server.close() };
}
