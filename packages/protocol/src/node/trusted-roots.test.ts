import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { extraRoots, systemRoots } from './index.ts';

const pem = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';

describe('systemRoots', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acmex-roots-'));
    await writeFile(join(folder, 'bundle.pem'), pem);
    await writeFile(join(folder, 'empty.pem'), '');
  });
  afterAll(async () => await removeFolder(folder));

  it('reads the first file of a known system that has certificates', () => {
    const files = ['absent.pem', 'empty.pem', 'bundle.pem'].map((name) => join(folder, name));
    expect(systemRoots({ environment: {}, files })).toEqual([pem]);
    expect(systemRoots({ environment: {}, files: files.slice(0, 2) })).toBeUndefined();
  });
  it('reads SSL_CERT_FILE in place of them, and reports that it cannot be read', () => {
    const file = join(folder, 'bundle.pem');
    expect(systemRoots({ environment: { SSL_CERT_FILE: file }, files: [] })).toEqual([pem]);
    expect(() => systemRoots({ environment: { SSL_CERT_FILE: join(folder, 'absent') } })).toThrow(
      'ENOENT',
    );
  });
  it('takes a file of NODE_EXTRA_CA_CERTS that cannot be read for empty', () => {
    expect(extraRoots({ environment: { NODE_EXTRA_CA_CERTS: join(folder, 'absent') } })).toEqual(
      [],
    );
  });
});
