import { describe, expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import { checkConfig, issuersOf, readConfig } from './index.ts';

async function faultsOf(toml: string, environment: Readonly<Record<string, string>> = {}) {
  await using folder = await configFolder(toml, { environment });
  const { faults } = await checkConfig(folder.options);
  return faults.map(({ key, problem, cure }) => `${key} ${problem}: ${cure}`);
}

const pkcs11 = '[keys.pkcs11]\nmodule = "/usr/lib/softhsm/libsofthsm2.so"\n';
const certificate = '[[certificates]]\nnames = ["a.test"]\nkey = "pkcs11:token=web;object=www"\n';

describe('a key in a device', () => {
  it('of a certificate and of an account needs a table that says how to sign', async () => {
    await expect(faultsOf(`[acme]\naccount_key = "kms:account"\n${certificate}`)).resolves.toEqual([
      expect.stringMatching(
        /^acme\.account_key begins with kms:.*set keys\.programs\.kms\.command$/,
      ),
      expect.stringMatching(
        /^certificates\[0\]\.key begins with pkcs11:.*set keys\.pkcs11\.module$/,
      ),
    ]);
    const issuer =
      '[issuers.second]\ndirectory = "https://ca.test/d"\naccount_key = "kms:account"\n';
    const program = '[keys.programs.kms]\ncommand = ["/usr/local/bin/kms-sign"]\n';
    await expect(faultsOf(`${issuer}${program}${pkcs11}${certificate}`)).resolves.toEqual([]);
  });
  it('gets its module and its PIN from variables as well', async () => {
    const environment = {
      ACMEX_KEYS_PKCS11_MODULE: '/usr/lib/softhsm/libsofthsm2.so',
      ACMEX_KEYS_PKCS11_PIN: '12345678',
    };
    await expect(faultsOf(certificate, environment)).resolves.toEqual([]);
    await using folder = await configFolder(certificate, { environment });
    const { values } = await readConfig(folder.options);
    expect(values.certificates).toMatchObject([{ key: 'pkcs11:token=web;object=www' }]);
    await expect(values.keys.pkcs11.pin?.reveal()).resolves.toBe('12345678');
    expect(JSON.stringify(values)).not.toContain('12345678');
  });
  it.each([
    ['key_type = "rsa-2048"', /^certificates\[0\]\.key_type does not go with key/],
    [
      'deploy = [{ cert_path = "/a.pem", key_path = "/k.pem" }]',
      /^certificates\[0\]\.deploy\[0\]\.key_path .*never leaves its device/,
    ],
    [
      '[keys.programs.pkcs11]\ncommand = ["/p"]',
      /^keys\.programs\.pkcs11 has a name that is taken/,
    ],
    ['[keys.programs.kms]\ncommand = ["/p"]\nenv = ["A*"]', /^keys\.programs\.kms\.env/],
  ])('is a fault with %s', async (line, fault) => {
    await expect(faultsOf(`${pkcs11}${certificate}${line}\n`)).resolves.toEqual([
      expect.stringMatching(fault),
    ]);
  });
  it.each(['', '/etc/key.pem', 'pkcs11:', '-----BEGIN PRIVATE KEY-----', 'pkcs11:token=a b'])(
    'is not %j',
    async (key) => {
      await expect(
        faultsOf(`[[certificates]]\nnames = ["a.test"]\nkey = ${JSON.stringify(key)}\n`),
      ).resolves.toEqual([
        expect.stringMatching(/^certificates\[0\]\.key .*write the URI of a key/),
      ]);
    },
  );
  it('of an account belongs to the issuer', async () => {
    await using folder = await configFolder(
      `${pkcs11}[acme]\naccount_key = "pkcs11:token=acme;id=%01"\n`,
    );
    expect(issuersOf(await readConfig(folder.options))).toMatchObject([
      { account_key: 'pkcs11:token=acme;id=%01' },
    ]);
  });
});
