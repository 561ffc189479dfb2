import { describe, inject, it } from 'vitest';
import { connectJson, jsonClient, rest } from './json-client.ts';
import { wholeLogin } from './whole-login.ts';

describe.each(['v2', 'v2beta'] as const)('plain fetch: %s', (version) => {
  it.each([
    ['REST', rest],
    ['Connect in JSON without its header', connectJson],
  ])('enrols somebody and signs them in, step by step: %s', (_, road) =>
    wholeLogin(jsonClient(road(inject('baseUrl'), inject('adminToken'), version))),
  );
});
