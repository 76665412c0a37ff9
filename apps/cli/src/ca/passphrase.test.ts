import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { passphraseOf } from './passphrase.ts';

it('reads the passphrase of the root key from a file that others cannot read', async () => {
  await using folder = await temporaryFolder('passphrase');
  const passphraseFile = join(folder.path, 'passphrase');
  await writeFile(passphraseFile, 'correct horse battery\n', { mode: 0o600 });
  await expect(passphraseOf({ passphraseFile }, {})).resolves.toBe('correct horse battery');
  await chmod(passphraseFile, 0o644);
  await expect(passphraseOf({ passphraseFile }, {})).rejects.toMatchObject({
    code: 'ERR_CONFIG_CREDENTIAL',
  });
});
