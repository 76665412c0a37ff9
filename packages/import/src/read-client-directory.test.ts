import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSelfSigned, privateKeyPem, webcrypto } from '@acmex/certificate';
import { type TemporaryFolder, temporaryFolder } from '@acmex/services';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ClientName, readClientDirectory } from './index.ts';

interface Pair {
  readonly chain: string;
  readonly key: string;
}

async function pair(...names: readonly string[]): Promise<Pair> {
  const key = await webcrypto().generate('ec-p256');
  const identifiers = names.map((value) => ({ type: 'dns' as const, value }));
  return {
    chain: await createSelfSigned({ identifiers, key }),
    key: Buffer.from(await privateKeyPem(key)).toString(),
  };
}

let site: Pair;
let api: Pair;
const account = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const accountPem = account.export({ type: 'sec1', format: 'pem' }).toString();
const accountUrl = 'https://ca.example/acme/acct/1';
const directory = 'https://ca.example/directory';
let folder: TemporaryFolder;

beforeAll(async () => {
  [site, api] = await Promise.all([pair('site.example', 'www.site.example'), pair('b.example')]);
});
beforeEach(async () => {
  folder = await temporaryFolder('import');
});
afterEach(async () => {
  await folder?.[Symbol.asyncDispose]();
});

const at = (...names: readonly string[]) => join(folder.path, ...names);
const write = async (files: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
  }
};
const read = async (client: ClientName) => await readClientDirectory(client, folder.path);

describe('readClientDirectory', () => {
  it.each(['certbot', 'lego', 'acme.sh', 'dehydrated', 'caddy'] as const)(
    'refuses a directory that is not one of %s',
    async (client) => {
      await expect(read(client)).rejects.toMatchObject({ code: 'ERR_IMPORT_DIRECTORY' });
      await expect(readClientDirectory(client, at('missing'))).rejects.toMatchObject({
        code: 'ERR_IMPORT_DIRECTORY',
      });
    },
  );
});

describe('a directory of certbot', () => {
  const renewal = (lines: string) =>
    `version = 2.1.0\n[renewalparams]\naccount = a1\nserver = ${directory}\nkey_type = ecdsa\n${lines}\n`;
  const lineage = ({ chain, key }: Pair, name = 'site.example') => ({
    [`archive/${name}/fullchain1.pem`]: chain,
    [`archive/${name}/privkey1.pem`]: key,
  });
  const linked = async (name = 'site.example') => {
    await mkdir(at('live', name), { recursive: true });
    for (const file of ['fullchain', 'privkey'])
      await symlink(`../../archive/${name}/${file}1.pem`, at('live', name, `${file}.pem`));
  };
  const certificateWith = async (lines: string) => {
    await write({ ...lineage(site), 'renewal/site.example.conf': renewal(lines) });
    await linked();
    const [certificate] = (await read('certbot')).certificates;
    return certificate!;
  };

  it('has the certificate with its chain, key and account', async () => {
    await write({
      'accounts/ca.example/directory/a1/private_key.json': JSON.stringify(
        account.export({ format: 'jwk' }),
      ),
      'accounts/ca.example/directory/a1/regr.json': JSON.stringify({ body: {}, uri: accountUrl }),
    });
    await certificateWith('authenticator = webroot\n[[webroot_map]]\nsite.example = /srv/www');
    await expect(read('certbot')).resolves.toMatchObject({
      failures: [],
      accounts: [
        {
          id: 'ca.example/directory/a1',
          ca: { directory },
          url: accountUrl,
          key: account.export({ type: 'pkcs8', format: 'pem' }),
        },
      ],
      certificates: [
        {
          name: 'site.example',
          names: ['site.example', 'www.site.example'],
          chain: site.chain,
          privateKey: site.key,
          keyType: 'ec-p256',
          ca: { directory },
          account: 'ca.example/directory/a1',
          challenge: { type: 'http-01', webroot: '/srv/www' },
        },
      ],
    });
  });

  it.each([
    ['authenticator = standalone\nhttp01_port = 8080', { type: 'http-01', port: 8080 }],
    ['authenticator = webroot\nwebroot_path = /srv/www,', { type: 'http-01', webroot: '/srv/www' }],
    [
      'authenticator = manual\npref_challs = dns-01,\nmanual_auth_hook = /bin/a\nmanual_cleanup_hook = /bin/c',
      {
        type: 'dns-01',
        provider: 'certbot',
        variables: { CERTBOT_MANUAL_AUTH_HOOK: '/bin/a', CERTBOT_MANUAL_CLEANUP_HOOK: '/bin/c' },
      },
    ],
    ['authenticator = dns-route53', { type: 'dns-01', provider: 'route53', variables: {} }],
  ])('is validated as it says: %s', async (lines, challenge) => {
    expect((await certificateWith(lines)).challenge).toEqual(challenge);
  });

  it('has the credentials of a DNS host from the file that it names', async () => {
    await write({ 'cloudflare.ini': '# secret\ndns_cloudflare_api_token = token of the host\n' });
    const { challenge } = await certificateWith(
      `authenticator = dns-cloudflare\ndns_cloudflare_credentials = ${at('cloudflare.ini')}`,
    );
    expect(challenge).toEqual({
      type: 'dns-01',
      provider: 'cloudflare',
      variables: { CLOUDFLARE_API_TOKEN: 'token of the host' },
    });
  });

  it.each([
    ['authenticator = nginx', 'authenticator'],
    ['authenticator = webroot\n[[webroot_map]]\na = /a\nb = /b', 'webroot_map'],
    ['authenticator = dns-cloudflare', 'dns_cloudflare_credentials'],
    ['authenticator = standalone\npre_hook = systemctl stop nginx', 'pre_hook'],
    ['authenticator = standalone\nrenew_hook = cp $RENEWED_LINEAGE/a /b', 'renew_hook'],
    ['authenticator = standalone\nrenew_hook = touch "a', 'renew_hook'],
  ])('says what cannot be taken over: %s', async (lines, setting) => {
    const { omitted } = await certificateWith(lines);
    expect(omitted).toContainEqual({ setting, reason: expect.any(String) });
  });

  it('leaves out the accounts of ACME v1, which certbot keeps for ACME v2', async () => {
    const v1 = 'accounts/acme-v01.api.letsencrypt.org/directory';
    await write({
      [`${v1}/a1/private_key.json`]: JSON.stringify(account.export({ format: 'jwk' })),
    });
    await mkdir(at('accounts/acme-v02.api.letsencrypt.org'), { recursive: true });
    await symlink(
      '../acme-v01.api.letsencrypt.org/directory',
      at('accounts/acme-v02.api.letsencrypt.org/directory'),
    );
    expect((await read('certbot')).accounts.map(({ id }) => id)).toEqual([
      'acme-v02.api.letsencrypt.org/directory/a1',
    ]);
  });

  it('is read to its end where links lead in circles', async () => {
    await mkdir(at('accounts'), { recursive: true });
    for (const name of ['one', 'two']) await symlink('.', at(`accounts/${name}`));
    await expect(read('certbot')).rejects.toMatchObject({ code: 'ERR_IMPORT_DIRECTORY' });
  });

  it('has hooks that need no shell, and the settings of a renewal', async () => {
    const certificate = await certificateWith(
      'authenticator = standalone\nrenew_hook = systemctl reload "my server"\npost_hook = /bin/after\nreuse_key = True\npreferred_chain = Root X',
    );
    expect(certificate).toMatchObject({
      deploy: [{ hook: ['systemctl', 'reload', 'my server'] }, { after: ['/bin/after'] }],
      reuseKey: true,
      preferredChain: 'Root X',
    });
  });

  it('reports a key of another certificate, a damaged and a missing file for that certificate only', async () => {
    await write({
      ...lineage(site),
      ...lineage({ ...api, key: site.key }, 'b.example'),
      ...lineage({ ...api, chain: 'no certificate' }, 'c.example'),
      'renewal/d.example.conf': renewal(''),
      'accounts/ca.example/directory/a1/private_key.json': '{"kty":"EC","d":"secret',
    });
    for (const name of ['site.example', 'b.example', 'c.example']) {
      await write({ [`renewal/${name}.conf`]: renewal('authenticator = standalone') });
      await linked(name);
    }
    const { certificates, failures } = await read('certbot');
    expect(certificates.map(({ name }) => name)).toEqual(['site.example']);
    expect(failures.map(({ name, error }) => [name, error.code])).toEqual([
      ['ca.example/directory/a1', 'ERR_IMPORT_ACCOUNT'],
      ['b.example', 'ERR_IMPORT_KEY_MISMATCH'],
      ['c.example', 'ERR_IMPORT_CERTIFICATE'],
      ['d.example', 'ERR_IMPORT_FILE'],
    ]);
    expect(JSON.stringify(failures.map(({ error }) => error.message))).not.toContain('secret');
  });
});

describe('a directory of acme.sh', () => {
  const conf = (lines: string) =>
    `Le_Domain='site.example'\nLe_Alt='www.site.example'\nLe_API='${directory}'\nLe_Keylength='ec-256'\n${lines}\n`;
  const files = (lines: string) => ({
    'account.conf': "ACCOUNT_EMAIL='a@site.example'\nSAVED_CF_Token='token of the host'\n",
    'ca/ca.example/directory/account.key': accountPem,
    'ca/ca.example/directory/ca.conf': `ACCOUNT_URL='${accountUrl}'\n`,
    'site.example_ecc/site.example.conf': conf(lines),
    'site.example_ecc/site.example.key': site.key,
    'site.example_ecc/fullchain.cer': site.chain,
  });
  const base64 = (command: string) =>
    `__ACME_BASE64__START_${Buffer.from(command).toString('base64')}__ACME_BASE64__END_`;

  it('has the certificate with its key, account, files and hooks', async () => {
    await write(
      files(
        `Le_Webroot='/srv/www'\nLe_RealKeyPath='/etc/ssl/key.pem'\nLe_RealFullChainPath='/etc/ssl/chain.pem'\nLe_ReloadCmd='${base64('systemctl reload nginx')}'\nLe_PreHook='${base64('a; b')}'`,
      ),
    );
    await expect(read('acme.sh')).resolves.toMatchObject({
      failures: [],
      accounts: [{ id: 'ca.example/directory', ca: { directory }, url: accountUrl }],
      certificates: [
        {
          name: 'site.example_ecc',
          account: 'ca.example/directory',
          ca: { directory },
          reuseKey: true,
          challenge: { type: 'http-01', webroot: '/srv/www' },
          deploy: [
            { certPath: '/etc/ssl/chain.pem', keyPath: '/etc/ssl/key.pem' },
            { hook: ['systemctl', 'reload', 'nginx'] },
          ],
          omitted: [{ setting: 'Le_PreHook', reason: expect.any(String) }],
        },
      ],
    });
  });

  it.each([
    ["Le_Webroot='no'\nLe_HTTPPort='8080'", { type: 'http-01', port: 8080 }],
    ["Le_Webroot='alpn'", { type: 'tls-alpn-01' }],
    [
      "Le_Webroot='dns_cf'",
      { type: 'dns-01', provider: 'dns_cf', variables: { CF_Token: 'token of the host' } },
    ],
    ["Le_Webroot='nginx:'", undefined],
    ["Le_Webroot='/a,/b'", undefined],
  ])('is validated as it says: %s', async (lines, challenge) => {
    await write(files(lines));
    const [certificate] = (await read('acme.sh')).certificates;
    expect(certificate!.challenge).toEqual(challenge);
    expect(certificate!.omitted.length > 0).toBe(challenge === undefined);
  });
});

describe('a directory of dehydrated', () => {
  const accountFolder = `accounts/${Buffer.from(`${directory}\n`).toString('base64url')}`;
  const files = (config: string) => ({
    config,
    'base/certs/site.example/fullchain.pem': site.chain,
    'base/certs/site.example/privkey.pem': site.key,
    'base/certs/new.example/cert-1.csr': '',
    [`base/${accountFolder}/account_key.pem`]: accountPem,
    [`base/${accountFolder}/account_id.json`]: JSON.stringify({ url: accountUrl }),
  });

  it('is read from the directory of its configuration, without a shell', async () => {
    await write(
      files(
        `BASEDIR="${at('base')}"\nCA=${directory} # ours\nWELLKNOWN="\${BASEDIR}/www/.well-known/acme-challenge"\nHOOK=$(touch ${at('ran')})\nPRIVATE_KEY_RENEW=no\n`,
      ),
    );
    await expect(read('dehydrated')).resolves.toMatchObject({
      failures: [],
      accounts: [{ id: directory, url: accountUrl }],
      certificates: [
        {
          name: 'site.example',
          ca: { directory },
          account: directory,
          reuseKey: true,
          challenge: { type: 'http-01', webroot: at('base/www') },
        },
      ],
    });
    expect(await readdir(folder.path)).not.toContain('ran');
  });

  it('reads the settings of one certificate, and says what cannot be taken over', async () => {
    await write({
      ...files(''),
      'base/certs/site.example/config': 'CHALLENGETYPE="dns-01"\nHOOK=/bin/hook\n',
    });
    const { certificates } = await readClientDirectory('dehydrated', at('base'));
    expect(certificates[0]!.omitted.map(({ setting }) => setting)).toEqual([
      'CHALLENGETYPE',
      'HOOK',
      'certs',
    ]);
  });
});

describe('a directory of Caddy', () => {
  const certificate = (issuer: string, data: object | null) => ({
    [`certificates/${issuer}/site.example/site.example.crt`]: site.chain,
    [`certificates/${issuer}/site.example/site.example.key`]: site.key,
    [`certificates/${issuer}/site.example/site.example.json`]: JSON.stringify({
      sans: ['site.example'],
      issuer_data: data,
    }),
  });
  const user = (email: string, file: string, content: object) => ({
    [`acme/ca.example-directory/users/${email}/${file}.key`]: accountPem,
    [`acme/ca.example-directory/users/${email}/${file}.json`]: JSON.stringify(content),
  });

  it('has the certificate with the CA and the account that its file names', async () => {
    await write({
      ...certificate('ca.example-directory', {
        url: 'https://ca.example/cert/1',
        ca: directory,
        account: accountUrl,
      }),
      ...user('a@site.example', 'a', { location: 'https://ca.example/acme/acct/9' }),
      ...user('default', 'default', { location: accountUrl }),
    });
    const { failures, accounts, certificates } = await read('caddy');
    expect(failures).toEqual([]);
    expect(accounts).toMatchObject([
      { id: 'ca.example-directory/a@site.example', ca: { directory } },
      { id: 'ca.example-directory/default', ca: { directory }, url: accountUrl },
    ]);
    expect(certificates).toMatchObject([
      {
        ...{ name: 'site.example', chain: site.chain, ca: { directory } },
        account: 'ca.example-directory/default',
        omitted: [{ setting: 'challenge' }, { setting: 'tls' }],
      },
    ]);
  });

  it('of an earlier version has the host of the CA', async () => {
    await write({
      ...certificate('ca.example-directory', { url: 'https://ca.example/cert/1' }),
      ...user('a@site.example', 'a', { Email: 'a', Registration: { uri: accountUrl } }),
    });
    await expect(read('caddy')).resolves.toMatchObject({
      accounts: [{ ca: { host: 'ca.example' }, url: accountUrl }],
      certificates: [{ ca: { host: 'ca.example' } }],
    });
  });

  it('reports a certificate of the own CA of Caddy, and a file that is not JSON', async () => {
    await write({
      ...certificate('local', null),
      ...certificate('ca.example-directory', {}),
      'certificates/ca.example-directory/site.example/site.example.json': '{',
    });
    await expect(read('caddy')).resolves.toMatchObject({
      certificates: [],
      failures: [
        { name: 'ca.example-directory/site.example', error: { code: 'ERR_IMPORT_ACCOUNT' } },
        { name: 'local/site.example', error: { message: expect.stringContaining('own CA') } },
      ],
    });
  });
});

describe('a directory of lego', () => {
  const files = {
    'accounts/ca.example_14000/a@site.example/account.json': JSON.stringify({
      email: 'a@site.example',
      registration: { body: {}, uri: 'https://ca.example:14000/acct/1' },
    }),
    'accounts/ca.example_14000/a@site.example/keys/a@site.example.key': accountPem,
    'certificates/site.example.json': JSON.stringify({
      domain: 'site.example',
      certUrl: 'https://ca.example:14000/cert/1',
    }),
  };

  it('has the certificate with its issuer, key and account', async () => {
    await write({
      ...files,
      'certificates/site.example.crt': site.chain,
      'certificates/site.example.issuer.crt': api.chain,
      'certificates/site.example.key': site.key,
    });
    await expect(read('lego')).resolves.toMatchObject({
      failures: [],
      accounts: [{ ca: { host: 'ca.example:14000' }, url: 'https://ca.example:14000/acct/1' }],
      certificates: [
        {
          name: 'site.example',
          chain: site.chain + api.chain,
          ca: { host: 'ca.example:14000' },
          account: 'ca.example_14000/a@site.example',
        },
      ],
    });
  });

  it('reports a certificate of which it has no key', async () => {
    await write({ ...files, 'certificates/site.example.crt': site.chain });
    await expect(read('lego')).resolves.toMatchObject({
      certificates: [],
      failures: [{ name: 'site.example', error: { code: 'ERR_IMPORT_FILE' } }],
    });
  });
});
