import { describe, expect, it } from 'vitest';
import { eagerCode } from '../bench/eager-code.ts';

describe('what a cold start loads', () => {
  it('is at most 250 kB, gzipped, and nothing of the runtime but what is there anyway', async () => {
    const { gzippedBytes, externals } = await eagerCode();
    expect(gzippedBytes).toBeLessThanOrEqual(250_000);
    expect(externals).toEqual(['cloudflare:workers']);
  });
});
