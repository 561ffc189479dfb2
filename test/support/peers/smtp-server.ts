import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { Peer } from './control.ts';
import { listen } from './listen.ts';

const STEPS = { onConnect: 'connect', onAuth: 'auth', onMailFrom: 'mail', onRcptTo: 'rcpt', onData: 'data' } as const;
type Step = (typeof STEPS)[keyof typeof STEPS];

/** How a mail server is to be; whoever it authenticates is called `user`, with the password `s3cret`. */
export interface SmtpPlan {
  readonly auth?: readonly ('PLAIN' | 'LOGIN')[];
  readonly security?: 'none' | 'tls' | 'starttls';
  /** Its certificate: for localhost from the authority that is trusted, or from itself. */
  readonly certificate?: 'server' | 'stranger';
  readonly refuses?: { readonly at: Step; readonly code: number };
  readonly hangsAt?: Step;
  readonly dropsFirst?: boolean;
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly user: string | undefined;
  readonly secure: boolean;
  readonly mechanism: string | undefined;
}

/** Made once, with openssl, for a hundred years; the key of the authority (ca.pem) was thrown away. */
const fixture = (name: string): string => readFileSync(join(import.meta.dirname, '../../fixtures/tls', name), 'utf8');

/** A mail server of somebody else's making (npm smtp-server). */
export async function smtpServer(plan: SmtpPlan): Promise<Peer<ReceivedMail>> {
  const received: ReceivedMail[] = [];
  const mechanisms = new Map<string, string>();
  const { auth = [], security = 'none', certificate = 'server' } = plan;

  /** Refuses or hangs where the plan says so, and otherwise goes on. */
  const at = (step: Step, callback: (error?: Error | null) => void, goOn: () => void): void => {
    if (plan.refuses?.at === step) callback(Object.assign(new Error(`no: ${step}`), { responseCode: plan.refuses.code }));
    else if (plan.hangsAt !== step) goOn();
  };
  const options: SMTPServerOptions = {
    secure: security === 'tls',
    hideSTARTTLS: security !== 'starttls',
    key: fixture('server.key'),
    cert: fixture(`${certificate}.pem`),
    authMethods: [...auth],
    authOptional: auth.length === 0,
    allowInsecureAuth: security === 'none',
    disabledCommands: auth.length === 0 ? ['AUTH'] : [],
    disableReverseLookup: true,
    onConnect: (_, callback) => at('connect', callback, () => callback()),
    onAuth: (given, session, callback) =>
      at('auth', callback, () => {
        mechanisms.set(session.id, given.method);
        if (given.username === 'user' && given.password === 's3cret') callback(null, { user: given.username });
        else callback(Object.assign(new Error(`no such login: ${given.username} ${given.password}`), { responseCode: 535 }));
      }),
    onMailFrom: (_, __, callback) => at('mail', callback, () => callback()),
    onRcptTo: (_, __, callback) => at('rcpt', callback, () => callback()),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () =>
        at('data', callback, () => {
          const { mailFrom, rcptTo } = session.envelope;
          received.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            raw: Buffer.concat(chunks).toString('utf8'),
            user: session.user === undefined ? undefined : String(session.user),
            secure: session.secure,
            mechanism: mechanisms.get(session.id),
          });
          callback();
        }),
      );
    },
  };
  const server = new SMTPServer(options);
  server.on('error', () => undefined);
  const { port, close } = await listen(server.server);
  if (!plan.dropsFirst) return { port, close, received: () => received };
  const inFront = await listen(dropper(port));
  const closeBoth = () => {
    inFront.close();
    close();
  };
  return { port: inFront.port, close: closeBoth, received: () => received };
}

/** Drops the first connection and passes the others on. */
function dropper(port: number) {
  let connections = 0;
  return createServer((socket) => {
    socket.on('error', () => undefined);
    connections += 1;
    if (connections === 1) return socket.destroy();
    const onward = connect(port, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    return socket.pipe(onward).pipe(socket);
  });
}
