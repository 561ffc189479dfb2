import { createServer, type IncomingMessage } from 'node:http';
import type { TestProject } from 'vitest/node';
import { type HttpPlan, httpReceiver } from './http-receiver.ts';
import { listen } from './listen.ts';
import { scriptedServer } from './scripted-server.ts';
import { type SmtpPlan, smtpServer } from './smtp-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    peersUrl: string;
  }
}

/** Somebody on this machine to whom messages are sent. */
export interface Peer<Received> {
  readonly port: number;
  readonly close: () => void;
  readonly received: () => readonly Received[];
}

const makers: Record<string, (plan: never) => Promise<Peer<unknown>>> = {
  smtp: (plan: SmtpPlan) => smtpServer(plan),
  script: (plan: { replies: string[] }) => scriptedServer(plan),
  http: (plan: HttpPlan) => httpReceiver(plan),
};

/** Tests run inside workerd, peers outside: POST /{kind} with a plan makes one and tells its port, GET /{port} what it received. They end with the run. */
export default async function controlPeers(project: TestProject): Promise<() => void> {
  const peers = new Map<number, Peer<unknown>>();
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const name = request.url?.slice(1) ?? '';
    if (request.method === 'GET') return peers.get(Number(name))?.received();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const peer = await makers[name]?.(JSON.parse(Buffer.concat(chunks).toString('utf8')) as never);
    if (peer) peers.set(peer.port, peer);
    return peer?.port;
  };
  const control = createServer((request, response) => {
    answer(request).then(
      (body) => response.end(JSON.stringify(body ?? null)),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  const { port, close } = await listen(control);
  project.provide('peersUrl', `http://127.0.0.1:${port}`);
  return () => {
    for (const peer of peers.values()) peer.close();
    close();
  };
}
