import { chmod } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import { exposedCredentials, readConfig } from './index.ts';

const text = [
  '[server]',
  'api_keys = ["a-key-that-is-in-the-file-itself-0001", { env = "KEY" }, "${KEY}"]',
  '[storage]',
  'url = "redis://:canary@127.0.0.1:6379"',
].join('\n');

it('reports credentials in a configuration that other users can read, without their values: L2', async () => {
  await using folder = await configFolder(text, { environment: { KEY: 'k'.repeat(40) } });
  const config = await readConfig(folder.options);
  const file = config.file ?? '';
  await chmod(file, 0o644);
  const faults = await exposedCredentials(config);
  expect(faults).toMatchObject([
    { key: 'storage.url', origin: { line: 4 } },
    { key: 'server.api_keys[0]', origin: { line: 2 }, cure: expect.stringContaining('chmod 6') },
  ]);
  expect(JSON.stringify(faults)).not.toMatch(/canary|in-the-file-itself/);
  await chmod(file, 0o600);
  await expect(exposedCredentials(config)).resolves.toEqual([]);
});

it('reports no exposed credential where the file has none', async () => {
  await using folder = await configFolder('[server]\napi_keys = [{ env = "KEY" }]');
  const config = await readConfig(folder.options);
  await chmod(config.file ?? '', 0o644);
  await expect(exposedCredentials(config)).resolves.toEqual([]);
});
