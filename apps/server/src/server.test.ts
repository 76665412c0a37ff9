import { freePort } from '@acmex/services';
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
    expect(text).toMatch(/^acmex_notifications\{tenant="default",state="dead"\} 0$/m);
  });

  it('serves all metrics at an address of their own, without a key, where that is configured', async () => {
    const place = `127.0.0.1:${await freePort()}`;
    await using server = await serving({
      toml: `[metrics]\nenabled = true\nlisten_addr = "${place}"\nprefix = "team"`,
    });
    const response = await fetch(`http://${place}/metrics`);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/^team_certs_managed\{tenant="default"\} 0$/m);
    expect(text).toMatch(/^team_storage_duration_seconds_count\{operation="get"\} [1-9]/m);
    await server[Symbol.asyncDispose]();
    await expect(fetch(`http://${place}/metrics`)).rejects.toThrow();
  });
});
