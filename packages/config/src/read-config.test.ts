import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { configFolder } from './config.testing.ts';
import {
  checkConfig,
  dnsProvidersOf,
  explain,
  issuersOf,
  readConfig,
  redisOf,
  Secret,
  storageOf,
} from './index.ts';

describe('readConfig', () => {
  it('fills in everything where there is no file at all, and agrees to no terms', async () => {
    await using folder = await configFolder();
    const config = await readConfig(folder.options);
    expect(config.values).toMatchObject({
      acme: { ca: 'letsencrypt', tos_agreed: false, contact: [] },
      challenge: { challenge_type: 'http-01' },
      renewal: { check_interval: 60, concurrency: 5 },
      server: { listen_addr: '127.0.0.1:8080' },
      certificates: [],
    });
    expect(config.values.renewal.renew_before_days).toBeUndefined();
    expect(config.originOf(['acme', 'ca'])).toEqual({ from: 'default' });
    expect(storageOf(config)).toEqual({ place: { kind: 'default' } });
  });

  it('reads the example that the package brings, every table of it', async () => {
    await using folder = await configFolder(
      await readFile(join(import.meta.dirname, '..', 'example', 'acmex.toml'), 'utf8'),
    );
    const config = await readConfig(folder.options);
    expect(config.values.certificates.map(({ names }) => names)).toEqual([
      ['example.com', 'www.example.com'],
      ['*.internal.example'],
    ]);
    expect(issuersOf(config).map(({ name, directory }) => [name, directory])).toEqual([
      ['letsencrypt-staging', 'https://acme-staging-v02.api.letsencrypt.org/directory'],
      ['google', 'https://dv.acme-v02.api.pki.goog/directory'],
      ['internal', 'https://ca.internal.example/acme/directory'],
    ]);
    expect(storageOf(config)).toMatchObject({
      place: { kind: 'file', path: '/var/lib/acmex' },
      encryption: { key: expect.anything() },
    });
    expect(dnsProvidersOf(config).map(({ name, type }) => [name, type])).toEqual([
      ['main', 'cloudflare'],
      ['inside', 'rfc2136'],
    ]);
  });

  it('reads the configuration of its README', async () => {
    const readme = await readFile(join(import.meta.dirname, '..', 'README.md'), 'utf8');
    const [, toml] = /```toml\n(.*?)```/s.exec(readme) ?? [];
    await using folder = await configFolder(toml);
    expect((await readConfig(folder.options)).values.certificates).toHaveLength(1);
    expect(toml).toContain('[[certificates]]');
  });

  it('takes ./acmex.toml before the one in the home directory, and a file that was named before both', async () => {
    await using folder = await configFolder();
    await mkdir(join(folder.path, 'home', '.config', 'acmex'), { recursive: true });
    await folder.write('home/.config/acmex/acmex.toml', '[renewal]\nconcurrency = 1');
    const concurrency = async (file?: string) =>
      (await readConfig({ ...folder.options, file })).values.renewal.concurrency;
    expect(await concurrency()).toBe(1);
    await folder.write('acmex.toml', '[renewal]\nconcurrency = 2');
    expect(await concurrency()).toBe(2);
    await folder.write('other.toml', '[renewal]\nconcurrency = 3');
    expect(await concurrency('other.toml')).toBe(3);
    await expect(concurrency('absent.toml')).rejects.toMatchObject({
      code: 'ERR_CONFIG_FILE',
      message: expect.stringContaining(join(folder.path, 'absent.toml')),
    });
  });

  it('believes a flag before a variable, a variable before the file, the file before a default, and says which', async () => {
    await using folder = await configFolder(
      '[renewal]\ncheck_interval = 60\nconcurrency = 2\n\n[cli]\nlog_level = "warn"\n',
    );
    const config = await readConfig({
      ...folder.options,
      environment: { ACMEX_RENEWAL_CHECK_INTERVAL: '120', ACMEX_RENEWAL_CONCURRENCY: '3' },
      overrides: [
        { flag: '--check-interval', key: 'renewal.check_interval', value: 240 },
        { flag: '--renew-before-days', key: 'renewal.renew_before_days', value: undefined },
      ],
    });
    expect(config.values).toMatchObject({
      renewal: { check_interval: 240, concurrency: 3 },
      cli: { log_level: 'warn', output_format: 'text' },
    });
    const origins = Object.fromEntries(explain(config).map(({ key, origin }) => [key, origin]));
    expect(origins).toMatchObject({
      'renewal.check_interval': 'flag --check-interval',
      'renewal.concurrency': 'ACMEX_RENEWAL_CONCURRENCY',
      'cli.log_level': `${folder.file}:6`,
      'cli.output_format': 'default',
    });
  });

  it.each([
    ['ACMEX_ACME_CA', 'zerossl', 'acme.ca', 'zerossl'],
    ['ACMEX_ACME_ENV', 'staging', 'acme.ca_environment', 'staging'],
    ['ACMEX_STORAGE_BACKEND', 'memory', 'storage.backend', 'memory'],
    ['ACMEX_CHALLENGE_TYPE', 'tls-alpn-01', 'challenge.challenge_type', 'tls-alpn-01'],
    ['ACMEX_RENEWAL_CHECK_INTERVAL', '90', 'renewal.check_interval', 90],
    ['ACMEX_RENEWAL_BEFORE_DAYS', '20', 'renewal.renew_before_days', 20],
    [
      'ACMEX_ACME_CONTACT',
      'a@example.com, b@example.com',
      'acme.contact',
      ['a@example.com', 'b@example.com'],
    ],
    ['ACMEX_ACME_TOS_AGREED', 'true', 'acme.tos_agreed', true],
  ])('obeys %s', async (variable, text, key, value) => {
    await using folder = await configFolder('', { environment: { [variable]: text } });
    expect(explain(await readConfig(folder.options))).toContainEqual({
      key,
      value: JSON.stringify(value),
      origin: variable,
    });
  });

  it('obeys ACMEX_ACME_CUSTOM_URL with ACMEX_ACME_CA=custom, and ACMEX_STORAGE_REDIS_URL with ACMEX_STORAGE_BACKEND=redis', async () => {
    await using folder = await configFolder('', {
      environment: {
        ACMEX_ACME_CA: 'custom',
        ACMEX_ACME_CUSTOM_URL: 'https://ca.example.com/dir',
        ACMEX_STORAGE_BACKEND: 'redis',
        ACMEX_STORAGE_REDIS_URL: 'redis://127.0.0.1:6379',
      },
    });
    const config = await readConfig(folder.options);
    expect(issuersOf(config)).toMatchObject([
      { name: 'custom', title: 'ca.example.com', directory: 'https://ca.example.com/dir' },
    ]);
    expect(storageOf(config)).toEqual({ place: { kind: 'redis', url: 'redis://127.0.0.1:6379' } });
  });

  it('reads the list of ACMEX_API_KEYS, and shows none of them', async () => {
    await using folder = await configFolder('', {
      environment: { ACMEX_API_KEYS: 'first-key-canary,second-key-canary' },
    });
    const config = await readConfig(folder.options);
    expect(await Promise.all(config.values.server.api_keys.map((key) => key.reveal()))).toEqual([
      'first-key-canary',
      'second-key-canary',
    ]);
    expect(
      inspect(config, { depth: 9 }) + JSON.stringify(config) + JSON.stringify(explain(config)),
    ).not.toContain('canary');
  });

  it('lets ACMEX_STORAGE name the whole storage, whatever the file says, relative to where the program runs', async () => {
    await using folder = await configFolder(
      '[storage]\nbackend = "redis"\n[storage.redis]\nurl = "redis://127.0.0.1"\n',
    );
    const place = async (storage: string) =>
      storageOf(await readConfig({ ...folder.options, environment: { ACMEX_STORAGE: storage } }))
        .place;
    expect(await place('file:here')).toEqual({ kind: 'file', path: join(folder.path, 'here') });
    expect(await place('/srv/acmex')).toEqual({ kind: 'file', path: '/srv/acmex' });
    expect(await place('memory:')).toEqual({ kind: 'memory' });
    expect(storageOf(await readConfig(folder.options)).place).toEqual({
      kind: 'redis',
      url: 'redis://127.0.0.1',
    });
  });

  it('keeps everything in the Redis of [redis] or ACMEX_REDIS_URL where no other storage is configured, and only the queue where one is', async () => {
    const described = async (toml: string, environment: Readonly<Record<string, string>> = {}) => {
      await using folder = await configFolder(toml, { environment });
      const config = await readConfig(folder.options);
      return [storageOf(config).place, redisOf(config)];
    };
    const url = 'redis://127.0.0.1:6379';
    expect(await described('', { ACMEX_REDIS_URL: url })).toEqual([
      { kind: 'redis', url },
      { url },
    ]);
    expect(await described('[storage]\nurl = "file:/srv/acmex"', { ACMEX_REDIS_URL: url })).toEqual(
      [{ kind: 'file', path: '/srv/acmex' }, { url }],
    );
    expect(await described('')).toEqual([{ kind: 'default' }, undefined]);
    const sentinels = {
      sentinels: [
        { host: 's1.example', port: 26380 },
        { host: '::1', port: 26_379 },
      ],
      master: 'main',
      allowPlaintextConnection: true,
    };
    expect(
      await described(
        '[redis]\nsentinels = ["s1.example:26380", "[::1]"]\nmaster = "main"\nallow_plaintext_connection = true',
      ),
    ).toEqual([{ kind: 'redis', ...sentinels }, sentinels]);
    await expect(described('[redis]\nsentinels = ["s1.example"]')).rejects.toMatchObject({
      message: expect.stringContaining('redis.master'),
    });
    await expect(
      described('[redis]\nsentinels = ["s1.example"]\nmaster = "main"', { ACMEX_REDIS_URL: url }),
    ).rejects.toMatchObject({ message: expect.stringContaining('cannot be used with url') });
  });

  it('encrypts the storage with the key or passphrase of the variables that the program knows', async () => {
    await using folder = await configFolder('', {
      environment: { ACMEX_STORAGE: 'memory:', ACMEX_STORAGE_PASSPHRASE: 'correct horse battery' },
    });
    expect(storageOf(await readConfig(folder.options))).toMatchObject({
      encryption: { passphrase: expect.anything() },
    });
    const key = await folder.write('key', 'a2V5\n');
    const { encryption } = storageOf(
      await readConfig({
        ...folder.options,
        environment: { ACMEX_STORAGE: 'memory:', ACMEX_STORAGE_ENCRYPTION_KEY_FILE: key },
      }),
    );
    expect(encryption && 'key' in encryption ? await encryption.key.reveal() : '').toBe('a2V5');
  });

  it('reads issuers as a list too, and names each', async () => {
    await using folder = await configFolder(
      '[[issuers]]\nname = "one"\nca = "letsencrypt"\n\n[[issuers]]\nname = "two"\ndirectory = "https://two.example/dir"\n\n[[certificates]]\nnames = ["example.com"]\nissuer = "two"\n',
    );
    const config = await readConfig(folder.options);
    expect(issuersOf(config).map(({ name }) => name)).toEqual(['letsencrypt', 'one', 'two']);
    expect(config.originOf(['issuers', 'two', 'directory'])).toMatchObject({ line: 7 });
  });

  it('takes a provider that needs a token alone without a table of its own', async () => {
    await using folder = await configFolder(
      '[challenge]\nchallenge_type = "dns-01"\n[challenge.dns01]\nprovider = "cloudflare"\napi_token = "${CF}"\n',
      { environment: { CF: 'token-canary' } },
    );
    const [provider] = dnsProvidersOf(await readConfig(folder.options));
    expect(provider).toMatchObject({ name: 'cloudflare', type: 'cloudflare' });
    const token = provider?.['api_token'];
    expect(token instanceof Secret ? await token.reveal() : '').toBe('token-canary');
  });

  it('returns frozen values', async () => {
    await using folder = await configFolder('[acme]\ncontact = ["a@example.com"]\n');
    const { values } = await readConfig(folder.options);
    expect(
      Object.isFrozen(values) &&
        Object.isFrozen(values.acme) &&
        Object.isFrozen(values.acme.contact),
    ).toBe(true);
  });

  it('reports a broken file with its line, without quoting it', async () => {
    await using folder = await configFolder('[acme]\nca = "letsencrypt"\nprofile = "canary\n');
    expect(await checkConfig(folder.options)).toMatchObject({
      faults: [{ key: '', origin: { line: 3 } }],
    });
    const error: unknown = await readConfig(folder.options).catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 9 })).not.toContain('canary');
    expect(error).toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: expect.stringContaining(`${folder.file}:3: is not valid TOML`),
    });
  });
});
