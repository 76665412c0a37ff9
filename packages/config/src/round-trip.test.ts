import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify, TomlDate } from 'smol-toml';
import { configFolder } from './config.testing.ts';
import { checkConfig, readConfig, Secret } from './index.ts';

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,12}$/);
const any = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !text.includes('\0'));
const argv = fc.array(any, { minLength: 1, maxLength: 3 });
const path = word.map((name) => `/srv/${name}`);
const name = word.map((label) => `${label}.example`);
const partly = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { requiredKeys: [] });

const account = {
  contact: fc.array(word.map((user) => `${user}@example.com`)),
  tos_agreed: fc.boolean(),
  profile: any,
  preferred_chain: any,
};
const issuer = fc.record(
  {
    directory: name.map((host) => `https://${host}/directory`),
    ...account,
    external_account_binding: fc.record({ key_id: any, hmac_key: any }),
  },
  { requiredKeys: ['directory'] },
);
const certificate = fc.record(
  {
    names: fc.array(name, { minLength: 1, maxLength: 3 }),
    key_type: fc.constantFrom('ec-p256', 'rsa-4096'),
    reuse_key: fc.boolean(),
    profile: any,
    preferred_chain: any,
    renew_before_days: fc.integer({ min: 1, max: 365 }),
    deploy: fc.array(
      fc.record(
        { directory: path, owner: any, mode: fc.constantFrom('0600', '640') },
        { requiredKeys: ['directory'] },
      ),
      { maxLength: 2 },
    ),
    hooks: partly({ deploy: argv, after: argv }),
    labels: fc.dictionary(word, any, { maxKeys: 2 }),
    probe: name.map((host) => `${host}:443`),
  },
  { requiredKeys: ['names'] },
);
const configuration = partly({
  acme: partly({
    ca: fc.constantFrom('letsencrypt', 'google'),
    ca_environment: fc.constantFrom('production', 'staging'),
    ...account,
  }),
  issuers: fc.dictionary(
    word.map((suffix) => `ca-${suffix}`),
    issuer,
    { maxKeys: 3 },
  ),
  storage: partly({ file: partly({ path }) }),
  challenge: partly({
    http01: partly({ listen_addr: fc.constantFrom('[::1]:80', '127.0.0.1:8080'), webroot: path }),
    dns01: partly({
      resolvers: fc.array(name),
      providers: fc.uniqueArray(
        fc.record(
          {
            name: word,
            type: fc.constant('powerdns'),
            url: name.map((host) => `https://${host}`),
            api_key: any,
            server: any,
          },
          { requiredKeys: ['name', 'type', 'url', 'api_key'] },
        ),
        { selector: (entry) => entry.name, maxLength: 2 },
      ),
    }),
  }),
  renewal: partly({
    check_interval: fc.integer({ min: 10, max: 86_400 }),
    concurrency: fc.integer({ min: 1, max: 1000 }),
    hooks: partly({ before: argv, deploy: argv, after: argv, on_error: argv }),
  }),
  certificates: fc.array(certificate, { maxLength: 3 }),
  notifications: partly({
    webhooks: fc.array(
      fc.record(
        { name: word, url: any, format: fc.constantFrom('json', 'slack') },
        { requiredKeys: ['name', 'url'] },
      ),
      { maxLength: 2 },
    ),
  }),
  cli: partly({ colors: fc.boolean(), log_level: fc.constantFrom('error', 'debug') }),
});

type Plain = { readonly [key: string]: unknown };
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof TomlDate);

/** The same, with every text as a file would have to write it. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  return isPlain(value)
    ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, escaped(child)]))
    : value;
}

async function revealed(value: unknown): Promise<unknown> {
  if (value instanceof Secret) return await value.reveal();
  if (Array.isArray(value)) return await Promise.all(value.map(revealed));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    await Promise.all(
      Object.entries(value).map(async ([key, child]) => [key, await revealed(child)] as const),
    ),
  );
}

type Leaf = { readonly parents: readonly (string | number)[]; readonly key: string };

/** The keys that hold values, but for those whose names are free. */
function leaves(value: Plain, parents: readonly (string | number)[] = []): readonly Leaf[] {
  return Object.entries(value).flatMap(([key, child]) => {
    if (key === 'labels') return [];
    if (isPlain(child)) return leaves(child, [...parents, key]);
    if (Array.isArray(child) && child.length > 0 && child.every(isPlain))
      return child.flatMap((item: Plain, at) => leaves(item, [...parents, key, at]));
    return [{ parents, key }];
  });
}

function changed(
  value: unknown,
  [first, ...rest]: readonly (string | number)[],
  change: (table: Plain) => Plain,
): unknown {
  if (first === undefined) return isPlain(value) ? change(value) : value;
  if (Array.isArray(value))
    return value.map((child: unknown, at) => (at === first ? changed(child, rest, change) : child));
  return isPlain(value) ? { ...value, [first]: changed(value[first], rest, change) } : value;
}

const toml = (value: unknown) => stringify(isPlain(value) ? value : {});
const runs = { numRuns: 40 };

describe('a configuration that was written', () => {
  it('is read again as it was', async () => {
    await using folder = await configFolder('');
    await fc.assert(
      fc.asyncProperty(configuration, async (written) => {
        await folder.write('acmex.toml', toml(escaped(written)));
        const { values } = await readConfig(folder.options);
        expect(await revealed(values)).toMatchObject(JSON.parse(JSON.stringify(written)));
      }),
      runs,
    );
  });

  it('is refused with the line of whichever key has a value of the wrong kind', async () => {
    await using folder = await configFolder('');
    await fc.assert(
      fc.asyncProperty(configuration, fc.nat(), async (written, which) => {
        const all = leaves(written);
        const leaf = all[which % all.length];
        if (!leaf) return;
        const text = toml(
          changed(escaped(written), leaf.parents, (table) => ({
            ...table,
            [leaf.key]: new TomlDate('1979-05-27'),
          })),
        );
        await folder.write('acmex.toml', text);
        const line = text.split('\n').findIndex((row) => row.includes('1979-05-27')) + 1;
        expect((await checkConfig(folder.options)).faults).toContainEqual(
          expect.objectContaining({
            key: expect.stringMatching(new RegExp(`(^|\\.)${leaf.key}$`)),
            origin: { from: 'file', file: folder.file, line },
          }),
        );
      }),
      runs,
    );
  });

  it('is refused with the line of whichever key is none', async () => {
    await using folder = await configFolder('');
    await fc.assert(
      fc.asyncProperty(configuration, fc.nat(), async (written, which) => {
        const all = leaves(written);
        const leaf = all[which % all.length];
        if (!leaf) return;
        const text = toml(
          changed(escaped(written), leaf.parents, (table) => ({ ...table, no_such_key: true })),
        );
        await folder.write('acmex.toml', text);
        const line = text.split('\n').findIndex((row) => row.includes('no_such_key')) + 1;
        expect((await checkConfig(folder.options)).faults).toContainEqual(
          expect.objectContaining({
            problem: 'is not known',
            origin: { from: 'file', file: folder.file, line },
          }),
        );
      }),
      runs,
    );
  });
});
