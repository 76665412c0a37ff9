import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@acmex/clock';
import { lookUp } from '@acmex/dns';
import { type Bind, describeWith, removeFolder, startBind } from '@acmex/services';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acmex } from '../terminal.testing.ts';

it('lists every kind of DNS provider with what it needs', async () => {
  const { code, stdout } = await acmex(['dns', 'list']);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^cloudflare +Cloudflare\n +api_token +CLOUDFLARE_API_TOKEN, .*CF_DNS_API_TOKEN +one of these is required\n(?: +\w+ +C.*\n)+ +https:\/\/dash\.cloudflare\.com\/profile\/api-tokens$/m,
  );
  expect(stdout).toMatch(
    /^ +key_secret +RFC2136_KEY_SECRET, RFC2136_TSIG_SECRET, DNSUPDATE_TSIG_SECRET +optional$/m,
  );
  expect(stdout).toMatch(/^manual +By hand$/m);
  const kinds = JSON.parse((await acmex(['dns', 'list', '-o', 'json'])).stdout) as readonly {
    type: string;
  }[];
  expect(kinds.map(({ type }) => type)).toContain('route53');
});

describeWith(['named'], 'acmex dns with BIND', () => {
  let bind: Bind;
  let folder: string;
  beforeAll(async () => {
    bind = await startBind({
      zones: {
        'a.test': [
          '_acme-challenge.alias IN CNAME delegated.b.test.',
          '_acme-challenge.www IN TXT "seen"',
        ],
        'b.test': [],
      },
    });
    folder = await mkdtemp(join(tmpdir(), 'acmex-dns-'));
    await writeFile(
      join(folder, 'acmex.toml'),
      `[challenge.dns01]\nprovider = "bind"\n[[challenge.dns01.providers]]\nname = "bind"\ntype = "rfc2136"\nserver = "${bind.address}"\n`,
    );
    await chmod(join(folder, 'acmex.toml'), 0o600);
  });
  afterAll(async () => {
    await bind?.[Symbol.asyncDispose]();
    await removeFolder(folder);
  });
  const dns = async (...args: readonly string[]) =>
    await acmex(['dns', ...args, '--dns-resolver', bind.address]);

  it('traces a name to its zone, and to what each server shows', async () => {
    expect((await dns('trace', 'www.a.test', '-o', 'json')).stdout).toContain('"shows": "seen"');
    const { code, stdout } = await dns('trace', '*.alias.a.test');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(
        /record +_acme-challenge\.alias\.a\.test\nleads to delegated\.b\.test\nzone +b\.test\n/,
      ),
    ]);
    await expect(dns('trace', 'www.nowhere')).resolves.toMatchObject({ stdout: '' });
  });
  it('checks that records can be written, seen and taken away, and leaves none', async () => {
    const { code, stdout, stderr } = await dns(
      'check',
      'www.a.test',
      '--config',
      join(folder, 'acmex.toml'),
      '-o',
      'json',
    );
    expect([code, stderr]).toEqual([0, expect.stringContaining('removed')]);
    const { tried, zone } = JSON.parse(stdout) as { tried: string; zone: string };
    expect(zone).toBe('a.test');
    await expect(
      lookUp({ clock: systemClock, servers: [bind.address] }).txt(tried),
    ).resolves.toEqual([]);
  });
  it('says which providers there are where another is named', async () => {
    await expect(
      dns(
        'check',
        'www.a.test',
        '--config',
        join(folder, 'acmex.toml'),
        '--dns-provider',
        'nobody',
      ),
    ).resolves.toMatchObject({ code: 2, stderr: expect.stringContaining('choose among bind') });
  });
});
