import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDevelopmentAuthority, loadAuthority, noLimits, saveAuthority } from '@acmex/ca';
import { serveAcme } from '@acmex/ca/node';
import { scaledClock, systemClock } from '@acmex/clock';
import { eventually, removeFolder } from '@acmex/services';
import { CertificateStore } from '@acmex/orchestrator';
import { memoryStorage } from '@acmex/storage';
import { fileStorage } from '@acmex/storage-file';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmex-'));
});
afterEach(async () => {
  await removeFolder(folder);
});
const at = (file: string) => join(folder, file);

/**
 * A CA whose validations last until the test ends them: its clock is a hundred times slower, so
 * that nothing expires meanwhile.
 */
async function patientCa() {
  const storage = memoryStorage();
  await saveAuthority(storage, await createDevelopmentAuthority());
  const { issuer, root } = await loadAuthority(storage, { kind: 'development' });
  const looking: (() => void)[] = [];
  let patient = false;
  const acme = await serveAcme({
    storage,
    issuer,
    clock: scaledClock({ origin: systemClock.now(), factor: 0.01 }),
    rateLimiter: noLimits(),
    onError: () => {
      /* a look that is ended */
    },
    validate: async (_, { signal }) => {
      if (patient)
        await new Promise<void>((resolve) => {
          looking.push(resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      return { valid: true };
    },
  });
  await writeFile(at('root.pem'), root);
  return {
    directory: acme.directory,
    storage,
    looking,
    waits: (on: boolean) => {
      patient = on;
      for (const end of looking.splice(0)) end();
    },
    [Symbol.asyncDispose]: acme[Symbol.asyncDispose],
  };
}

it('ends within thirty seconds after SIGTERM with fifty orders in progress, and the next run continues each of them', async () => {
  await using ca = await patientCa();
  const run = (args: readonly string[], options?: AcmexOptions) =>
    acmex([...args, '--storage', at('data')], options);
  const first = await run([
    'obtain',
    '-d',
    'first.test',
    '--server',
    ca.directory,
    '--ca-certificate',
    at('root.pem'),
    '--accept-tos',
    '--webroot',
    folder,
    '--cert-path',
    at('c.pem'),
    '-k',
    at('k.pem'),
  ]);
  expect(first.code).toBe(0);
  await using storage = fileStorage({ path: at('data') });
  const store = new CertificateStore({ storage });
  let like;
  for await (const certificate of store.list()) like = certificate;
  if (!like) throw new Error('nothing was made');
  const { issuer, proof, keyType } = like;
  for (let n = 0; n < 50; n += 1)
    await store.add({ names: [`n${n}.test`], issuer, proof, keyType });
  ca.waits(true);
  const stop = new AbortController();
  const said: string[] = [];
  const daemon = run(
    ['daemon', '--concurrency', '50', '--per-issuer', '50', '--check-interval', '1'],
    {
      signal: stop.signal,
      onStderr: (text) => {
        said.push(text);
      },
    },
  );
  await eventually(
    () => ca.looking.length >= 50,
    240,
    () => `only ${ca.looking.length} validations have begun: ${said.join('')}`,
  );
  const begun = systemClock.monotonic();
  stop.abort('SIGTERM');
  expect((await daemon).code).toBe(0);
  expect(systemClock.monotonic() - begun).toBeLessThan(30_000);
  expect(said.join('')).toContain('50 orders were interrupted');
  expect(said.join('')).not.toContain('AbortError');
  ca.waits(false);
  const next = await run(['renew', '-o', 'json']);
  expect([
    next.code,
    (JSON.parse(next.stdout) as readonly { readonly result: string }[]).filter(
      ({ result }) => result === 'renewed',
    ).length,
  ]).toEqual([0, 50]);
  let orders = 0;
  for await (const { key } of ca.storage.list('ca/order')) orders += key === '' ? 0 : 1;
  expect(orders).toBe(51);
}, 400_000);
