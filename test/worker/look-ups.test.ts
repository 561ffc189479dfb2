import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { digest } from '../../src/crypto/digest.ts';
import { newPersonalAccessToken } from '../../src/crypto/tokens.ts';
import { app } from '../../src/http/app.ts';
import { newSession, newUser } from './world.ts';

/** A machine without any role, by its token. */
async function aCallerWithoutRoles(): Promise<string> {
  const [machine, token] = [await newUser({ kind: 'machine' }), newPersonalAccessToken()];
  await env.DB.prepare('INSERT INTO personal_access_token (id, user_id, digest, creation_date, expiration_date) VALUES (?1, ?2, ?3, 0, ?4)')
    .bind(crypto.randomUUID(), machine.id, await digest(token), Date.now() + 3_600_000)
    .run();
  return token;
}

it('a user is not looked up for a caller who may not, and a token that was just seen is not looked up again', async () => {
  const [bearer, user, login] = [await aCallerWithoutRoles(), await newUser(), await newSession()];
  let statements = 0;
  const DB = new Proxy(env.DB, {
    get: (target, name) => {
      if (name === 'prepare') statements += 1;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const name = async () => {
    const context = createExecutionContext();
    const body = JSON.stringify({ sessionToken: login.token, checks: { user: { userId: user.id } } });
    const url = `http://sallyport.test/v2beta/sessions/${login.sessionId}`;
    const request = new Request(url, { method: 'PATCH', headers: { authorization: `Bearer ${bearer}` }, body });
    const response = await app.fetch(request, { ...env, DB }, context);
    await waitOnExecutionContext(context);
    return response.status;
  };
  expect(await name()).toBe(403);
  expect(statements).toBe(1);
  expect(await name()).toBe(403);
  expect(statements).toBe(1);
});
