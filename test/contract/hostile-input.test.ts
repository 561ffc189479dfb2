import { expect, inject, it } from 'vitest';
import { tryInput } from '../hostile/input.ts';
import { newUser } from '../support/api.ts';
import { createFor } from '../support/login.ts';

const SEED = Number(process.env.INPUT_SEED ?? 20261127);
const REQUESTS = 1500;
const MOST_MS = 300_000;

/** What is sent is no HTTP that `fetch` would send, and goes to this machine alone. */
const { hostname, port } = new URL(inject('baseUrl'));
const isHere = ['127.0.0.1', 'localhost'].includes(hostname);

it.runIf(isHere)(
  `no input is answered by a defect, a stack, itself, or nothing (INPUT_SEED=${SEED})`,
  async () => {
    const { userId } = await newUser();
    const ids = { userId, sessionId: (await createFor(userId)).id };
    const target = { port: Number(port), adminToken: inject('adminToken'), ids };
    const { figures, faults } = await tryInput(target, REQUESTS, SEED);
    expect(faults, figures).toEqual([]);
  },
  MOST_MS,
);
