import { createServer, type IncomingMessage } from 'node:http';
import type { Peer } from './control.ts';
import { listen } from './listen.ts';

/** How an HTTP receiver is to be. */
export interface HttpPlan {
  /** A status for each request in turn, the last for all that follow; 'hang' never answers. */
  readonly answers: readonly (number | 'hang')[];
  /** Where its redirects lead. */
  readonly location?: string;
  /** Who may send by it, where it is to be like Twilio's API: those alone get the first answer, others 401. */
  readonly account?: { readonly sid: string; readonly token: string };
}

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A web server that a message is posted to. */
export async function httpReceiver({ answers, location, account }: HttpPlan): Promise<Peer<ReceivedRequest>> {
  const received: ReceivedRequest[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '' } = request;
    received.push({ method, path, headers: request.headers as Record<string, string>, body: await bodyOf(request) });
    const planned = answers[Math.min(received.length, answers.length) - 1];
    const answer = account === undefined || isOf(account, request) ? planned : 401;
    if (answer === 'hang' || answer === undefined) return;
    response.writeHead(answer, { ...(location && { location }), 'content-type': 'application/json' });
    response.end(JSON.stringify({ code: 21211, message: 'what the provider says is not repeated' }));
  });
  return { ...(await listen(server)), received: () => received };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function isOf({ sid, token }: { sid: string; token: string }, { headers, url }: IncomingMessage): boolean {
  const basic = `Basic ${Buffer.from(`${sid}:${token}`).toString('base64')}`;
  return headers.authorization === basic && url === `/2010-04-01/Accounts/${sid}/Messages.json`;
}
