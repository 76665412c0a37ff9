import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateStore } from '@acmex/orchestrator';
import { fileStorage } from '@acmex/storage-file';
import { removeFolder } from '@acmex/services';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const run = async (...args: readonly string[]) =>
  await acmex([...args, '--storage', join(folder, 'data')], { env: { HOME: folder } });

it('shows what is due by its urgency and CA, and what fails with its problem, which replay makes due', async () => {
  await expect(run('queue')).resolves.toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('nothing is due'),
  });
  await using storage = fileStorage({ path: join(folder, 'data') });
  const store = new CertificateStore({ storage });
  await store.add({ names: ['due.test'], issuer: 'letsencrypt', keyType: 'ec-p256' });
  const { id } = await store.add({
    names: ['fails.test'],
    issuer: 'letsencrypt',
    keyType: 'ec-p256',
  });
  await store.change(id, (summary) => ({
    ...summary,
    failure: {
      code: 'ERR_ACME_CAA',
      message: 'CAA\u001b[2J forbids it',
      at: '2026-01-01T00:00:00Z',
      failures: 3,
      retryAt: '2999-01-01T00:00:00Z',
    },
  }));
  const { stdout } = await run('queue');
  expect(stdout).toMatch(/^priority +issuer +count +oldest\nhigh +letsencrypt +1 /);
  expect(stdout).toContain(`${id}  CAA\\u{1b}[2J forbids it`);
  const { due, failing } = JSON.parse((await run('queue', '-o', 'json')).stdout) as {
    readonly due: readonly object[];
    readonly failing: readonly object[];
  };
  expect([due, failing]).toEqual([
    [expect.objectContaining({ priority: 'high', count: 1 })],
    [
      expect.objectContaining({
        certificate: id,
        failure: expect.objectContaining({ failures: 3 }),
      }),
    ],
  ]);
  await expect(run('queue', 'replay', 'due.test')).resolves.toMatchObject({
    code: 0,
    stdout: 'nothing fails\n',
  });
  await expect(run('queue', 'replay')).resolves.toMatchObject({
    code: 0,
    stdout: `due now: ${id}\n`,
  });
  expect(Date.parse((await store.get(id)).failure?.retryAt ?? '')).toBeLessThan(
    Date.parse('2990-01-01'),
  );
  await expect(run('queue', 'replay', 'unknown.test')).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('unknown.test'),
  });
});

it('shows what waits for a limit of its CA apart from what fails, and status counts it as well', async () => {
  await using storage = fileStorage({ path: join(folder, 'data') });
  const store = new CertificateStore({ storage });
  const { id } = await store.add({
    names: ['waits.test'],
    issuer: 'letsencrypt',
    keyType: 'ec-p256',
  });
  await store.change(id, (summary) => ({
    ...summary,
    failure: {
      code: 'ERR_ORCHESTRATOR_BUDGET',
      message: 'the issuer letsencrypt allows 50 certificates for waits.test in 7 days',
      at: '2026-01-01T00:00:00Z',
      failures: 0,
      retryAt: '2999-01-01T00:00:00Z',
    },
  }));
  const status = await run('status');
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/^ACMEX OK - 0 critical, 0 warning, 1 ok\n/);
  expect(status.stdout).toMatch(/ waiting +waits\.test +waits until 2999-01-01T00:00:00Z\n$/);
  const { stdout } = await run('queue');
  expect(stdout).toMatch(/^waiting:\nid +until +code +names\n/);
  expect(stdout).toContain(`${id}  the issuer letsencrypt allows 50 certificates`);
  const { waiting, failing } = JSON.parse((await run('queue', '-o', 'json')).stdout) as {
    readonly waiting: readonly object[];
    readonly failing: readonly object[];
  };
  expect([waiting, failing]).toEqual([
    [expect.objectContaining({ certificate: id, until: '2999-01-01T00:00:00Z' })],
    [],
  ]);
  const certificate = (await run('cert', 'show', 'waits.test')).stdout;
  expect(certificate).toMatch(/^state +waiting$/m);
  expect(certificate).toMatch(/^waits +the issuer letsencrypt allows/m);
  expect(certificate).not.toMatch(/^failed/m);
});
