import fc from 'fast-check';
import { describe, expect, inject, it } from 'vitest';
import { type Answer, anOrganization, api, newUser } from '../support/api.ts';
import { type Document, requestsOf, routesOf, type Sent } from '../support/described-requests.ts';
import { create } from '../support/login.ts';

const SEED = Number(process.env.FUZZ_SEED ?? 20261126);
const RUNS = Number(process.env.FUZZ_RUNS ?? 8);

const document: Document = await (await fetch(new URL('/openapi.json', inject('baseUrl')))).json();

/** Ids of things that this test made itself, and of things that nobody made. */
const ids = async (): Promise<Record<string, string>> => ({
  userId: (await newUser()).userId,
  sessionId: (await create()).id,
  orgId: await anOrganization(),
});

/** `api` holds each answer against the document, and throws where it is none that the document tells of. */
const send = (verb: string, { path, body }: Sent): Promise<Answer> => api()[verb as 'get'](path, body, { 'x-zitadel-orgid': '' });

describe(`a client that knows the document alone (FUZZ_SEED=${SEED}, FUZZ_RUNS=${RUNS})`, () => {
  it.each(routesOf(document))('finds no answer outside it: %s %s', async (verb, path, operation) => {
    const known = await ids();
    for (const breaking of [false, true]) {
      const sent = fc.asyncProperty(requestsOf(path, operation, known, breaking), async (request) => {
        const { status } = await send(verb, request);
        expect(status).toBeLessThan(500);
      });
      await fc.assert(sent, { numRuns: RUNS, seed: SEED, endOnFailure: true });
    }
  });
});
