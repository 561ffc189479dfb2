import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, Connection } from '../support/load.ts';
import { productionBundle } from '../support/production-bundle.ts';
import { Sallyport } from '../support/sallyport.ts';
import { secrets } from '../support/secrets.ts';

/** Of a Worker with nothing before it: the other tests' server would refuse some of these itself. */
describe('a request that is HTTP, and odd', () => {
  const CHUNKED = ['host: localhost', 'transfer-encoding: chunked'];
  let sallyport: Sallyport;

  beforeAll(async () => {
    sallyport = await Sallyport.start(productionBundle('odd-requests'), { DEADLINE_SECONDS: '1' });
  });

  afterAll(() => sallyport.worker.end());

  async function answerTo(head: readonly string[], body = ''): Promise<Answer> {
    const connection = await Connection.to(sallyport.worker.port);
    const answer = await connection.send([...head, `authorization: Bearer ${secrets.ADMIN_TOKEN}`, '', body].join('\r\n'));
    connection.close();
    return answer;
  }
  const refused = (told: string) => ({ status: 400, body: expect.stringContaining(told) });
  const POSTS = ['/v2/sessions', '/zitadel.session.v2.SessionService/CreateSession', '/idps/callback', '/login/name'];
  const posted = (path: string) => [`POST ${path} HTTP/1.1`, ...CHUNKED, 'content-type: application/json', 'origin: http://localhost'];

  it('is answered as any other when a body comes with a GET', async () => {
    const answers = { '/v2/settings': 200, '/login': 200, '/v2/users/nobody': 404, '/idps/callback?state=none': 400 };
    for (const [path, status] of Object.entries(answers))
      expect((await answerTo([`GET ${path} HTTP/1.1`, ...CHUNKED], '0\r\n\r\n')).status).toBe(status);
  });

  it('is its sender’s fault when its body breaks off', async () => {
    for (const path of POSTS) expect(await answerTo(posted(path), '2\r\n{}\r\nzz\r\n')).toMatchObject(refused('the body ends before its end'));
  });

  it('is not waited for beyond the deadline when its body never ends', async () => {
    const answers = await Promise.all(POSTS.map((path) => answerTo(posted(path), '2\r\n{}\r\n')));
    for (const answer of answers) expect(answer).toMatchObject(refused('the body did not come in time'));
  });

  it('is refused when it names a host that is none', async () => {
    for (const path of ['/login', '/docs', '/v2/settings'])
      expect(await answerTo([`GET ${path} HTTP/1.1`, 'host: a b'])).toMatchObject(refused('invalid Host'));
  });
});
