import { describe, expect, it } from '@jest/globals';
import { configFolder } from '../config.testing.ts';
import { checkConfig, dnsProviderFor, faultText, readConfig } from '../index.ts';

const account = (name: string, zones?: readonly string[]) =>
  `[[challenge.dns01.providers]]\nname = "${name}"\ntype = "cloudflare"\napi_token = "x"\n${zones ? `zones = ${JSON.stringify(zones)}\n` : ''}`;
const read = async (toml: string) => {
  await using folder = await configFolder(toml);
  return await readConfig(folder.options);
};
const faultsIn = async (toml: string) => {
  await using folder = await configFolder(toml);
  return (await checkConfig(folder.options)).faults.map((fault) =>
    faultText(fault).replace(`${folder.file}:`, ''),
  );
};

describe('who writes the record of a name', () => {
  const accounts =
    account('cf-a', ['a.example', '*.c.example']) +
    account('cf-b', ['b.example', 'deep.a.example', 'c.example']) +
    account('rest');

  it.each([
    ['a.example', 'cf-a'],
    ['*.a.example', 'cf-a'],
    ['www.A.example', 'cf-a'],
    ['www.b.example', 'cf-b'],
    ['deep.a.example', 'cf-b'],
    ['x.deep.a.example', 'cf-b'],
    ['notdeep.a.example', 'cf-a'],
    ['c.example', 'cf-b'],
    ['*.c.example', 'cf-a'],
    ['www.c.example', 'cf-a'],
    ['nota.example', 'rest'],
    ['other.example', 'rest'],
  ])('%s is the one of the pattern that says most about it: %s', async (name, provider) => {
    const config = await read(`[challenge.dns01]\nprovider = "rest"\n${accounts}`);
    expect(dnsProviderFor(name, { config })).toBe(provider);
  });
  it('is the one that was named for the certificate, whatever the patterns of others say', async () => {
    const config = await read(accounts);
    expect(dnsProviderFor('a.example', { config, named: 'rest' })).toBe('rest');
    expect(() => dnsProviderFor('a.example', { config, named: 'cf-b' })).toThrow(
      expect.objectContaining({
        code: 'ERR_CONFIG_PROOF',
        message:
          'the DNS provider cf-b writes the records of b.example, deep.a.example, c.example alone, and a.example is none of them: add it to its zones, or name another provider',
      }),
    );
  });
  it('is none where no pattern matches, and the message lists the patterns', async () => {
    const message =
      'no DNS provider writes the records of d.example, for none of these is about it: a.example (cf-a), b.example (cf-b)';
    const two = account('cf-a', ['a.example']) + account('cf-b', ['b.example']);
    for (const toml of [two, `[challenge.dns01]\nprovider = "cf-b"\n${two}`]) {
      const config = await read(toml);
      expect(() => dnsProviderFor('d.example', { config })).toThrow(
        expect.objectContaining({
          code: 'ERR_CONFIG_PROOF',
          message: expect.stringContaining(message),
        }),
      );
    }
  });
  it('takes * for every name, the last resort', async () => {
    const config = await read(account('cf-a', ['a.example']) + account('all', ['*']));
    expect(
      ['www.a.example', 'b.example', '*.b.example'].map((name) => dnsProviderFor(name, { config })),
    ).toEqual(['cf-a', 'all', 'all']);
  });
});

describe('zones in acmex.toml', () => {
  it('are enough for dns-01 without a provider for all', async () => {
    await expect(
      faultsIn(
        `[challenge]\nchallenge_type = "dns-01"\n${account('cf-a', ['a.example'])}[[certificates]]\nnames = ["a.example", "*.a.example"]\n`,
      ),
    ).resolves.toEqual([]);
  });
  it('are about the names of dns-account-01 too', async () => {
    const general =
      '[challenge]\nchallenge_type = "dns-account-01"\nchallenge_draft = "draft-ietf-acme-dns-account-label-02"\n';
    await expect(faultsIn(general)).resolves.toEqual([
      '2: challenge.challenge_type is dns-account-01, and no DNS provider writes the records: write challenge.dns01.provider',
    ]);
    await expect(
      faultsIn(
        `${general}${account('cf-a', ['a.example'])}[[certificates]]\nnames = ["*.a.example", "b.example"]\n`,
      ),
    ).resolves.toEqual([
      expect.stringContaining('certificates[0].names[1] is in no zone of a DNS provider'),
    ]);
  });
  it('name each pattern once, and every name of a certificate is in one of them', async () => {
    await expect(
      faultsIn(account('cf-a', ['a.example']) + account('cf-b', ['A.example'])),
    ).resolves.toEqual([
      '10: challenge.dns01.providers[1].zones[0] is there twice: write it for one provider only',
    ]);
    await expect(
      faultsIn(
        `${account('cf-a', ['a.example'])}[[certificates]]\nchallenge = "dns-01"\nnames = ["a.example", "b.example"]\n`,
      ),
    ).resolves.toEqual([
      '8: certificates[0].names[1] is in no zone of a DNS provider: write one of a.example so that it is, or challenge.dns01.provider for the other names',
    ]);
  });
  it.each(['a..example', '**', '*.*.example', '10.0.0.1', '', 'https://a.example'])(
    'do not take %j',
    async (pattern) => {
      await expect(faultsIn(account('cf-a', [pattern]))).resolves.toEqual([
        expect.stringContaining('write "example.com", "*.example.com" or "*"'),
      ]);
    },
  );
});
