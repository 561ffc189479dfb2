import { env, exports } from 'cloudflare:workers';
import { expect, it } from 'vitest';

it('serves', async () => {
  const r = await exports.default.fetch('http://x/ready');
  expect(await r.json()).toEqual({ status: 'ready' });
  const c = await exports.default.fetch('http://x/v2/sessions', { method: 'POST', headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` } });
  expect(c.status).toBe(201);
});
