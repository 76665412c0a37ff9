import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from '../config.testing.ts';
import {
  dnsProviderKinds,
  dnsProvidersOf,
  dnsProviderTypes,
  openDnsProvider,
  readConfig,
} from '../index.ts';
import { loaded } from '../loaded.ts';
import { choiceOf, type DnsOption, keyPathOf } from './kind.ts';
import { dnsKinds } from './kinds.ts';

/** Every kind with all its options; of a group of which one is needed, the first. */
const everything = dnsKinds
  .filter(({ attended }) => !attended)
  .map(({ type, options: all, environment }) => {
    const first = all.filter((option) => {
      const chosen = all.find(({ oneOf }) => oneOf === option.oneOf)!;
      return option.oneOf === undefined || choiceOf(chosen) === choiceOf(option);
    });
    const isLeftOut = (name: string) => !first.some(({ option }) => option === name);
    const options = first.filter((option) => !option.with?.some(isLeftOut));
    const lists = options.filter((option) => keyPathOf(option).length > 1);
    const items = [...new Set(lists.map((option) => keyPathOf(option)[0]))].map(
      (key) =>
        `${key} = [{ ${lists
          .filter((option) => keyPathOf(option)[0] === key)
          .map((option) => `${keyPathOf(option)[2]} = ${valueFor(option)}`)
          .join(', ')} }]`,
    );
    const single = options
      .filter((option) => keyPathOf(option).length === 1)
      .map((option) => `${keyPathOf(option)[0]} = ${valueFor(option)}`);
    return [
      '[[challenge.dns01.providers]]',
      `name = "${type.replace('.', '-')}"`,
      `type = "${type}"`,
      ...single,
      ...items,
      ...(environment ? ['env = ["AWS_*"]'] : []),
    ].join('\n');
  })
  .join('\n');

function valueFor({ format, choices, secret }: DnsOption): string {
  if (choices) return `"${choices[0]}"`;
  if (format === 'command') return '["/bin/true", "--all"]';
  const values = { url: 'https://a.example', path: '/bin/true', region: 'cn-north-4' };
  if (secret) return '"eA=="';
  return `"${format ? values[format] : 'dns_a'}"`;
}

describe('DNS providers', () => {
  it('opens every kind that can be named', async () => {
    await using folder = await configFolder(everything);
    const descriptions = dnsProvidersOf(await readConfig(folder.options));
    expect(descriptions.map(({ type }) => type).sort()).toEqual([...dnsProviderTypes].sort());
    for (const description of descriptions)
      await expect(
        openDnsProvider(description, { environment: { PATH: '/bin' } }),
      ).resolves.toMatchObject({
        name: description.type,
      });
  });

  it.each(['cloudflare', 'digitalocean', 'linode'])(
    'takes %s by its name and a token alone',
    async (name) => {
      await using folder = await configFolder(
        `[challenge.dns01]\nprovider = "${name}"\napi_token = "x"`,
      );
      const descriptions = dnsProvidersOf(await readConfig(folder.options));
      expect(descriptions).toMatchObject([{ name, type: name }]);
      await expect(openDnsProvider(descriptions[0]!, { environment: {} })).resolves.toMatchObject({
        name,
      });
    },
  );
  it.each([
    ['acmedns', 'url = "https://a.example"\naccounts_file = "/accounts.json"'],
    ['cloudflare', 'api_key = "x"\nemail = "a@a.test"'],
    ['cloudflare', 'api_token = "x"\nzone_token = "x"\nzone_id = "z"'],
    ['cloudns', 'auth_id = "7"\npassword = "x"'],
    ['cloudns', 'sub_auth_id = "7"\npassword = "x"'],
    ['cloudns', 'sub_auth_user = "me"\npassword = "x"'],
    ['azure', 'tenant_id = "t"\nclient_id = "c"\nclient_secret = "x"'],
    ['azure', 'tenant_id = "t"\nclient_id = "c"\nfederated_token_file = "/token"'],
    ['azure', 'client_id = "c"'],
    ['azure', 'access_token = "x"'],
    ['azure', 'cloud = "china"'],
  ])('opens %s by any of the ways that it has: %s', async (name, keys) => {
    await using folder = await configFolder(
      `[[challenge.dns01.providers]]\nname = "${name}"\n${keys}`,
    );
    await expect(
      openDnsProvider(dnsProvidersOf(await readConfig(folder.options))[0]!, { environment: {} }),
    ).resolves.toMatchObject({ name });
  });

  it('lists each kind with its package and the options that it needs', () => {
    const kinds = Object.fromEntries(dnsProviderKinds().map((kind) => [kind.type, kind]));
    expect(Object.keys(kinds)).toEqual([...dnsProviderTypes, 'manual']);
    expect(kinds['cloudflare']).toMatchObject({
      type: 'cloudflare',
      title: 'Cloudflare',
      package: '@acmex/dns-cloudflare',
      links: { credentials: 'https://dash.cloudflare.com/profile/api-tokens' },
      options: [
        {
          name: 'api_token',
          required: false,
          credential: true,
          env: expect.arrayContaining(['CLOUDFLARE_API_TOKEN', 'CF_DNS_API_TOKEN']),
        },
        { name: 'zone_token', env: expect.arrayContaining(['CF_ZONE_API_TOKEN']) },
        { name: 'api_key', credential: true, env: expect.arrayContaining(['CF_Key']) },
        { name: 'email', credential: false, env: expect.arrayContaining(['CF_Email']) },
        { name: 'zone_id', credential: false, env: expect.arrayContaining(['CF_Zone_ID']) },
      ],
    });
    expect(
      kinds['rfc2136']?.options.map(({ name, required, credential }) => [
        name,
        required,
        credential,
      ]),
    ).toEqual([
      ['server', true, false],
      ['key_name', false, false],
      ['key_secret', false, true],
      ['key_algorithm', false, false],
      ['key_file', false, false],
    ]);
    expect(kinds['acmedns']?.options.map(({ name }) => name)).toContain('accounts[].password');
  });

  it('says how to install a package that is missing', async () => {
    // What Node says of one: Jest has an error of its own.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        'import("@acmex/dns-none").catch(({ code, message }) => console.log(JSON.stringify({ code, message })))',
      ],
      { cwd: import.meta.dirname },
    );
    const { code, message }: { readonly code: string; readonly message: string } =
      JSON.parse(stdout);
    const missing = Object.assign(new Error(message), { code });
    await expect(
      loaded('@acmex/dns-none', 'the DNS provider main', () => Promise.reject(missing)),
    ).rejects.toMatchObject({
      code: 'ERR_CONFIG_PACKAGE_MISSING',
      message:
        'the DNS provider main needs the package @acmex/dns-none, which is not installed: npm install @acmex/dns-none',
    });
    await expect(
      loaded('@acmex/dns-cloudflare', 'the DNS provider main', () => Promise.reject(missing)),
    ).rejects.toBe(missing);
  });
});
