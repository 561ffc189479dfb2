import { createServer } from 'node:net';
import type { Peer } from './control.ts';
import { listen } from './listen.ts';

/**
 * A mail server that says what it was told to: its greeting, then one reply for each line that it hears, then nothing more;
 * behind a reply, CLOSE hangs up.
 */
export async function scriptedServer({ replies }: { readonly replies: readonly string[] }): Promise<Peer<string>> {
  const received: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let next = 0;
    let heard = '';
    const reply = () => {
      const text = replies[next++];
      if (text !== undefined) socket.write(text);
      if (replies[next] === 'CLOSE') socket.end();
    };
    reply();
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      // After a 354, all that comes is one line, up to the dot.
      for (;;) {
        const end = replies[next - 1]?.startsWith('354') ? '\r\n.\r\n' : '\r\n';
        const at = heard.indexOf(end);
        if (at < 0) return;
        received.push(heard.slice(0, at));
        heard = heard.slice(at + end.length);
        reply();
      }
    });
  });
  return { ...(await listen(server)), received: () => received };
}
