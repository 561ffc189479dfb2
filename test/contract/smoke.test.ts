import { expect, it } from 'vitest';
import { api } from '../support/api.ts';

it('serves', async () => {
  expect((await api().post('/v2/sessions', {})).status).toBe(201);
});
