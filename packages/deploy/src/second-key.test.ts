import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSelfSigned, type KeyType, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Bundle,
  checkTarget,
  deployFiles,
  filesTarget,
  localFiles,
  secondPath,
} from './index.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder('second-key');
});
afterEach(async () => await folder[Symbol.asyncDispose]());
const at = (...names: string[]) => join(folder.path, ...names);

async function chainWithKey(type: KeyType) {
  const key = await webcrypto().generate(type);
  const chain = await createSelfSigned({ identifiers: [{ type: 'dns', value: 'a.test' }], key });
  const serialNumber = new X509Certificate(chain).serialNumber.toLowerCase();
  const privateKey = new TextDecoder().decode(await privateKeyPem(key));
  return { chain, privateKey, serialNumber };
}
async function bundle(first: KeyType, second?: KeyType): Promise<Bundle> {
  const algorithm = second?.startsWith('rsa-') ? 'rsa' : 'ec';
  return {
    ...{ id: 'crt_x', names: ['a.test'], notAfter: '2027-01-01T00:00:00Z' },
    ...(await chainWithKey(first)),
    ...(second ? { second: { algorithm, ...(await chainWithKey(second)) } } : {}),
  };
}
const complete = ({ privateKey = '', ...rest }: Bundle) => ({ ...rest, privateKey });
/** The type of the key of a certificate in a file, which the key in another file is found to be. */
async function typeOf(certificate: string, key: string): Promise<string | undefined> {
  const leaf = new X509Certificate(await readFile(certificate));
  expect(leaf.checkPrivateKey(createPrivateKey(await readFile(key)))).toBe(true);
  return leaf.publicKey.asymmetricKeyType;
}

describe('a certificate with a second key', () => {
  it.each([
    ['ec-p256', 'rsa-2048', 'rsa'],
    ['rsa-2048', 'ec-p256', 'ec'],
  ] as const)('is written to a directory with %s first and %s beside it', async (...types) => {
    const [first, second, suffix] = types;
    const target = { directory: folder.path };
    const issued = await bundle(first, second);
    const live = (file: string) => at('live', 'a.test', file);
    await expect(deployFiles(target, issued)).resolves.toEqual({
      changed: true,
      paths: {
        fullchain: live('fullchain.pem'),
        privateKey: live('privkey.pem'),
        secondFullchain: live(`fullchain-${suffix}.pem`),
        secondPrivateKey: live(`privkey-${suffix}.pem`),
        lineage: at('live', 'a.test'),
      },
    });
    expect(await typeOf(live('cert.pem'), live('privkey.pem'))).toBe(first.split('-')[0]);
    const secondType = await typeOf(live(`cert-${suffix}.pem`), live(`privkey-${suffix}.pem`));
    expect(secondType).toBe(suffix);
    await expect(deployFiles(target, issued)).resolves.toMatchObject({ changed: false });
    // The files of a second key that there is no more go with the change of the link.
    await deployFiles(target, await bundle('ec-p256'));
    expect((await readdir(at('live', 'a.test'))).sort()).toEqual([
      'cert.pem',
      'chain.pem',
      'fullchain.pem',
      'privkey.pem',
    ]);
  });

  it('is written to single files, each at its path', async () => {
    const target = {
      ...{ certPath: at('a.pem'), keyPath: at('a.key') },
      ...{ secondCertPath: at('b.pem'), secondKeyPath: at('b.key') },
    };
    await expect(deployFiles(target, await bundle('ec-p256', 'rsa-2048'))).resolves.toMatchObject({
      paths: { secondFullchain: at('b.pem'), secondPrivateKey: at('b.key') },
    });
    expect(await typeOf(at('a.pem'), at('a.key'))).toBe('ec');
    expect(await typeOf(at('b.pem'), at('b.key'))).toBe('rsa');
  });

  it('is checked before the first order: each path of it too', async () => {
    const target = { certPath: at('a.pem'), secondCertPath: at('none/b.pem') };
    await expect(checkTarget(target)).rejects.toMatchObject({
      message: expect.stringContaining('none/b.pem'),
    });
    const same = { certPath: at('a.pem'), secondCertPath: at('a.pem') };
    await expect(checkTarget(same)).rejects.toMatchObject({
      message: expect.stringContaining('the path of two files'),
    });
  });

  it('is written beside the first by a target, and goes where the former certificate had a single key', async () => {
    const memory = { read: async () => undefined, write: async () => undefined };
    const target = filesTarget('files', {
      paths: { certPath: at('{name}.pem'), keyPath: at('{name}.key'), chainPath: at('ca') },
      open: async () => localFiles(),
    });
    const former = await bundle('ec-p256');
    const next = await bundle('ec-p256', 'rsa-2048');
    await (await target.stage(complete(former), { memory })).apply({});
    await (await target.stage(complete(next), { memory })).apply({});
    expect((await readdir(folder.path)).sort()).toEqual(
      ['a.test-rsa.key', 'a.test-rsa.pem', 'a.test.key', 'a.test.pem', 'ca', 'ca-rsa'].sort(),
    );
    expect(await typeOf(at('a.test-rsa.pem'), at('a.test-rsa.key'))).toBe('rsa');
    // A process that ended too early has written all of them.
    const again = await target.stage(complete(next), { memory, former: complete(former) });
    expect(await again.rollBack({})).toEqual({ serialNumber: former.serialNumber });
    expect((await readdir(folder.path)).sort()).toEqual(['a.test.key', 'a.test.pem', 'ca']);
    expect(await readFile(at('a.test.key'), 'utf8')).toBe(former.privateKey);
  });

  it.each([
    ['/a/site.pem', '/a/site-rsa.pem'],
    ['/a.b/{name}', '/a.b/{name}-rsa'],
    ['C:\\a.b\\site.key', 'C:\\a.b\\site-rsa.key'],
    ['/a/.pem', '/a/.pem-rsa'],
  ])('has its file beside %s at %s', (path, expected) => {
    expect(secondPath(path, 'rsa')).toBe(expected);
  });

  it('is needed where a path for it is set: else nothing is written', async () => {
    const target = { certPath: at('a.pem'), keyPath: at('a.key'), secondKeyPath: at('b.key') };
    await expect(deployFiles(target, await bundle('ec-p256'))).rejects.toMatchObject({
      code: 'ERR_DEPLOY_TARGET',
      message: expect.stringContaining('give it two key types'),
    });
    expect(await readdir(folder.path)).toEqual([]);
  });
});
