import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from '../config.testing.ts';
import {
  type Config,
  dnsProviderKinds,
  dnsVariablesRecord,
  openNamedDnsProvider,
  readConfig,
  Secret,
} from '../index.ts';
import type { Environment } from '../substitution.ts';
import { choiceOf, type DnsOption, keyPathOf } from './kind.ts';
import { dnsKinds } from './kinds.ts';
import { dnsProviderOfVariables } from './open.ts';

const kindOf = (type: string) => dnsKinds.find((kind) => kind.type === type)!;
const unattended = dnsKinds.filter(({ attended }) => !attended);
const config = async (toml = ''): Promise<Config> => {
  await using folder = await configFolder(toml);
  return await readConfig(folder.options);
};
/** An environment that says which of its variables were looked at. */
const watched = (values: Environment) => {
  const seen = new Set<string>();
  return {
    seen,
    environment: new Proxy(values, {
      get: (target, name) => {
        seen.add(String(name));
        return Reflect.get(target, name);
      },
    }),
  };
};
const values = {
  url: 'https://a.example',
  region: 'cn-north-4',
  path: '/bin/true',
  command: '/bin/true',
};
const valueFor = ({ format, choices, secret }: DnsOption) => {
  if (choices || secret) return choices?.[0] ?? 'eA==';
  return format ? values[format] : 'dns_a';
};

/**
 * The variables that the documentation of lego and acme.sh names for credentials and zones.
 * @see https://go-acme.github.io/lego/dns/
 * @see https://github.com/acmesh-official/acme.sh/wiki/dnsapi
 */
const foreignVariables: Readonly<Record<string, string>> = {
  acmedns:
    'ACME_DNS_API_BASE ACME_DNS_STORAGE_PATH ACME_DNS_STORAGE_BASE_URL ACME_DNS_ALLOWLIST ACMEDNS_UPDATE_URL ACMEDNS_BASE_URL ACMEDNS_USERNAME ACMEDNS_PASSWORD ACMEDNS_SUBDOMAIN',
  alibaba:
    'ALICLOUD_RAM_ROLE ALICLOUD_ACCESS_KEY ALICLOUD_SECRET_KEY ALICLOUD_SECURITY_TOKEN ALICLOUD_REGION_ID ALICLOUD_LINE Ali_Key Ali_Secret',
  azure:
    'AZURE_CLIENT_ID AZURE_CLIENT_SECRET AZURE_TENANT_ID AZURE_CLIENT_CERTIFICATE_PATH AZURE_AUTH_METHOD AZURE_AUTH_MSI_TIMEOUT AZURE_MSI_TIMEOUT AZURE_SUBSCRIPTION_ID AZURE_RESOURCE_GROUP AZURE_ENVIRONMENT AZURE_PRIVATE_ZONE AZURE_ZONE_NAME AZURE_SERVICEDISCOVERY_FILTER AZURE_METADATA_ENDPOINT IMDS_ENDPOINT IDENTITY_ENDPOINT AZURE_OIDC_TOKEN AZURE_OIDC_TOKEN_FILE_PATH AZURE_OIDC_REQUEST_URL AZURE_OIDC_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN AZURE_FEDERATED_TOKEN_FILE AZUREDNS_TENANTID AZUREDNS_APPID AZUREDNS_CLIENTSECRET AZUREDNS_SUBSCRIPTIONID AZUREDNS_BEARERTOKEN AZUREDNS_MANAGEDIDENTITY',
  cloudflare:
    'CF_API_EMAIL CF_API_KEY CF_DNS_API_TOKEN CF_ZONE_API_TOKEN CLOUDFLARE_EMAIL CLOUDFLARE_API_KEY CLOUDFLARE_DNS_API_TOKEN CLOUDFLARE_ZONE_API_TOKEN CLOUDFLARE_BASE_URL CF_Token CF_Key CF_Email CF_Zone_ID CF_Account_ID',
  cloudns: 'CLOUDNS_AUTH_ID CLOUDNS_SUB_AUTH_ID CLOUDNS_AUTH_PASSWORD',
  digitalocean: 'DO_AUTH_TOKEN DO_API_URL DO_API_KEY',
  exec: 'EXEC_PATH EXEC_MODE',
  godaddy: 'GODADDY_API_KEY GODADDY_API_SECRET GD_Key GD_Secret',
  google:
    'GCE_PROJECT GCE_SERVICE_ACCOUNT GCE_SERVICE_ACCOUNT_FILE GCE_IMPERSONATE_SERVICE_ACCOUNT GCE_ZONE_ID GCE_ALLOW_PRIVATE_ZONE CLOUDSDK_ACTIVE_CONFIG_NAME GOOGLE_APPLICATION_CREDENTIALS',
  httpreq: 'HTTPREQ_ENDPOINT HTTPREQ_MODE HTTPREQ_USERNAME HTTPREQ_PASSWORD',
  huawei:
    'HUAWEICLOUD_ACCESS_KEY_ID HUAWEICLOUD_SECRET_ACCESS_KEY HUAWEICLOUD_REGION HUAWEICLOUD_Username HUAWEICLOUD_Password HUAWEICLOUD_DomainName',
  linode: 'LINODE_TOKEN LINODE_API_KEY LINODE_V4_API_KEY',
  powerdns: 'PDNS_API_KEY PDNS_API_URL PDNS_SERVER_NAME PDNS_Url PDNS_ServerId PDNS_Token PDNS_Ttl',
  rfc2136:
    'RFC2136_NAMESERVER RFC2136_TSIG_KEY RFC2136_TSIG_SECRET RFC2136_TSIG_ALGORITHM RFC2136_TSIG_FILE DNSUPDATE_NAMESERVER DNSUPDATE_TSIG_KEY DNSUPDATE_TSIG_SECRET DNSUPDATE_TSIG_ALGORITHM DNSUPDATE_TSIG_FILE DNSUPDATE_ZONES DNSUPDATE_TSIG_GSS_REALM DNSUPDATE_TSIG_GSS_USERNAME DNSUPDATE_TSIG_GSS_PASSWORD DNSUPDATE_TSIG_GSS_KEYTAB_FILE DNSUPDATE_RFC3645_REALM DNSUPDATE_RFC3645_USERNAME DNSUPDATE_RFC3645_PASSWORD DNSUPDATE_RFC3645_KEYTAB_FILE NSUPDATE_SERVER NSUPDATE_SERVER_PORT NSUPDATE_KEY NSUPDATE_ZONE NSUPDATE_OPT',
  route53:
    'AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_ASSUME_ROLE_ARN AWS_EXTERNAL_ID AWS_HOSTED_ZONE_ID AWS_PROFILE AWS_REGION AWS_SDK_LOAD_CONFIG AWS_SHARED_CREDENTIALS_FILE AWS_WAIT_FOR_RECORD_SETS_CHANGED AWS_PRIVATE_ZONE AWS_MAX_RETRIES AWS_DNS_SLOWRATE',
  tencent:
    'TENCENTCLOUD_SECRET_ID TENCENTCLOUD_SECRET_KEY TENCENTCLOUD_SESSION_TOKEN TENCENTCLOUD_REGION DNSPOD_API_KEY DP_Id DP_Key DPI_Id DPI_Key Tencent_SecretId Tencent_SecretKey',
};

/** What lego (`--dns`) and acme.sh (`--dns`) call these hosts, where that is not our name. */
const foreignNames: Readonly<Record<string, string>> = {
  acmedns: 'acme-dns dns_acmedns',
  alibaba: 'alidns dns_ali',
  azure: 'azuredns dns_azure',
  cloudflare: 'dns_cf',
  cloudns: 'dns_cloudns',
  digitalocean: 'dns_dgon',
  godaddy: 'dns_gd',
  google: 'gcloud dns_gcloud',
  huawei: 'huaweicloud dns_huaweicloud',
  linode: 'linodev4 dns_linode dns_linode_v4',
  powerdns: 'pdns dns_pdns',
  rfc2136: 'dnsupdate dns_nsupdate',
  route53: 'dns_aws',
  tencent: 'tencentcloud dnspod dns_tencent dns_dp dns_dpi',
};

describe('a DNS provider without a configuration', () => {
  it.each(unattended.map((kind) => [kind.type, kind] as const))(
    '%s is opened by every name of its variables, and no other variable is looked at',
    async (type, kind) => {
      const values = await config();
      const known = [
        ...kind.options.map(({ env }) => env),
        ...(kind.instead ?? []).map(({ variables }) => variables),
      ].flat();
      for (const at of [0, 1, 2]) {
        const variables = Object.fromEntries(
          kind.options.map((option) => [option.env[at] ?? option.env[0]!, valueFor(option)]),
        );
        const { seen, environment } = watched({ ...variables, HOME: '/root', OTHER: 'x' });
        dnsProviderOfVariables(kind, environment);
        expect([...seen].filter((name) => !known.includes(name))).toEqual([]);
        await expect(
          openNamedDnsProvider(type, { config: values, environment: variables }),
        ).resolves.toMatchObject({ name: type });
      }
    },
  );
  it.each(
    unattended
      .filter(({ options }) => options.some(({ optional }) => !optional))
      .map((kind) => [kind.type, kind] as const),
  )(
    '%s says what is missing, by every name that it has, and where to get it',
    async (type, { options, links }) => {
      const opened = openNamedDnsProvider(type, {
        config: await config(),
        environment: { [options[0]!.env[0]!]: '' },
      });
      await expect(opened).rejects.toMatchObject({
        code: 'ERR_CONFIG_PROOF',
        message: expect.stringContaining(links.credentials ?? links.api!),
      });
      for (const { env } of options.filter(({ optional }) => !optional))
        await expect(opened).rejects.toMatchObject({
          message: expect.stringContaining(env.join(' or ')),
        });
    },
  );
  it('takes the first of its names that is set and not empty, as a credential that shows itself to nobody', async () => {
    const { api_token: token } = dnsProviderOfVariables(kindOf('cloudflare'), {
      CLOUDFLARE_API_TOKEN: '',
      CLOUDFLARE_DNS_API_TOKEN: 'second',
      CF_DNS_API_TOKEN: 'third',
    });
    expect(JSON.stringify(token)).toBe('"[secret]"');
    expect(token instanceof Secret ? await token.reveal() : '').toBe('second');
  });
  it('knows what users of lego and acme.sh have, of every kind of host that these have', () => {
    const ours = ['acme.sh', 'certbot'];
    expect([...Object.keys(foreignVariables), ...ours].sort()).toEqual(
      unattended.map(({ type }) => type).sort(),
    );
  });
  it.each(Object.entries(foreignVariables))(
    '%s takes the names of lego and acme.sh, or says what to use instead',
    (type, names) => {
      const { options, instead = [] } = kindOf(type);
      const known = [
        ...options.flatMap(({ env }) => env),
        ...instead.flatMap(({ variables }) => variables),
      ];
      expect(names.split(' ').filter((name) => !known.includes(name))).toEqual([]);
    },
  );
  it.each([
    ['Cloudflare', 'cloudflare'],
    ['cloudflair', 'cloudflare'],
    ['route-53', 'route53'],
    ['digital-ocean', 'digitalocean'],
    ...Object.entries(foreignNames).flatMap(([type, names]) =>
      names.split(' ').map((name) => [name, type] as const),
    ),
  ])('asks whether the provider %s means %s', async (name, meant) => {
    await expect(
      openNamedDnsProvider(name, { config: await config(), environment: {} }),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_PROOF',
      message: expect.stringContaining(
        `the DNS provider "${name}" is not known (did you mean ${meant}?): choose among `,
      ),
    });
  });
  it('names no provider where none has a similar name', async () => {
    await expect(
      openNamedDnsProvider('something', { config: await config(), environment: {} }),
    ).rejects.toMatchObject({ message: expect.not.stringContaining('did you mean') });
  });
  it.each([
    ['cloudflare', 'CLOUDFLARE_API_TOKN', 'CLOUDFLARE_API_TOKEN'],
    ['cloudflare', 'CF_TOKEN', 'CF_Token'],
    ['digitalocean', 'DO_AUTH_TOKE', 'DO_AUTH_TOKEN'],
    ['powerdns', 'PDNS_URL', 'PDNS_Url'],
  ])('asks of %s whether the variable %s means %s', async (type, variable, meant) => {
    const opened = openNamedDnsProvider(type, {
      config: await config(),
      environment: { HOME: '/root', [variable]: 'canary' },
    });
    await expect(opened).rejects.toMatchObject({
      message: expect.stringContaining(` (${variable} is set; did you mean ${meant}?): set `),
    });
    await expect(opened).rejects.toMatchObject({ message: expect.not.stringContaining('canary') });
  });
  it.each([['DP_Id'], ['DPI_Id'], ['DNSPOD_API_KEY']])(
    'says what to use instead of a token of DNSPod (%s), which is for another API',
    async (variable) => {
      const opened = openNamedDnsProvider('tencent', {
        config: await config(),
        environment: { [variable]: 'canary' },
      });
      await expect(opened).rejects.toMatchObject({
        message: expect.stringMatching(
          new RegExp(
            `^(?!.*canary).*; instead of ${variable} use an API key of Tencent Cloud .*TENCENTCLOUD_SECRET_ID.*--dns-provider acme\\.sh .*ACME_SH_DNS=dns_dp `,
          ),
        ),
      });
    },
  );
  it.each([
    [
      'azure',
      { AZURE_OIDC_REQUEST_URL: 'https://canary' },
      'AZURE_OIDC_TOKEN with the OIDC token',
      { AZURE_CLIENT_SECRET: 's', AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c' },
    ],
    [
      'azure',
      { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'canary' },
      'AZURE_OIDC_TOKEN with the OIDC token',
      {
        AZURE_CLIENT_CERTIFICATE_PATH: '/c.pem',
        AZURE_TENANT_ID: 't',
        AZURE_CLIENT_ID: 'c',
      },
    ],
  ])(
    'refuses credentials that %s would ignore: %j, unless those to use instead are set',
    async (type, ignored, words, cure) => {
      const open = async (environment: Environment) =>
        await openNamedDnsProvider(type, { config: await config(), environment });
      await expect(open(ignored)).rejects.toMatchObject({
        code: 'ERR_CONFIG_PROOF',
        message: expect.stringContaining(`${Object.keys(ignored)[0]}: use ${words}`),
      });
      await expect(open(ignored)).rejects.toMatchObject({
        message: expect.not.stringContaining('canary'),
      });
      await expect(open({ ...ignored, ...cure })).resolves.toMatchObject({ name: type });
    },
  );
  it.each([
    ['google', { GCE_IMPERSONATE_SERVICE_ACCOUNT: 'a@b' }, ['impersonate']],
    [
      'azure',
      { AZURE_OIDC_TOKEN: 't', AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c' },
      ['tenant_id', 'client_id', 'federated_token'],
    ],
    [
      'azure',
      {
        AZURE_CLIENT_CERTIFICATE_PATH: '/certificate.pem',
        AZURE_CLIENT_CERTIFICATE_PASSWORD: 'p',
        AZURE_TENANT_ID: 't',
        AZURE_CLIENT_ID: 'c',
      },
      ['tenant_id', 'client_id', 'client_certificate_file', 'client_certificate_password'],
    ],
    ['alibaba', { ALICLOUD_RAM_ROLE: 'r' }, ['ram_role']],
    [
      'alibaba',
      { ALIBABA_CLOUD_ECS_METADATA: 'r', ALICLOUD_REGION_ID: 'cn' },
      ['ram_role', 'region'],
    ],
    [
      'alibaba',
      { Ali_Key: 'k', Ali_Secret: 's', ALICLOUD_RAM_ROLE: 'r' },
      ['access_key_id', 'access_key_secret'],
    ],
    [
      'route53',
      { AWS_ASSUME_ROLE_ARN: 'arn:aws:iam::1:role/r', AWS_EXTERNAL_ID: 'e' },
      ['role_arn', 'external_id'],
    ],
    ['cloudflare', { CF_Key: 'k', CF_Email: 'a@a.test' }, ['api_key', 'email']],
    ['cloudflare', { CF_Token: 't', CF_Key: 'k', CF_Email: 'a@a.test' }, ['api_token']],
    [
      'cloudflare',
      { CF_DNS_API_TOKEN: 't', CF_ZONE_API_TOKEN: 'z', CF_Zone_ID: 'i' },
      ['api_token', 'zone_token', 'zone_id'],
    ],
    [
      'acmedns',
      { ACME_DNS_API_BASE: 'https://a.example', ACME_DNS_STORAGE_PATH: '/accounts.json' },
      ['url', 'accounts_file'],
    ],
    ['exec', { EXEC_PATH: '/bin/true', EXEC_MODE: 'RAW' }, ['program', 'mode', 'env']],
  ])('opens %s by %j: %j', async (provider, environment, keys) => {
    const { name, type, ...options } = dnsProviderOfVariables(kindOf(provider), environment);
    expect([name, type, ...Object.keys(options)]).toEqual([provider, provider, ...keys]);
    await expect(
      openNamedDnsProvider(provider, { config: await config(), environment }),
    ).resolves.toMatchObject({ name: provider });
  });
  it.each(
    unattended.flatMap(({ type, options }) =>
      options
        .filter(({ secret }) => secret)
        .flatMap((option) => option.env.map((name) => [`${name}_FILE`, type, option] as const)),
    ),
  )('reads %s as the file with a credential of %s', async (variable, type, option) => {
    const kind = kindOf(type);
    const folder = await mkdtemp(join(tmpdir(), 'acmex-credential-'));
    try {
      const file = join(folder, 'credential');
      await writeFile(file, 'from-the-file\n', { mode: 0o600 });
      const chosen = (oneOf: string) =>
        oneOf === option.oneOf ? option : kind.options.find((first) => first.oneOf === oneOf)!;
      const required = kind.options.filter(
        (candidate) =>
          candidate !== option &&
          (candidate.oneOf === undefined
            ? !candidate.optional || option.with?.includes(candidate.option)
            : choiceOf(chosen(candidate.oneOf)) === choiceOf(candidate)),
      );
      const environment = {
        ...Object.fromEntries(required.map((needed) => [needed.env[0]!, valueFor(needed)])),
        [variable]: file,
      };
      const description = dnsProviderOfVariables(kind, environment);
      const secrets = JSON.stringify(description).match(/\[secret\]/g) ?? [];
      if (variable === 'GCE_SERVICE_ACCOUNT_FILE') {
        expect(description).toMatchObject({ key_file: file });
        return;
      }
      expect(secrets).toHaveLength(1 + required.filter(({ secret }) => secret).length);
      const [key, , member] = keyPathOf(option);
      const value = member
        ? (description[key] as readonly Record<string, unknown>[])[0]?.[member]
        : description[key];
      expect(value instanceof Secret ? await value.reveal() : value).toBe('from-the-file');
      const values = await config();
      const recorded = dnsVariablesRecord(type, { config: values, environment });
      expect(Object.keys(recorded ?? {})).toContain(variable);
      await expect(
        openNamedDnsProvider(type, { config: values, environment, recorded }),
      ).resolves.toMatchObject({ name: type });
    } finally {
      await removeFolder(folder);
    }
  });
  it('reads an algorithm as lego writes it', () => {
    expect(
      dnsProviderOfVariables(kindOf('rfc2136'), {
        RFC2136_NAMESERVER: 'ns1',
        RFC2136_TSIG_KEY: 'k',
        RFC2136_TSIG_SECRET: 'eA==',
        RFC2136_TSIG_ALGORITHM: 'HMAC-SHA1.',
      }),
    ).toMatchObject({ key_algorithm: 'hmac-sha1' });
  });
  it.each([
    [
      'half of a pair',
      'rfc2136',
      { RFC2136_SERVER: 'ns1', RFC2136_TSIG_KEY: 'k' },
      'RFC2136_KEY_SECRET or RFC2136_TSIG_SECRET',
    ],
    [
      'a part of an account',
      'acmedns',
      { ACMEDNS_URL: 'https://a.example', ACMEDNS_FULLDOMAIN: 'a.b', ACMEDNS_USERNAME: 'canary' },
      'needs ACMEDNS_SUBDOMAIN (the subdomain of the registration) and ACMEDNS_PASSWORD',
    ],
    [
      'an account that is nowhere',
      'acmedns',
      { ACMEDNS_URL: 'https://a.example' },
      ' with ACMEDNS_PASSWORD (the password of the registration), ACME_DNS_STORAGE_PATH (',
    ],
    ['the other half', 'route53', { AWS_SECRET_ACCESS_KEY: 'x' }, 'AWS_ACCESS_KEY_ID'],
    [
      'a secret of nobody',
      'azure',
      { AZURE_CLIENT_SECRET: 'canary' },
      'AZURE_TENANT_ID or AZUREDNS_TENANTID (the tenant of a service principal) and AZURE_CLIENT_ID',
    ],
    [
      'a region that would be another host',
      'huawei',
      { HW_ACCESS_KEY: 'k', HW_SECRET_KEY: 'x', HW_REGION_NAME: 'canary.example/' },
      'the variable HW_REGION_NAME does not fit the DNS provider huawei: write it as',
    ],
    [
      'no URL',
      'powerdns',
      { POWERDNS_URL: 'canary', POWERDNS_API_KEY: 'x' },
      'the variable POWERDNS_URL does not fit the DNS provider powerdns: write a URL',
    ],
    [
      'a relative path',
      'exec',
      { EXEC_PATH: 'canary' },
      'the variable EXEC_PATH does not fit the DNS provider exec: write an absolute path',
    ],
    [
      'none of the choices',
      'httpreq',
      { HTTPREQ_ENDPOINT: 'https://a.example', HTTPREQ_MODE: 'canary' },
      'the variable HTTPREQ_MODE does not fit the DNS provider httpreq: write one of "default", "RAW"',
    ],
    [
      'a hook that is none',
      'acme.sh',
      { LE_WORKING_DIR: '/root/.acme.sh', ACME_SH_DNS: '../x' },
      'write it as dns_cf',
    ],
  ])('refuses %s, without its value', async (_, type, environment, words) => {
    const opened = openNamedDnsProvider(type, { config: await config(), environment });
    await expect(opened).rejects.toMatchObject({
      code: 'ERR_CONFIG_PROOF',
      message: expect.stringContaining(words),
    });
    await expect(opened).rejects.toMatchObject({ message: expect.not.stringContaining('canary') });
  });
  it('needs one of several where one is needed, names all where none is, and takes the first where there are two', async () => {
    const password = { CLOUDNS_AUTH_PASSWORD: 'x' };
    expect(() => dnsProviderOfVariables(kindOf('cloudns'), password)).toThrow(
      /needs one of CLOUDNS_AUTH_ID \(.*\), CLOUDNS_SUB_AUTH_ID \(.*\), CLOUDNS_SUB_AUTH_USER \(.*\), see /,
    );
    expect(
      Object.keys(
        dnsProviderOfVariables(kindOf('cloudns'), {
          ...password,
          CLOUDNS_SUB_AUTH_ID: '7',
          CLOUDNS_SUB_AUTH_USER: 'me',
        }),
      ),
    ).toEqual(['name', 'type', 'sub_auth_id', 'password']);
  });
  it('refuses a pattern of the environment that would let everything through', async () => {
    await expect(
      openNamedDnsProvider('exec', {
        config: await config(),
        environment: { EXEC_PATH: '/bin/true' },
        programs: ['*'],
      }),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_PROOF',
      message: expect.stringContaining('AWS_*'),
    });
  });
  it('is the one of acmex.toml where that has one of this name', async () => {
    const configured = await config(
      '[[challenge.dns01.providers]]\nname = "cloudflare"\ntype = "exec"\nprogram = "/bin/true"\n',
    );
    await expect(
      openNamedDnsProvider('cloudflare', { config: configured, environment: {} }),
    ).resolves.toMatchObject({ name: 'exec' });
    expect(
      dnsVariablesRecord('cloudflare', {
        config: configured,
        environment: { CLOUDFLARE_API_TOKEN: 'x' },
      }),
    ).toBeUndefined();
  });
  it('needs a person, where it is written by hand', async () => {
    await expect(
      openNamedDnsProvider('manual', { config: await config(), environment: {} }),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_PROOF',
      message: expect.stringContaining('acmex obtain'),
    });
    expect(
      dnsProviderKinds()
        .filter(({ attended }) => attended)
        .map(({ type }) => type),
    ).toEqual(['manual']);
  });
});

describe('what a certificate keeps of the variables of its DNS provider', () => {
  const record = async (name: string, environment: Environment) =>
    dnsVariablesRecord(name, { config: await config(), environment });

  it('is their values where no credential is among them, else their names', async () => {
    await expect(record('exec', { EXEC_PATH: '/bin/true', OTHER: 'x' })).resolves.toEqual({
      EXEC_PATH: '/bin/true',
    });
    await expect(
      record('powerdns', { PDNS_API_URL: 'http://[::1]', PDNS_API_KEY: 'canary' }),
    ).resolves.toEqual({ PDNS_API_URL: null, PDNS_API_KEY: null });
    await expect(record('route53', {})).resolves.toBeUndefined();
  });
  it('is the word on it where a renewal has other values around it', async () => {
    await expect(
      openNamedDnsProvider('exec', {
        config: await config(),
        environment: { EXEC_PATH: 'none' },
        recorded: { EXEC_PATH: '/bin/true' },
      }),
    ).resolves.toMatchObject({ name: 'exec' });
  });
  it('names the variable that a renewal lacks, also where the provider could be opened without', async () => {
    const renewal = async (environment: Environment) =>
      await openNamedDnsProvider('route53', {
        config: await config(),
        environment,
        recorded: { AWS_ACCESS_KEY_ID: null, AWS_SECRET_ACCESS_KEY: null },
      });
    await expect(renewal({ AWS_ACCESS_KEY_ID: 'x' })).rejects.toMatchObject({
      code: 'ERR_CONFIG_PROOF',
      message: expect.stringMatching(/the variable AWS_SECRET_ACCESS_KEY, .*--save-credentials/),
    });
    await expect(
      renewal({ AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' }),
    ).resolves.toMatchObject({ name: 'route53' });
  });
});
