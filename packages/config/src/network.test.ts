import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import { checkConfig, explain, explainProxyVariables, openNetwork, readConfig } from './index.ts';

const password = 's3cret-pass';
const proxy = `http://corp-user:${password}@proxy.example:3128`;

async function networkRows(toml: string, environment: Readonly<Record<string, string>> = {}) {
  await using folder = await configFolder(toml, { environment });
  const config = await readConfig(folder.options);
  return [...explain(config), ...explainProxyVariables(config, { environment })]
    .filter(({ key }) => key.startsWith('network.'))
    .map(({ key, value, origin }) => `${key} = ${value} from ${origin.replace(folder.path, '')}`);
}

async function refused(toml: string, environment: Readonly<Record<string, string>> = {}) {
  await using folder = await configFolder(toml, { environment });
  const { faults } = await checkConfig(folder.options);
  const opened = await openNetwork(undefined, { environment }).catch((error: unknown) => error);
  return { faults, opened };
}

describe('[network]', () => {
  it('shows the proxy of the file without user and password, and uses no variable then', async () => {
    const rows = await networkRows(
      `[network]\nproxy = "${proxy}"\nno_proxy = ["intern.example", "10.0.0.0/8"]`,
      { HTTPS_PROXY: 'http://other.example:1', NO_PROXY: 'elsewhere.example' },
    );
    expect(rows).toEqual([
      'network.proxy = http://…@proxy.example:3128 from /acmex.toml:2',
      'network.no_proxy = ["intern.example","10.0.0.0/8"] from /acmex.toml:3',
      'network.ca_certificates = [] from default',
      'network.use_system_ca = false from default',
    ]);
  });
  it('shows the variables that name proxies, those in lower case first', async () => {
    const rows = await networkRows('', {
      HTTPS_PROXY: 'http://upper.example:1',
      https_proxy: proxy,
      HTTP_PROXY: 'plain.example:8080',
      http_proxy: '',
      NO_PROXY: 'a.example, .b.example',
    });
    expect(rows).toEqual([
      'network.ca_certificates = [] from default',
      'network.use_system_ca = false from default',
      'network.proxy (https) = "http://…@proxy.example:3128" from https_proxy',
      'network.proxy (http) = "plain.example:8080" from HTTP_PROXY',
      'network.no_proxy = ["a.example",".b.example"] from NO_PROXY',
    ]);
  });
  it('uses no proxy with "none", whatever the variables say', async () => {
    expect(await networkRows('[network]\nproxy = "none"', { HTTPS_PROXY: proxy })).toEqual([
      'network.proxy = "none" from /acmex.toml:2',
      'network.ca_certificates = [] from default',
      'network.use_system_ca = false from default',
    ]);
  });
  it.each([
    [`socks5://corp-user:${password}@proxy.example:1080`, 'is of a SOCKS proxy'],
    [`ftp://corp-user:${password}@proxy.example`, 'has a scheme that is not supported'],
    [`http://corp-user:${password}@proxy.example:port`, 'is not a valid URL'],
    [`http://corp-user:${password}%@proxy.example`, 'has a user or password'],
  ])('refuses a proxy that cannot be used, and does not repeat it: %#', async (url, problem) => {
    const inFile = await refused(`[network]\nproxy = "${url}"`);
    const inVariable = await refused('', { https_proxy: url });
    for (const { faults } of [inFile, inVariable]) {
      expect(faults).toMatchObject([
        { key: 'network.proxy', problem: expect.stringContaining(problem) },
      ]);
      expect(JSON.stringify(faults)).not.toContain(password);
    }
    expect(inVariable.faults).toMatchObject([{ origin: { variable: 'https_proxy' } }]);
    expect(inVariable.opened).toMatchObject({
      code: 'ERR_CONFIG_NETWORK',
      message: expect.stringMatching(/^https_proxy /),
    });
    expect(String(inVariable.opened)).not.toContain(password);
  });
  it('names a file with root certificates that cannot be used', async () => {
    await using folder = await configFolder('');
    const empty = await folder.write('empty.pem', 'nothing');
    const opened = async (values: object, environment = {}) =>
      await openNetwork(
        { values: { network: { ca_certificates: [], use_system_ca: false, ...values } } } as never,
        { environment },
      );
    await expect(opened({ ca_certificates: ['/absent.pem'] })).rejects.toMatchObject({
      code: 'ERR_CONFIG_NETWORK',
      message:
        'the file /absent.pem of network.ca_certificates cannot be read (ENOENT): correct the path, or its permissions',
    });
    await expect(opened({ ca_certificates: [empty] })).rejects.toMatchObject({
      message: expect.stringContaining('has no certificate in PEM'),
    });
    await expect(
      opened({ use_system_ca: true }, { SSL_CERT_FILE: '/absent.pem' }),
    ).rejects.toMatchObject({ message: expect.stringContaining('SSL_CERT_FILE') });
    await expect(
      opened({ use_system_ca: true }, { SSL_CERT_FILE: await rootFile(folder) }),
    ).resolves.toHaveProperty('webFetch');
  });
});

async function rootFile(folder: { write(name: string, text: string): Promise<string> }) {
  return await folder.write('root.pem', new X509Certificate(rootCertificates[0] ?? '').toString());
}
