import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@acmex/services';
import { expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

it('makes keys for deploy targets that requests of the tenant may name', async () => {
  await using folder = await temporaryFolder('keys');
  const file = join(folder.path, 'acmex.toml');
  const target = (name: string) =>
    `[deploy.${name}]\ntype = "webhook"\nurl = "https://127.0.0.1:1/"\n`;
  await writeFile(
    file,
    `[storage]\nurl = "file:${join(folder.path, 'data')}"\n${target('web')}${target('vault')}[tenants.one]\nnames = ["*"]\ndeploy_targets = ["web"]\n[tenants.two]\nnames = ["*"]\n`,
    { mode: 0o600 },
  );
  const create = async (...args: readonly string[]) =>
    await acmex(['server', 'key', 'create', '--config', file, '--output', 'json', ...args], {
      env: { HOME: folder.path },
    });

  const { code, stdout, stderr } = await create('--deploy-targets', 'web');
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  expect(JSON.parse(stdout)).toMatchObject({ deployTargets: ['web'] });
  expect(JSON.parse((await create()).stdout)).not.toHaveProperty('deployTargets');
  await expect(create('--deploy-targets', 'web,vault')).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /"vault" is not a deploy target that requests of the tenant one may name: use web, or add it/,
    ),
  });
  await expect(create('--tenant', 'two', '--deploy-targets', 'web')).resolves.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/the tenant two may name: add it to deploy_targets/),
  });
});
