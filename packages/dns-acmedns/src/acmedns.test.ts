import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { virtualClock } from '@acmex/clock';
import type { DnsProvider } from '@acmex/dns';
import { dnsProviderContract } from '@acmex/dns/contract';
import { removeFolder } from '@acmex/services';
import { describe, expect, it } from '@jest/globals';
import { acmednsStandIn } from './acmedns.testing.ts';
import { acmedns, registerAcmedns } from './index.ts';

const registration = {
  username: 'c36f50e8-4632-44f0-83fe-e070fef28a10',
  password: 'htB9mR9DYgcu9bX_afHF62erXaH2TS7bg9KW3F7Z',
  subdomain: '8e5700ea-a4bf-41c7-8a77-e990661dcc6a',
};
const fulldomain = `${registration.subdomain}.auth.test`;
const [first, second, third] = ['1', '2', '3'].map((digit) => digit.repeat(43)) as [
  string,
  string,
  string,
];
const at = (value: string) => [{ name: '@', value }];

function setUp(password = registration.password) {
  const host = acmednsStandIn(registration);
  const clock = virtualClock();
  return {
    host,
    clock,
    provider: acmedns({
      url: 'https://auth.test/',
      accounts: [
        {
          ...registration,
          fulldomain: `${fulldomain.toUpperCase()}.`,
          password: async () => password,
        },
      ],
      fetch: host.fetch,
      clock,
    }),
  };
}

describe('acmedns', () => {
  const removes =
    /takes it away|removes exactly|takes an append|loses nothing|doubles nothing|takes another away|any time to live|removes each alone|among many|loses no other/;
  for (const { title, check } of dnsProviderContract) {
    if (removes.test(title)) {
      it.skip(`${title} (skipped: acme-dns holds the last two values of 43 characters, and cannot remove)`, () => {
        /* what it does instead is tested below */
      });
      continue;
    }
    it(title, async () => {
      const { host, clock, provider } = setUp();
      // The contract's names and values, as acme-dns takes them.
      const filled = (records: Parameters<DnsProvider['append']>[1]) =>
        records.map(({ value }) => ({ name: '@', value: value.padEnd(43, '_') }));
      const contract: DnsProvider = {
        ...provider,
        append: (zone, records, options) =>
          provider.append(zone === 'a.test' ? fulldomain : zone, filled(records), options),
      };
      await check({
        provider: contract,
        zone: 'a.test',
        lookUp: async () => host.values(),
        trouble: host.trouble,
        clock,
        secrets: [registration.password],
      });
    });
  }

  it('shows two values at once, as example.com and *.example.com need, and each once', async () => {
    const { host, provider } = setUp();
    await Promise.all(
      [first, second, first].map((value) => provider.append(fulldomain, at(value))),
    );
    expect(host.values()).toEqual([first, second]);
    expect(host.requests).toEqual(['POST /update', 'POST /update']);
  });
  it('pushes no value out that is needed, and shows the next when one is removed', async () => {
    const { host, provider } = setUp();
    await provider.append(fulldomain, [...at(first), ...at(second)]);
    await expect(provider.append(fulldomain, at(third))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('no third'),
    });
    expect(host.values()).toEqual([first, second]);
    await provider.remove(fulldomain, at(first));
    await provider.append(fulldomain, at(third));
    expect(host.values()).toEqual([second, third]);
    await provider.remove('unknown.test', at(first));
  });
  it('says to which name the alias must lead', async () => {
    await expect(
      setUp().provider.append('_acme-challenge.a.test', at(first)),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
      message: expect.stringMatching(
        new RegExp(`_acme-challenge\\.a\\.test.*${fulldomain}.*CNAME`),
      ),
    });
  });
  it('says that a password is wrong, or a value none that acme-dns takes', async () => {
    const error = await setUp('x'.repeat(40))
      .provider.append(fulldomain, at(first))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('forbidden'),
    });
    expect(inspect(error)).not.toContain('x'.repeat(40));
    await expect(setUp().provider.append(fulldomain, at('short'))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('bad_txt'),
    });
  });
});

describe('the accounts file of acmedns', () => {
  const written = async (text: string) => {
    const folder = await mkdtemp(join(tmpdir(), 'acmex-acmedns-'));
    const file = join(folder, 'accounts.json');
    await writeFile(file, text);
    return { file, [Symbol.asyncDispose]: () => removeFolder(folder) };
  };
  it.each([
    ['lego and cert-manager', { server_url: 'https://auth.test' }],
    ['acme-dns-auth.py', { allowfrom: [] }],
  ])('is that of %s', async (_, extra) => {
    const account = { ...registration, fulldomain, ...extra };
    await using stored = await written(JSON.stringify({ 'a.test': account }));
    const host = acmednsStandIn(registration);
    const provider = acmedns({
      url: 'https://auth.test',
      accountsFile: stored.file,
      fetch: host.fetch,
    });
    await provider.append(fulldomain, at(first));
    await provider.append(fulldomain, at(second));
    expect(host.values()).toEqual([first, second]);
    await expect(provider.append(fulldomain, at(third))).rejects.toMatchObject({
      code: 'ERR_DNS_API',
    });
  });
  it('is read again for an account that was added later', async () => {
    await using stored = await written('{}');
    const host = acmednsStandIn(registration);
    const provider = acmedns({
      url: 'https://auth.test',
      accountsFile: stored.file,
      fetch: host.fetch,
    });
    await expect(provider.append(fulldomain, at(first))).rejects.toMatchObject({
      code: 'ERR_DNS_ZONE_NOT_FOUND',
    });
    await writeFile(stored.file, JSON.stringify({ 'a.test': { ...registration, fulldomain } }));
    await provider.append(fulldomain, at(first));
    expect(host.values()).toEqual([first]);
  });
  it.each([
    ['{"a.test": {"username": "u", "password": "canary"}}', 'has no fulldomain'],
    ['{"a.test": null}', 'has no fulldomain'],
    ['["canary"]', 'is not a JSON object'],
    ['canary', 'is not a JSON object'],
  ])('names what is wrong with %j, without its text', async (text, words) => {
    await using stored = await written(text);
    const provider = acmedns({ url: 'https://auth.test', accountsFile: stored.file });
    const error: unknown = await provider
      .append(fulldomain, at(first))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining(words),
    });
    expect(inspect(error)).not.toContain('canary');
  });
  it('is named where it cannot be read', async () => {
    const provider = acmedns({ url: 'https://auth.test', accountsFile: '/nowhere/accounts.json' });
    await expect(provider.append(fulldomain, at(first))).rejects.toMatchObject({
      code: 'ERR_DNS_CREDENTIALS',
      message: expect.stringContaining('/nowhere/accounts.json cannot be read'),
    });
  });
});

describe('registerAcmedns', () => {
  it('makes an account that can write', async () => {
    const host = acmednsStandIn(registration);
    const account = await registerAcmedns({
      url: 'https://auth.test',
      allowFrom: ['192.0.2.0/24'],
      fetch: host.fetch,
    });
    expect(account).toEqual({ ...registration, fulldomain });
    await acmedns({ url: 'https://auth.test', accounts: [account], fetch: host.fetch }).append(
      fulldomain,
      at(first),
    );
    expect(host.values()).toEqual([first]);
  });
  it('passes on why not', async () => {
    const host = acmednsStandIn(registration);
    await expect(
      registerAcmedns({ url: 'https://auth.test', allowFrom: ['here'], fetch: host.fetch }),
    ).rejects.toMatchObject({
      code: 'ERR_DNS_API',
      message: expect.stringContaining('invalid_allowfrom_cidr'),
    });
  });
});
