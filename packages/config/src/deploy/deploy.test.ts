import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from '../config.testing.ts';
import { checkConfig, deployTargetKinds, openDeployTarget, readConfig } from '../index.ts';

const page = join(import.meta.dirname, '../../../../docs/deploy-targets.md');
const opened = async (toml: string, name: string) => {
  await using folder = await configFolder(toml);
  const config = await readConfig(folder.options);
  return await openDeployTarget(name, { config, environment: { PATH: '/bin', SECRET: 'x' } });
};

describe('deploy targets', () => {
  it('opens each kind as its example in the documentation has it', async () => {
    const blocks = [...(await readFile(page, 'utf8')).matchAll(/```toml\n(.*?)```/gs)];
    const types = new Set<string>();
    for (const [, toml = ''] of blocks) {
      const [, name = ''] = /\[deploy\.([a-z0-9-]+)\]/.exec(toml) ?? [];
      const [, type = ''] = /^type = "(.*)"$/m.exec(toml) ?? [];
      const { target } = await opened(toml, name);
      expect(target.name).toBe(type);
      types.add(type);
    }
    expect([...types].sort()).toEqual(
      deployTargetKinds()
        .map(({ type }) => type)
        .sort(),
    );
  });
  it('has the server that must serve the certificate, and the hook', async () => {
    const toml =
      '[deploy.lb]\ntype = "acme.sh"\nhome = "/a"\nscript = "x"\nprobe = "[::1]:8443"\nprobe_timeout_secs = 9\nhook = ["/bin/true"]';
    expect(await opened(toml, 'lb')).toMatchObject({
      probe: { host: '::1', port: 8443, within: { seconds: 9 } },
      hook: ['/bin/true'],
    });
  });
  it('says that a name is not in the configuration, and that an option does not fit', async () => {
    await expect(
      opened('[deploy.lb]\ntype = "acme.sh"\nhome = "/a"\nscript = "x"', 'lc'),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_DEPLOY',
      message: expect.stringContaining('[deploy.lc] in acmex.toml, or name one of lb'),
    });
    await expect(opened('', 'constructor')).rejects.toMatchObject({ code: 'ERR_CONFIG_DEPLOY' });
    await expect(
      opened('[deploy.lb]\ntype = "acme.sh"\nhome = "/a"\nscript = "../x"', 'lb'),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_DEPLOY',
      message: expect.stringMatching(/^the deploy target lb: .*not the name of a deploy script/),
    });
  });
  it('finds a target that certificates name and no table defines, and an unknown type', async () => {
    await using folder = await configFolder(
      '[deploy.lb]\ntype = "acme.sh"\nhome = "/a"\nscript = "x"\n[deploy.old]\ntype = "nothing"\n[[certificates]]\nnames = ["a.example"]\ndeploy_to = ["lb", "ld"]\n',
    );
    const { faults } = await checkConfig(folder.options);
    expect(faults.map(({ key, problem, cure }) => `${key} ${problem}: ${cure}`)).toEqual([
      expect.stringMatching(/^deploy\.old\.type .*write type = one of "acme\.sh"/),
      expect.stringMatching(/^certificates\[0\]\.deploy_to\[1\] is not defined: write "lb"/),
    ]);
  });
  it('finds a target that requests may name and no table defines, and one that is not of a tenant', async () => {
    const faultsOf = async (toml: string) => {
      await using folder = await configFolder(
        `${toml}\n[deploy.lb]\ntype = "acme.sh"\nhome = "/a"\nscript = "x"\n`,
      );
      const { faults } = await checkConfig(folder.options);
      return faults.map(({ key, problem, cure }) => `${key} ${problem}: ${cure}`);
    };
    const tenant = '[tenants.one]\nnames = ["*"]\n';
    await expect(faultsOf(`${tenant}deploy_targets = ["lb", "lc"]`)).resolves.toEqual([
      expect.stringMatching(/^tenants\.one\.deploy_targets\[1\] is not defined: write "lb"/),
    ]);
    await expect(faultsOf('[server]\ndeploy_targets = ["lb", "lc"]')).resolves.toEqual([
      expect.stringMatching(/^server\.deploy_targets\[1\] is not defined: write "lb"/),
    ]);
    await expect(faultsOf(`[server]\ndeploy_targets = ["lb"]\n${tenant}`)).resolves.toEqual([
      expect.stringMatching(/^server\.deploy_targets does not count .*\[tenants\.NAME\]/),
    ]);
  });
  it('hides credentials', async () => {
    await using folder = await configFolder(
      '[deploy.lb]\ntype = "acme.sh"\nhome = "/a"\nscript = "x"\nsettings = { TOKEN = "canary" }',
    );
    const { values } = await readConfig(folder.options);
    expect(JSON.stringify(values.deploy)).toContain('[secret]');
    expect(JSON.stringify(values.deploy)).not.toContain('canary');
  });
});
