import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deployTargetContract } from './contract.ts';
import {
  type CompleteBundle,
  DeployError,
  filesTarget,
  type FilesTargetOptions,
  localFiles,
} from './index.ts';

const memory = { read: async () => undefined, write: async () => undefined };
let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder('files-target');
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});
const at = (name: string) => join(folder.path, name);
const textOf = async (name: string) => await readFile(at(name), 'utf8').catch(() => undefined);
const paths = () => ({ certPath: at('{name}.pem'), keyPath: at('{name}.key') });
const target = (options: Partial<FilesTargetOptions> = {}) =>
  filesTarget('files', { paths: paths(), open: async () => localFiles(), ...options });

async function bundleFor(serialNumber: string): Promise<CompleteBundle> {
  const key = await webcrypto().generate('ec-p256');
  const chain = await createSelfSigned({ identifiers: [{ type: 'dns', value: 'a.test' }], key });
  const privateKey = new TextDecoder().decode(await privateKeyPem(key));
  return { id: 'crt_1', names: ['a.test'], serialNumber, notAfter: '', chain, privateKey };
}

describe('filesTarget on this machine', () => {
  it.each(deployTargetContract.filter(({ live }) => live))('$title', async ({ check }) => {
    await (check as (subject: object) => Promise<void>)({
      target: target(),
      secrets: [],
      async inUse() {
        const chain = await textOf('a.test.pem');
        return chain === undefined ? undefined : { chain, privateKey: await textOf('a.test.key') };
      },
    });
  });

  it('puts back the files of another program, and removes those that were not there', async () => {
    await writeFile(at('a.test.pem'), Buffer.from([0xff, 0x00]));
    await chmod(at('a.test.pem'), 0o640);
    const staged = await target().stage(await bundleFor('01'), { memory });
    await staged.apply({});
    expect((await stat(at('a.test.key'))).mode & 0o777).toBe(0o600);
    expect(await staged.rollBack({})).toEqual({ serialNumber: undefined });
    expect(await readdir(folder.path)).toEqual(['a.test.pem']);
    expect(await readFile(at('a.test.pem'))).toEqual(Buffer.from([0xff, 0x00]));
    expect((await stat(at('a.test.pem'))).mode & 0o777).toBe(0o640);
  });
  it('puts both files back where a process ended between the key and the certificate', async () => {
    const [former, bundle] = await Promise.all([bundleFor('01'), bundleFor('02')]);
    await (await target().stage(former, { memory })).apply({});
    await writeFile(at('a.test.key'), bundle.privateKey);
    const again = await target().stage(bundle, { memory, former });
    await again.rollBack({});
    expect(await textOf('a.test.key')).toBe(former.privateKey);
    expect(await textOf('a.test.pem')).toBe(former.chain);
  });
  it('lets the server read the files after each change, and shows no key where that fails', async () => {
    const seen: (string | undefined)[] = [];
    const former = await bundleFor('01');
    await (await target().stage(former, { memory })).apply({});
    const staged = await target({
      async reload() {
        const key = await textOf('a.test.key');
        seen.push(key);
        const [, line] = key?.split('\n') ?? [];
        if (seen.length === 1) throw new DeployError('ERR_DEPLOY_HOOK', `files: it said ${line}`);
      },
    }).stage(await bundleFor('02'), { memory, former });
    const failure = await staged.apply({}).catch((error: unknown) => error);
    const [, line = ''] = (await textOf('a.test.key'))?.split('\n') ?? [];
    expect(failure).toMatchObject({ code: 'ERR_DEPLOY_HOOK' });
    expect(String(failure)).toMatch(/files: it said \[secret\]/);
    expect(String(failure)).not.toContain(line);
    await staged.rollBack({});
    expect(seen).toEqual([expect.anything(), former.privateKey]);
  });
  it('changes no file where one cannot be written', async () => {
    const former = await bundleFor('01');
    await writeFile(at('a.test.key'), 'as it was');
    const certPath = at('none/a.test.pem');
    const open = async () => ({ ...localFiles(), read: async () => undefined });
    const split = target({ paths: { ...paths(), certPath }, open });
    const staged = await split.stage(former, { memory });
    await expect(staged.apply({})).rejects.toMatchObject({
      code: 'ERR_DEPLOY_FILE',
      message: expect.stringContaining(certPath),
    });
    expect(await readdir(folder.path)).toEqual(['a.test.key']);
    expect(await textOf('a.test.key')).toBe('as it was');
  });
  it('refuses paths without a certificate, and the same path twice', () => {
    expect(() => target({ paths: { keyPath: '/a' } })).toThrow(/no file has the certificate/);
    expect(() => target({ paths: { keyPath: '/a', certPath: '/a' } })).toThrow(/different paths/);
  });
});
