import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { parseCertificate } from '@acmex/certificate';
import { freePort, type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from '../own-ca.testing.ts';
import { servingCa } from '../serving-ca.testing.ts';
import { acmex, type AcmexOptions, typing } from '../terminal.testing.ts';

let folder: TemporaryFolder;
let httpPort: number;
const at = (name: string) => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder('revoke-file');
  httpPort = await freePort();
  await writeFile(at('acmex.toml'), `[challenge.http01]\nlisten_addr = "127.0.0.1:${httpPort}"\n`);
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

const obtain = async (names: string, chosen: readonly string[], file = 'site') => {
  const outcome = await acmex([
    ...['obtain', '-d', names, ...chosen, '--accept-tos', '--force', '--storage', at('owner')],
    ...['--config', at('acmex.toml')],
    ...['--cert-path', at(`${file}.pem`), '--key-path', at(`${file}.key`)],
  ]);
  expect(outcome).toMatchObject({ code: 0 });
};

/** Revokes with another storage. */
const revoke = async (args: readonly string[], options: AcmexOptions = {}, storage = 'empty') => {
  const outcome = await acmex(
    [
      ...['cert', 'revoke', ...args, '--json', '--config', at('acmex.toml')],
      ...['--storage', at(storage)],
    ],
    options,
  );
  const row = outcome.code === 0 && outcome.stdout ? (JSON.parse(outcome.stdout) as object) : {};
  return { ...outcome, row };
};

describe('the revocation of a certificate of a file', () => {
  let ca: OwnCa;
  let chosen: readonly string[];
  const site = () => ['--cert', at('site.pem'), ...chosen];
  beforeAll(async () => {
    ca = await ownCa({});
    await writeFile(at('root.pem'), ca.root);
    chosen = ['--server', ca.directory, '--ca-certificate', at('root.pem')];
    await obtain('site.test', chosen);
    await obtain('second.test', chosen, 'second');
  });
  afterAll(async () => {
    await ca?.[Symbol.asyncDispose]();
  });

  it('needs a key that fits, and its own flags', async () => {
    const usage = (text: string) => ({ code: 2, stderr: expect.stringContaining(text) });
    await expect(revoke([...site(), '--key', at('second.key'), '--yes'])).resolves.toMatchObject(
      usage('is not the key of'),
    );
    await expect(revoke(['site.test', ...site()])).resolves.toMatchObject(usage('in one way'));
    await expect(revoke(['site.test', '--key', at('site.key')])).resolves.toMatchObject(
      usage('--signer certificate'),
    );
    await expect(revoke(['site.test', '--server', ca.directory])).resolves.toMatchObject(
      usage('add --cert'),
    );
    await expect(revoke([...site(), '--yes'])).resolves.toMatchObject(usage('has no account'));
  });

  it('shows what is revoked, and asks for a yes', async () => {
    const signed = [...site(), '--key', at('site.key'), '--reason', 'superseded'];
    await expect(revoke(signed)).resolves.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    const declined = await revoke(signed, typing(['n']));
    expect(declined).toMatchObject({ code: 0, stdout: '' });
    for (const line of ['site.test', 'serial', 'not after', 'superseded', 'the certificate'])
      expect(declined.stderr).toContain(line);
    expect(declined.stderr).toContain('nothing is revoked');
    await expect(revoke([...signed, '--drill'])).resolves.toMatchObject({
      row: { result: 'would be revoked', signer: 'certificate' },
    });
    await expect(revoke(signed, typing(['y']))).resolves.toMatchObject({
      row: { result: 'revoked', signer: 'certificate', names: 'site.test' },
    });
  });

  it('is done by its key without an account and a storage, and found done when repeated', async () => {
    const signed = [...site(), '--key', at('site.key'), '--yes'];
    await expect(revoke(signed)).resolves.toMatchObject({ row: { result: 'already revoked' } });
    expect(await readdir(folder.path)).not.toContain('empty');
  });

  it('is done by the account of the certificate, and refused to another', async () => {
    const second = ['--cert', at('second.pem'), ...chosen, '--yes'];
    await acmex(['account', 'register', ...chosen, '--accept-tos', '--storage', at('foreign')]);
    await expect(revoke(second, {}, 'foreign')).resolves.toMatchObject({
      code: 6,
      stderr: expect.stringContaining('--prove'),
    });
    await expect(revoke([...second, '--drill'], {}, 'owner')).resolves.toMatchObject({
      row: { result: 'would be revoked', signer: 'account' },
    });
    await expect(revoke(second, {}, 'owner')).resolves.toMatchObject({
      row: { result: 'revoked', signer: 'account' },
    });
  });
});

it('is done by an account that proves control of all names, which the revocation list shows', async () => {
  const ports = ['--http-port', String(httpPort), '--root-certificate', at('ca-root.pem')];
  await servingCa(['--development', ...ports], async (directory) => {
    const chosen = ['--server', directory, '--ca-certificate', at('ca-root.pem')];
    await obtain('www.web.test,bücher.web.test,127.0.0.1', chosen, 'web');
    const proven = ['--cert', at('web.pem'), ...chosen, '--prove', '--accept-tos', '--yes'];
    const serial = Buffer.from(
      parseCertificate(await readFile(at('web.pem'))).serialNumber.padStart(32, '0'),
      'hex',
    );
    const root = await readFile(at('ca-root.pem'), 'utf8');
    const isListed = async () => {
      const request = get(directory.replace(/directory$/, 'crl'), { ca: root, agent: false });
      const [answer] = (await once(request, 'response')) as [IncomingMessage];
      return (await buffer(answer)).includes(serial);
    };
    await expect(revoke([...proven, '--drill'])).resolves.toMatchObject({
      row: { result: 'would be revoked', names: expect.stringContaining('xn--bcher-kva.web.test') },
    });
    await expect(isListed()).resolves.toBe(false);
    await expect(revoke([...proven, '--reason', 'superseded'])).resolves.toMatchObject({
      row: { result: 'revoked', signer: 'account' },
    });
    await expect(isListed()).resolves.toBe(true);
    await expect(revoke(proven)).resolves.toMatchObject({ row: { result: 'already revoked' } });
  });
});
