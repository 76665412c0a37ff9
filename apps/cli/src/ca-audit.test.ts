import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { auditedActions, listIssued } from '@acmex/ca';
import { auditedStorage } from '@acmex/observability/audit';
import { temporaryFolder } from '@acmex/services';
import { fileStorage } from '@acmex/storage-file';
import { expect, it } from '@jest/globals';
import { ownCa } from './own-ca.testing.ts';
import { acmex } from './terminal.testing.ts';

it('lists, verifies and exports what a CA has done', async () => {
  await using folder = await temporaryFolder('ca-audit');
  const at = (name: string) => join(folder.path, name);
  for (const name of ['ca', 'client'])
    await writeFile(
      at(`${name}.toml`),
      `[storage.file]\npath = "${at(name)}"\n[audit]\nenabled = ${name === 'ca'}\n`,
      { mode: 0o600 },
    );
  const storage = auditedStorage(fileStorage({ path: at('ca') }), {
    origin: { program: 'acmex ca serve' },
    actionsIn: auditedActions,
  });
  await using ca = await ownCa({ arrange: (chain) => chain, storage });
  await writeFile(at('root.pem'), ca.root);
  const obtained = await acmex([
    ...[
      'obtain',
      '-d',
      'www.example.test',
      '--server',
      ca.directory,
      '--config',
      at('client.toml'),
    ],
    ...['--ca-certificate', at('root.pem'), '--accept-tos', '--webroot', folder.path],
    ...['--cert-path', at('c.pem'), '-k', at('k.pem')],
  ]);
  expect(obtained).toMatchObject({ code: 0, stderr: expect.any(String) });
  const onCa = async (...args: readonly string[]) =>
    await acmex([...args, '--config', at('ca.toml')]);
  const created = await onCa('ca', 'eab', 'create', '-o', 'json');
  const { kid, hmacKey } = JSON.parse(created.stdout) as { kid: string; hmacKey: string };
  for await (const { serialNumber } of listIssued(storage))
    expect(await onCa('ca', 'revoke', serialNumber)).toMatchObject({ code: 0 });
  expect(await onCa('ca', 'eab', 'revoke', kid)).toMatchObject({ code: 0 });

  const exported = (await onCa('audit', 'export', '-')).stdout;
  const records = exported
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { origin: object; actions: readonly { type: string }[] });
  expect(records.flatMap(({ actions }) => actions.map(({ type }) => type))).toEqual([
    ...['ca_created', 'ca_account_created', 'ca_certificate_issued'],
    ...['ca_external_account_created', 'ca_certificate_revoked', 'ca_external_account_revoked'],
  ]);
  expect(records.at(-1)?.origin).toMatchObject({ program: 'acmex ca eab revoke' });
  expect(exported).not.toContain(hmacKey);
  expect((await onCa('audit', 'list')).stdout).toContain('ca_certificate_issued');
  expect(await onCa('audit', 'verify')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('6 records in 4 chains'),
  });
});
