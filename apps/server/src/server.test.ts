import { describe, expect, it } from '@jest/globals';
import { serving } from './serving.testing.ts';

describe('a server', () => {
  it('starts with nothing configured, makes a first key into a file of its owner, and says how it is', async () => {
    await using server = await serving();
    expect(server.key).toMatch(/^ak_default\./);
    await expect(server.call('GET', '/health', { key: '' })).resolves.toMatchObject({
      status: 200,
      body: { status: 'healthy' },
    });
    await expect(server.call('GET', '/api/certificates')).resolves.toMatchObject({
      status: 200,
      body: { items: [] },
    });
    await expect(server.call('GET', '/api/certificates', { key: '' })).resolves.toMatchObject({
      status: 401,
    });
  });

  it('shows its metrics to a key that may read them', async () => {
    await using server = await serving();
    const { status, text } = await server.call('GET', '/metrics');
    expect(status).toBe(200);
    expect(text).toMatch(/^acmex_job_lag_seconds \d/m);
  });
});
