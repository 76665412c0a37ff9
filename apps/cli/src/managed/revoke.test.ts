import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { freePort, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from '../own-ca.testing.ts';
import { acmex } from '../terminal.testing.ts';

let ca: OwnCa;
let folder: TemporaryFolder;
let httpPort: number;
const at = (name: string) => join(folder.path, name);
const run = async (...args: readonly string[]) => await acmex([...args, '--storage', at('data')]);
const revoke = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await run('cert', 'revoke', ...args, '--json');
  return { code, stderr, rows: code === 2 ? [] : (JSON.parse(stdout) as readonly object[]) };
};

interface Listed {
  readonly id: string;
  readonly names: readonly string[];
  readonly issuer: string;
  readonly state: string;
  readonly current: { readonly serialNumber: string; readonly generation: number };
}
const list = async () =>
  (JSON.parse((await run('cert', 'list', '--json')).stdout) as readonly Listed[]).toSorted(
    (a, b) => (a.names.join() < b.names.join() ? -1 : 1),
  );

beforeAll(async () => {
  folder = await temporaryFolder('revoke');
  ca = await ownCa({});
  await writeFile(at('root.pem'), ca.root);
  httpPort = await freePort();
  for (const name of ['a.test', 'b.test'])
    await run(
      ...['obtain', '-d', name, '--server', ca.directory, '--ca-certificate', at('root.pem')],
      ...['--accept-tos', '--http-port', String(httpPort)],
      ...['--cert-path', at(`${name}.pem`), '--key-path', at(`${name}.key`)],
    );
});
afterAll(async () => {
  await ca?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

it('drills the revocation of all certificates of an issuer, and revokes none', async () => {
  const [first] = await list();
  const drill = await revoke('--issuer', first!.issuer, '--drill');
  expect(drill.code).toBe(0);
  expect(drill.rows).toEqual([
    expect.objectContaining({ result: 'would be revoked', signer: 'account' }),
    expect.objectContaining({ result: 'would be revoked', signer: 'account' }),
  ]);
  expect((await list()).map(({ state }) => state)).toEqual(['valid', 'valid']);
});

it('asks for the count of certificates before it revokes several', async () => {
  const [first] = await list();
  for (const confirm of [[], ['--confirm', '3']])
    await expect(revoke('--issuer', first!.issuer, ...confirm)).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--confirm 2'),
    });
  await expect(revoke('--label', 'team=web', '--confirm', '1')).resolves.toMatchObject({ code: 2 });
  await expect(revoke('a.test', '--issuer', first!.issuer)).resolves.toMatchObject({ code: 2 });
  expect((await list()).map(({ state }) => state)).toEqual(['valid', 'valid']);
});

it('revokes an earlier certificate by its serial number only when its successor is in use', async () => {
  const [before] = await list();
  const { serialNumber } = before!.current;
  const replaced = await revoke('--serial', serialNumber, '--replace', '--reason', 'superseded');
  expect(replaced.rows).toMatchObject([{ serial: serialNumber, result: 'revoked' }]);
  const [after] = await list();
  expect(after).toMatchObject({ state: 'valid', current: { generation: 2 } });
  expect(after!.current.serialNumber).not.toBe(serialNumber);
});

it('revokes nothing that cannot be replaced', async () => {
  const before = await list();
  // Another program has the port of the challenge.
  const busy = createServer();
  await once(busy.listen(httpPort), 'listening');
  const failed = await revoke('--issuer', before[0]!.issuer, '--replace', '--confirm', '2');
  expect(failed.code).not.toBe(0);
  expect(failed.rows).toMatchObject([{ result: 'not replaced' }, { result: 'not replaced' }]);
  busy.close();
  const after = await list();
  expect(after.map(({ current }) => current)).toEqual(before.map(({ current }) => current));
  expect(after.map(({ state }) => state)).not.toContain('revoked');
});

it("revokes with the certificate's own key when the account is lost", async () => {
  const [, before] = await list();
  await rm(at('data/account'), { recursive: true });
  const lost = await revoke('b.test', '--signer', 'account');
  expect(lost.code).not.toBe(0);
  const revoked = await revoke('b.test', '--signer', 'certificate', '--reason', 'superseded');
  expect(revoked.rows).toMatchObject([
    { serial: before!.current.serialNumber, result: 'revoked', signer: 'certificate' },
  ]);
  const [, after] = await list();
  expect(after).toMatchObject({ state: 'revoked' });
});
