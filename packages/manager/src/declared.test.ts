import { readConfig } from '@acmex/config';
import { temporaryFolder } from '@acmex/services';
import { memoryStorage } from '@acmex/storage';
import { expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromConfig, reconcileDeclared } from './from-config.ts';

it('asks for OCSP stapling as must_staple says, and keeps the value where it says nothing', async () => {
  await using folder = await temporaryFolder('declared');
  const file = join(folder.path, 'acmex.toml');
  const storage = memoryStorage();
  const declare = async (entry: string) => {
    const ca = '[acme]\nca = "custom"\nca_custom_url = "https://ca.test/directory"\n';
    const text = `${ca}tos_agreed = true\n[[certificates]]\nnames = ["a.test"]\n${entry}`;
    await writeFile(file, text, { mode: 0o600 });
    const options = { cwd: folder.path, home: folder.path, environment: {}, file };
    const config = await readConfig(options);
    const manager = fromConfig(config, { storage, environment: {} });
    const changes = (await reconcileDeclared(manager)).map(({ change }) => change);
    const { certificates } = await manager.provisioner.certificates.page({ limit: 9 });
    return [changes, certificates.map(({ mustStaple }) => mustStaple)];
  };
  await expect(declare('must_staple = true')).resolves.toEqual([['created'], [true]]);
  await expect(declare('')).resolves.toEqual([[], [true]]);
  await expect(declare('must_staple = false')).resolves.toEqual([[expect.any(String)], [false]]);
});
