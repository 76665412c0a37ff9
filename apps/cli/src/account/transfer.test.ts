import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ownCa, type OwnCa } from '../own-ca.testing.ts';
import { acmex } from '../terminal.testing.ts';

describe('acmex account export and import', () => {
  let ca: OwnCa;
  let folder: TemporaryFolder;
  const at = (name: string) => join(folder.path, name);
  const run = async (storage: string, ...args: readonly string[]) =>
    await acmex(['account', ...args, '--storage', at(storage), '--json']);
  const chosen = () => ['--server', ca.directory, '--ca-certificate', at('root.pem')];

  beforeEach(async () => {
    folder = await temporaryFolder('account');
    ca = await ownCa({});
    await writeFile(at('root.pem'), ca.root);
    await run('first', 'register', ...chosen());
  });
  afterEach(async () => {
    await ca?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it.each(['pem', 'jwk'])('move an account to another storage by a file: %s', async (format) => {
    const file = at(`account.${format}`);
    const exported = await run('first', 'export', file, '--format', format, ...chosen());
    const { account } = JSON.parse(exported.stdout) as { readonly account: string };
    expect(exported.code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const existing = await run('first', 'export', file, ...chosen());
    expect(existing).toMatchObject({ code: 3, stdout: expect.stringContaining('ERR_CLI_EXISTS') });

    await expect(run('second', 'import', file)).resolves.toMatchObject({ code: 0 });
    await expect(run('second', 'import', file)).resolves.toMatchObject({
      code: 0,
      stderr: expect.stringContaining('already'),
    });
    const current = await run('second', 'show', ...chosen());
    expect(JSON.parse(current.stdout)).toMatchObject({ account, status: 'valid' });
  });

  it('leave an account that the storage has', async () => {
    await run('second', 'register', ...chosen());
    await run('first', 'export', at('account.pem'), ...chosen());
    await expect(run('second', 'import', at('account.pem'))).resolves.toMatchObject({
      code: 2,
      stdout: expect.stringContaining('ERR_MANAGER_ISSUER'),
    });
  });

  it('refuse a file without a key, and repeat nothing of it', async () => {
    await writeFile(at('account.json'), '{"kty":"EC","d":"secret');
    const refused = await run('second', 'import', at('account.json'));
    expect(refused).toMatchObject({ code: 3, stdout: expect.stringContaining('ERR_CLI_FILE') });
    expect(refused.stdout + refused.stderr).not.toContain('secret');
    expect(await readFile(at('account.json'), 'utf8')).toContain('secret');
  });
});
