import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ariCertificateId,
  createSelfSigned,
  parseChain,
  privateKeyPem,
  webcrypto,
} from '@acmex/certificate';
import type { Fault } from '@acmex/ca/faults';
import { freePort, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from '../own-ca.testing.ts';
import { acmex } from '../terminal.testing.ts';

let ca: OwnCa;
let folder: TemporaryFolder;
let server: readonly string[];
const at = (...names: readonly string[]) => join(folder.path, ...names);
const run = async (...args: readonly string[]) => await acmex([...args, '--storage', at('data')]);
/** The orders that the CA was asked for, and its answers. */
const orders: { readonly replaces: unknown; readonly status: number }[] = [];
const recordOrders: Fault = async ({ request, resource }, next) => {
  if (resource !== 'newOrder') return await next();
  const { payload } = (await request.clone().json()) as { readonly payload: string };
  const { replaces } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    readonly replaces?: unknown;
  };
  const answer = await next();
  orders.push({ replaces, status: answer.status });
  return answer;
};

beforeAll(async () => {
  folder = await temporaryFolder('recover');
  ca = await ownCa({ faults: [recordOrders] });
  await writeFile(at('root.pem'), ca.root);
  await mkdir(at('tls/web'), { recursive: true });
  const port = String(await freePort());
  server = ['--server', ca.directory, '--ca-certificate', at('root.pem'), '--http-port', port];
  for (const name of ['site', 'api'])
    await run(
      ...['obtain', '-d', `${name}.test`, ...server, '--accept-tos'],
      ...['--cert-path', at(`tls/web/${name}.pem`), '--key-path', at(`tls/web/${name}.key`)],
    );
  // As HAProxy reads it, and as other programs deploy it: leaf and chain apart.
  const [text, key] = [
    await readFile(at('tls/web/api.pem')),
    await readFile(at('tls/web/api.key')),
  ];
  await rm(at('tls/web/api.key'));
  await rm(at('tls/web/api.pem'));
  await writeFile(at('tls/api.combined.pem'), Buffer.concat([key, text]));
  await mkdir(at('tls/linked'));
  await symlink('../web/site.pem', at('tls/linked/site.pem'));
  await writeFile(at('tls/notes.txt'), 'no certificate');
  await symlink('nowhere', at('tls/gone.pem'));
  await symlink('.', at('tls/circle'));
});
afterAll(async () => {
  await ca?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

interface Recovered {
  readonly certificates: readonly {
    readonly name: string;
    readonly result: string;
    readonly taken: readonly { readonly setting: string; readonly value: string }[];
    readonly notTaken: readonly { readonly setting: string }[];
  }[];
}

it('manages deployed certificates again when the storage is lost, and renews and deploys them', async () => {
  const former = await readFile(at('tls/web/site.pem'), 'utf8');
  const key = await readFile(at('tls/web/site.key'), 'utf8');
  await rm(at('data'), { recursive: true });
  const unknown = await run('recover', '--from-live', at('tls'), '--dry-run');
  expect(unknown).toMatchObject({ code: 9, stderr: expect.stringContaining('--server') });
  expect(await readdir(folder.path)).not.toContain('data');

  const recovered = await run('recover', '--from-live', at('tls'), ...server, '--json');
  const { certificates } = JSON.parse(recovered.stdout) as Recovered;
  expect(certificates).toMatchObject([
    { name: 'api.test', result: 'added' },
    { name: 'site.test', result: 'added' },
  ]);
  const deployed = certificates.flatMap(({ taken }) =>
    taken.filter(({ setting }) => setting === 'deploy').map(({ value }) => value),
  );
  expect(deployed).toEqual([
    at('tls/api.combined.pem'),
    `${at('tls/web/site.pem')}, ${at('tls/web/site.key')}`,
  ]);
  expect(certificates[0]!.notTaken.map(({ setting }) => setting)).toEqual([
    'challenge',
    'hooks',
    'account',
  ]);
  expect(recovered.stderr).toContain('the keys of accounts are not in deployed files');
  const exported = await run('cert', 'export', 'site.test', '--key-path', at('kept.key'));
  expect([exported.code, await readFile(at('kept.key'), 'utf8')]).toEqual([0, key]);

  await expect(
    run('account', 'register', ...server.slice(0, 4), '--accept-tos'),
  ).resolves.toMatchObject({ code: 0 });
  await expect(run('renew', '--all', '--force')).resolves.toMatchObject({ code: 0 });
  const [leaf] = parseChain(await readFile(at('tls/web/site.pem'), 'utf8'));
  expect(leaf!.serialNumber).not.toBe(parseChain(former)[0]!.serialNumber);
  const combined = await readFile(at('tls/api.combined.pem'), 'utf8');
  expect(combined).toMatch(/^-----BEGIN PRIVATE KEY-----/);
});

it('replaces a recovered certificate by name at the CA, if the CA has it from the same account', async () => {
  const exported = await run('account', 'export', at('account.pem'), ...server.slice(0, 4));
  expect(exported.code).toBe(0);
  const [former] = parseChain(await readFile(at('tls/web/site.pem'), 'utf8'));
  for (const account of ['imported', 'new']) {
    await rm(at('data'), { recursive: true });
    await run('recover', '--from-live', at('tls'), ...server);
    orders.length = 0;
    await (account === 'imported'
      ? run('account', 'import', at('account.pem'), ...server.slice(0, 4))
      : run('account', 'register', ...server.slice(0, 4), '--accept-tos'));
    const inUse = parseChain(await readFile(at('tls/web/site.pem'), 'utf8'))[0]!;
    const renewed = await run('renew', '-d', 'site.test', '--force');
    expect(renewed).toMatchObject({ code: 0 });
    // A CA refuses the certificate of another account, and the order is repeated without it.
    expect(orders).toEqual(
      account === 'imported'
        ? [{ replaces: ariCertificateId(inUse), status: 201 }]
        : [
            { replaces: ariCertificateId(inUse), status: 400 },
            { replaces: undefined, status: 201 },
          ],
    );
  }
  const [latest] = parseChain(await readFile(at('tls/web/site.pem'), 'utf8'));
  expect(latest!.serialNumber).not.toBe(former!.serialNumber);
});

it('reports what cannot be recovered: self-signed, and without a key', async () => {
  await mkdir(at('bad'));
  const key = await webcrypto().generate('ec-p256');
  const identifiers = [{ type: 'dns' as const, value: 'self.test' }];
  await writeFile(at('bad/self.pem'), await createSelfSigned({ identifiers, key }));
  await writeFile(at('bad/self.key'), await privateKeyPem(key));
  await writeFile(at('bad/site.pem'), await readFile(at('tls/web/site.pem')));
  const outcome = await run('recover', '--from-live', at('bad'), ...server);
  expect(outcome).toMatchObject({ code: 9 });
  expect(outcome.stderr).toContain('is self-signed');
  expect(outcome.stderr).toMatch(/no file in the directory has the private key of .*site\.pem/);
  await mkdir(at('empty'));
  await expect(run('recover', '--from-live', at('empty'))).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('ERR_IMPORT_DIRECTORY'),
  });
});
