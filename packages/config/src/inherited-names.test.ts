import { describe, expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import { checkConfig, readConfig } from './index.ts';

/** Names that every object of JavaScript has. */
const inherited = ['constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__'] as const;

describe.each(inherited)('%s, which every object has,', (name) => {
  it.each([
    ['a CA', `[acme]\nca = "${name}"`],
    ['a CA of an issuer', `[issuers.x]\nca = "${name}"`],
    ['a DNS provider', `[challenge.dns01]\nprovider = "${name}"`],
    ['a type of DNS provider', `[[challenge.dns01.providers]]\nname = "x"\ntype = "${name}"`],
    ['an issuer of a tenant', `[tenants.x]\nnames = ["*"]\nissuers = ["${name}"]`],
    ['a deploy target of a tenant', `[tenants.x]\nnames = ["*"]\ndeploy_targets = ["${name}"]`],
    ['a deploy target of the server', `[server]\ndeploy_targets = ["${name}"]`],
    ['a tenant of a webhook', `[[server.webhooks]]\nname = "x"\ntenant = "${name}"\nsecret = "x"`],
    ['a key', `[server]\n"${name}" = 1`],
    ['a table', `["${name}"]\nx = 1`],
    ['a type of key', `[[certificates]]\nnames = ["a.test"]\nkey_type = "${name}"`],
    ['an issuer of a certificate', `[[certificates]]\nnames = ["a.test"]\nissuer = "${name}"`],
    ['a variable', `[acme]\ncontact = ["\${${name}}"]`],
  ])('is not %s that exists', async (_, toml) => {
    await using folder = await configFolder(toml);
    const { config, faults } = await checkConfig(folder.options);
    expect([config, faults.length]).toEqual([undefined, 1]);
    expect(JSON.stringify(faults)).not.toContain('native code');
  });
  it('is not the name of a CA for other parts of a configuration that names it as its CA', async () => {
    const keysOf = async (toml: string) => {
      await using folder = await configFolder(`[acme]\nca = "${name}"\n${toml}`);
      return (await checkConfig(folder.options)).faults.map(({ key }) => key);
    };
    const certificate = `[[certificates]]\nnames = ["a.test"]\nissuer = "${name}"`;
    await expect(keysOf(certificate)).resolves.toContain('certificates[0].issuer');
    const issuer = '[issuers.x]\ndirectory = "https://ca.test/"';
    await expect(keysOf(issuer)).resolves.not.toContain(`issuers.${name}`);
  });
  it('is not a variable with a credential unless it is set', async () => {
    await using folder = await configFolder(`[server]\napi_keys = [{ env = "${name}" }]`);
    const { values } = await readConfig(folder.options);
    await expect(values.server.api_keys[0]?.reveal()).rejects.toMatchObject({
      code: 'ERR_CONFIG_CREDENTIAL',
    });
  });
});
