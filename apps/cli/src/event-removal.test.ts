import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, virtualClock } from '@acmex/clock';
import { eventChange, outbox } from '@acmex/orchestrator';
import { eventually, temporaryFolder } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { expect, it } from '@jest/globals';
import { acmex, type AcmexOptions } from './terminal.testing.ts';

const now = systemClock.now();

/** Makes a folder with a CA, and with an event of each of these ages in days. */
async function storageWith(ages: readonly number[]) {
  const folder = await temporaryFolder('events');
  const at = (name: string) => join(folder.path, name);
  const toml = `[storage.file]\npath = "${at('data')}"\n[audit]\nenabled = true\n`;
  await writeFile(at('acmex.toml'), toml, { mode: 0o600 });
  const storage = fileStorage({ path: at('data') });
  for (const days of ages) {
    const then = virtualClock({ now: now.subtract({ hours: 24 * days }) });
    await storage.write([eventChange({ type: 'audit_sealed', message: `${days} days` }, then)]);
  }
  return {
    at,
    run: async (args: readonly string[], options: AcmexOptions = {}) =>
      await acmex([...args, '--config', at('acmex.toml')], {
        ...options,
        env: { HOME: folder.path, ACMEX_CA_PASSPHRASE: 'correct horse' },
      }),
    /** What the events say that are not of a certificate. */
    async ages(): Promise<readonly string[]> {
      const messages: string[] = [];
      for await (const { type, message } of outbox(storage).list())
        if (type === 'audit_sealed') messages.push(message ?? '');
      return messages;
    },
    async [Symbol.asyncDispose]() {
      await storage[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

it.each([
  ['daemon', ['daemon'], /renewing certificates/],
  ['ca serve', ['ca', 'serve', '--listen', '127.0.0.1:0'], /directory/],
] as const)('acmex %s removes events after 90 days', async (_, args, started) => {
  await using stored = await storageWith([120, 91, 89, 1]);
  const root = ['--root-certificate', stored.at('root.pem'), '--root-key', stored.at('root.key')];
  const init = ['--name', 'Corp', '--key-type', 'ec-p256', '--addresses', '127.0.0.0/8'];
  expect(await stored.run(['ca', 'init', ...init, ...root])).toMatchObject({ code: 0 });
  const clock = virtualClock({ now });
  const stop = new AbortController();
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  const options = {
    ...{ clock, signal: stop.signal },
    onStdout: write,
    onStderr: write,
  };
  const running = stored.run(args, options);
  await eventually(() => started.test(output));
  await expect(stored.ages()).resolves.toEqual(['120 days', '91 days', '89 days', '1 days']);
  await clock.advance({ minutes: 61 });
  await eventually(async () => (await stored.ages()).length === 2);
  await expect(stored.ages()).resolves.toEqual(['89 days', '1 days']);
  stop.abort('SIGTERM');
  await expect(clock.run(running)).resolves.toMatchObject({ code: 0 });
});

it('acmex renew, which a timer runs, removes events after 90 days', async () => {
  await using stored = await storageWith([120, 91, 89, 1]);
  await stored.run(['renew', '--dry-run']);
  await expect(stored.ages()).resolves.toHaveLength(4);
  await expect(stored.run(['renew'])).resolves.toMatchObject({ code: 0 });
  await expect(stored.ages()).resolves.toEqual(['89 days', '1 days']);
});
