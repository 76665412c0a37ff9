import { inspect } from 'node:util';
import { refusedNameCode, refusedNames } from '@acmex/identifier/contract';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import { tokenAloneTypes } from './dns/provider.ts';
import { checkConfig, dnsProviderTypes, faultText, readConfig } from './index.ts';

/** Each fault as `LINE key problem: cure`. */
async function faultsIn(
  toml: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  await using folder = await configFolder(toml, { environment });
  return (await checkConfig(folder.options)).faults.map((fault) =>
    faultText(fault).replace(`${folder.file}:`, '').replace(': ', ' '),
  );
}

describe('what is wrong with a configuration', () => {
  it.each([
    [
      'a key with a slip, and what was meant',
      '[acme]\nca = "letsencrypt"\ncontacts = []',
      '3 acme.contacts is not known: write contact, if you mean that',
    ],
    [
      'a table with a slip',
      '[renewals]\nconcurrency = 1',
      '1 renewals is not known: write renewal, if you mean that',
    ],
    [
      'a key in a table of an array',
      '[[certificates]]\nnames = ["example.com"]\nkeytype = "rsa-2048"',
      '3 certificates[0].keytype is not known: write key_type, if you mean that',
    ],
    [
      'a key of an inline table',
      'certificates = [\n  { names = ["example.com"] },\n  { names = ["example.org"], isuer = "x" },\n]',
      '3 certificates[1].isuer is not known: write issuer, if you mean that',
    ],
    [
      'text for a number',
      '[renewal]\ncheck_interval = "1h"',
      '2 renewal.check_interval is text: write a whole number of seconds from 1 to 86400',
    ],
    [
      'a number out of its bounds',
      '[renewal]\n\nconcurrency = 0',
      '3 renewal.concurrency does not fit: write a whole number from 1 to 1000',
    ],
    [
      'a date',
      '[renewal]\nconcurrency = 2026-01-01',
      '2 renewal.concurrency is a date: write a whole number from 1 to 1000',
    ],
    [
      'a choice that is none',
      'cli.log_level = "loud"',
      '1 cli.log_level does not fit: write one of "error", "warn", "info", "debug"',
    ],
    [
      'a hook for a shell',
      '[renewal.hooks]\nafter = "systemctl reload nginx"',
      '2 renewal.hooks.after is text: write an array: ["program", "argument"]; no shell reads it',
    ],
    [
      'an empty hook',
      '[renewal.hooks]\nafter = []',
      '2 renewal.hooks.after[0] is missing: write an array: ["program", "argument"]; no shell reads it',
    ],
    [
      'a certificate without names',
      '[[certificates]]\nissuer = "letsencrypt"',
      '1 certificates[0].names is missing: write a list: ["one", "another"]',
    ],
    [
      'a name that is none',
      '[[certificates]]\nnames = [\n  "example.com",\n  "https://example.com",\n]',
      '4 certificates[0].names[1] "https://example.com" is a URL: write the name alone [ERR_ACME_IDENTIFIER]',
    ],
    [
      'a directory without TLS',
      '[issuers.x]\ndirectory = "http://ca.example"',
      '2 issuers.x.directory does not fit: write a URL that begins with https://, without a password in it',
    ],
    [
      'an issuer that is two',
      '[issuers.x]\nca = "google"\ndirectory = "https://ca.example"',
      '1 issuers.x does not fit: write either ca or directory',
    ],
    [
      "an issuer's name",
      '[issuers.My_CA]\nca = "google"',
      '1 issuers.My_CA has a name that does not fit: write 1 to 40 of a-z, 0-9 and -',
    ],
    [
      'two issuers of one name',
      '[[issuers]]\nname = "x"\nca = "google"\n[[issuers]]\nname = "x"\nca = "zerossl"',
      '5 issuers[1].name is the name of an earlier issuer: write a different name',
    ],
    [
      'an issuer that is not defined',
      '[issuers.internal]\nca = "google"\n[[certificates]]\nnames = ["example.com"]\nissuer = "interal"',
      '5 certificates[0].issuer is not defined: write "internal", if you mean that, or define it in issuers',
    ],
    [
      'custom without a URL',
      '[acme]\nca = "custom"',
      '1 acme.ca_custom_url is missing: write the URL of the CA\'s ACME directory, as ca = "custom" asks for',
    ],
    [
      'a URL without custom',
      '[acme]\nca_custom_url = "https://ca.example"',
      '2 acme.ca_custom_url does not go with ca: set ca = "custom", or remove it',
    ],
    [
      'a staging that there is not',
      '[acme]\nca = "zerossl"\nca_environment = "staging"',
      '3 acme.ca_environment does not go with ca: write "production": this CA has no staging',
    ],
    [
      'a CA that has closed',
      '[acme]\nca = "buypass"',
      '2 acme.ca does not fit: use a different CA: Buypass issued its last TLS certificate in October 2025',
    ],
    [
      'dns-01 without a DNS provider',
      '[challenge]\nchallenge_type = "dns-01"',
      '2 challenge.challenge_type is dns-01, and no DNS provider writes the records: write challenge.dns01.provider',
    ],
    [
      'a challenge that is not an RFC yet, without its version',
      '[challenge]\nchallenge_type = "dns-persist-01"',
      '1 challenge.challenge_draft is missing: write the version that the CA follows: "draft-ietf-acme-dns-persist-00", "draft-ietf-acme-dns-persist-01", "draft-ietf-acme-dns-persist-02"',
    ],
    [
      'a version of another challenge',
      '[[certificates]]\nnames = ["*.example.com"]\nchallenge = "dns-persist-01"\nchallenge_draft = "draft-ietf-acme-dns-account-label-02"',
      '4 certificates[0].challenge_draft is not a version of dns-persist-01: write the version that the CA follows: "draft-ietf-acme-dns-persist-00", "draft-ietf-acme-dns-persist-01", "draft-ietf-acme-dns-persist-02"',
    ],
    [
      'a wildcard by http-01',
      '[[certificates]]\nnames = ["*.example.com"]',
      '2 certificates[0].names has a wildcard, which only dns-01 can validate: write challenge = "dns-01"',
    ],
    [
      'a kind of DNS host that is none',
      '[[challenge.dns01.providers]]\nname = "x"\ntype = "clodflare"',
      `3 challenge.dns01.providers[0].type does not fit: write type = one of ${dnsProviderTypes.map((type) => `"${type}"`).join(', ')}`,
    ],
    [
      'a provider without its credential',
      '[[challenge.dns01.providers]]\nname = "cloudflare"',
      '1 challenge.dns01.providers[0].api_token is missing: write one of api_token, api_key',
    ],
    [
      'a provider with two credentials',
      '[[challenge.dns01.providers]]\nname = "cloudflare"\napi_token = "x"\napi_key = "x"\nemail = "a@a.test"',
      '4 challenge.dns01.providers[0].api_key is set beside api_token: write one of api_token, api_key',
    ],
    [
      'a provider without the credential that its kind needs',
      '[[challenge.dns01.providers]]\nname = "linode"',
      '1 challenge.dns01.providers[0].api_token is missing: write "${NAME}", { env = "NAME" }, { file = "/path" } or { command = ["program", "argument"] }',
    ],
    [
      'half of a key',
      '[[challenge.dns01.providers]]\nname = "x"\ntype = "rfc2136"\nserver = "ns1"\nkey_name = "k"',
      '1 challenge.dns01.providers[0].key_secret is missing: key_name has no effect without key_secret: write both, or neither',
    ],
    [
      'a secret of Azure without whose it is',
      '[[challenge.dns01.providers]]\nname = "azure"\nclient_id = "c"\nclient_secret = "x"',
      '1 challenge.dns01.providers[0].tenant_id is missing: client_secret has no effect without tenant_id: write both, or neither',
    ],
    [
      'a token file of Azure without a client',
      '[[challenge.dns01.providers]]\nname = "azure"\ntenant_id = "t"\nfederated_token_file = "/token"',
      '1 challenge.dns01.providers[0].client_id is missing: tenant_id has no effect without client_id: write both, or neither',
    ],
    [
      'a region that is none',
      '[[challenge.dns01.providers]]\nname = "alibaba"\naccess_key_id = "i"\naccess_key_secret = "s"\nregion = "evil.example/"',
      '5 challenge.dns01.providers[0].region does not fit: write it as the cloud does, "ap-southeast-1", or remove the key',
    ],
    [
      'no user of ClouDNS',
      '[[challenge.dns01.providers]]\nname = "cloudns"\npassword = "x"',
      '1 challenge.dns01.providers[0].auth_id is missing: write one of auth_id, sub_auth_id, sub_auth_user',
    ],
    [
      'two users of ClouDNS',
      '[[challenge.dns01.providers]]\nname = "cloudns"\nauth_id = "1"\nsub_auth_user = "me"\npassword = "x"',
      '4 challenge.dns01.providers[0].sub_auth_user is set beside auth_id: write one of auth_id, sub_auth_id, sub_auth_user',
    ],
    [
      'a provider that is not defined',
      '[challenge.dns01]\nprovider = "main"',
      `2 challenge.dns01.provider is not defined: define it in challenge.dns01.providers, or write one of ${tokenAloneTypes.join(', ')}`,
    ],
    ...['proxy.example', '10.0.0.0/33', '10.0.0.0/', '1.2.3', '::/0', ''].map((range) => [
      `${JSON.stringify(range)} as a trusted proxy`,
      `[server]\ntrusted_proxies = ["::1", "10.0.0.0/8", "uniquelocal", "${range}"]`,
      '2 server.trusted_proxies[3] does not fit: write an address or a range: 10.0.0.0/8',
    ]),
    [
      'a credential from two places',
      '[server]\napi_keys = [{ env = "A", file = "/b" }]',
      '2 server.api_keys[0] does not fit: write exactly one of env, file and command',
    ],
    [
      'a credential by a shell',
      '[server]\napi_keys = [{ command = "pass show x" }]',
      '2 server.api_keys[0].command is text: write it as an array: ["program", "argument"]',
    ],
    [
      'a secret of a client without the client',
      '[server.oidc]\nissuer = "https://id.example"\naudience = "a"\nclient_secret = "x"',
      '1 server.oidc does not fit: add client_id, or remove client_secret',
    ],
    [
      'scopes of a sign-in without openid',
      '[server.oidc]\nissuer = "https://id.example"\naudience = "a"\nlogin_scopes = ["email"]',
      '4 server.oidc.login_scopes does not fit: add "openid"',
    ],
    [
      'a relative path',
      '[storage.file]\npath = ".acmex/certs"',
      '2 storage.file.path does not fit: write an absolute path',
    ],
    [
      'two storages',
      '[storage]\nurl = "memory:"\nbackend = "memory"',
      '2 storage.url repeats what backend says: keep one of the two',
    ],
    [
      'an encrypted storage without a key',
      '[storage]\nbackend = "encrypted"\n[storage.encrypted]\ninner_backend = "file"',
      '3 storage.encrypted.encryption_key is missing: write a key, made by acmex storage new-key, or a passphrase',
    ],
    [
      'a variable that is not set',
      '[acme]\nprofile = "${PROFILE}"',
      '2 acme.profile needs the variable PROFILE, which is not set: set PROFILE, or write ${PROFILE:-default}',
    ],
    [
      'a format that needs a passphrase without it',
      '[[certificates]]\nnames = ["a.example"]\ndeploy = [{ format = "pkcs12", path = "/a.p12" }]',
      '3 certificates[0].deploy[0] does not fit: write passphrase_file or passphrase_env for a format that is encrypted, and for no other',
    ],
    [
      'a path without a format',
      '[[certificates]]\nnames = ["a.example"]\ndeploy = [{ path = "/a.p12" }]',
      '3 certificates[0].deploy[0] does not fit: write both format and path: the format is that of the file at path',
    ],
    [
      'a variable that is none',
      '[acme]\nprofile = "${not a name}"',
      '2 acme.profile has a ${ that does not name a variable: write ${NAME} or ${NAME:-default}, and $${ for the two characters themselves',
    ],
  ])('reports %s', async (_, toml, fault) => {
    expect(await faultsIn(toml)).toEqual([fault]);
  });

  it.each([
    [
      '[acme]\ndirectory = "https://ca.example"',
      '2 acme.directory is not supported any more: set ca = "custom" and ca_custom_url to that URL',
    ],
    [
      '[server]\nhost = "0.0.0.0"',
      '2 server.host is not supported any more: write listen_addr = "HOST:PORT"',
    ],
    [
      '[renewal]\nmax_retries = 3',
      '2 renewal.max_retries is not supported any more: remove it: a renewal is tried again until the certificate expires',
    ],
    [
      '[storage]\npath = "/x"',
      '2 storage.path is not supported any more: write it in [storage.file]',
    ],
    [
      '[[challenge.dns01.providers]]\nname = "linode"\napi_token = "x"\nzone_id = "y"',
      '4 challenge.dns01.providers[0].zone_id is not supported any more: remove it: the zone of each name is looked up',
    ],
  ])('names the replacement of a key of earlier versions: %j', async (toml, fault) => {
    expect(await faultsIn(toml)).toEqual([fault]);
  });

  it('reports all faults at once, in the order of the file', async () => {
    const faults = await faultsIn(
      '[acme]\nca = "none"\ntos_agreed = "yes"\n\n[renewal]\nretries = 3\n\n[[certificates]]\nnames = []\nissuer = "unknown"\n\n[cli]\ncolors = "${UNSET}"\n',
    );
    expect(faults.map((fault) => fault.split(' ').slice(0, 2).join(' '))).toEqual([
      '2 acme.ca',
      '3 acme.tos_agreed',
      '6 renewal.retries',
      '9 certificates[0].names',
      '10 certificates[0].issuer',
      '13 cli.colors',
    ]);
  });

  it('names the variable or the flag where these are wrong', async () => {
    await using folder = await configFolder('', {
      environment: { ACMEX_RENEWAL_CONCURRENCY: 'many', ACMEX_CLI_COLORS: 'perhaps' },
      overrides: [{ flag: '--log-level', key: 'cli.log_level', value: 'loud' }],
    });
    expect((await checkConfig(folder.options)).faults.map(faultText)).toEqual(
      expect.arrayContaining([
        'ACMEX_RENEWAL_CONCURRENCY: renewal.concurrency is text: write a whole number from 1 to 1000',
        'ACMEX_CLI_COLORS: cli.colors is text: write true or false',
        'flag --log-level: cli.log_level does not fit: write one of "error", "warn", "info", "debug"',
      ]),
    );
  });

  it('refuses two variables for one key that differ', async () => {
    expect(
      await faultsIn('', { ACMEX_ACME_ENV: 'staging', ACMEX_ACME_CA_ENVIRONMENT: 'production' }),
    ).toEqual([
      'ACMEX_ACME_ENV acme.ca_environment is set by ACMEX_ACME_CA_ENVIRONMENT too, and differently: unset one of them',
    ]);
  });

  it('throws one error with a line for each, and exit code 2', async () => {
    await using folder = await configFolder('[acme]\nca = "none"\n[cli]\nloud = true\n');
    await expect(readConfig(folder.options)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: `the configuration has 2 faults:\n  ${folder.file}:2: acme.ca does not fit: write one of "letsencrypt", "google", "zerossl", "sslcom", "custom"\n  ${folder.file}:4: cli.loud is not known: remove it, or write one of output_format, colors, log_level, log_levels, log_file, log_max_size, log_backup_count`,
    });
  });

  it('never quotes a value of the file or the environment in an error', async () => {
    const toml =
      '[acme]\nca = "canary-1"\nprofile = ["${X}"]\n[acme.external_account_binding]\nkey_id = 5\nhmac_key = ["canary-2"]\n[storage]\nurl = "redis://:canary-3@"\nbackend = "${X}"\n[[notifications.webhooks]]\nname = "canary 4"\nurl = { file = 5 }\nauth_token = { env = "canary 5" }\n[[challenge.dns01.providers]]\nname = "x"\ntype = "${X}"\n';
    await using folder = await configFolder(toml, { environment: { X: 'canary-6' } });
    const error: unknown = await readConfig(folder.options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' });
    expect(inspect(error, { depth: 20 })).not.toContain('canary');
  });
});

it.each(refusedNames)(
  'refuses the name $name as everything else does',
  async ({ name, message }) => {
    const toml = `certificates = [{ names = [${JSON.stringify(name)}] }]`;
    expect((await faultsIn(toml)).slice(0, 1)).toEqual([
      `1 certificates[0].names[0] ${message} [${refusedNameCode}]`,
    ]);
  },
);
