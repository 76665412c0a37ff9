import { KeyStore, type Scope, scopes } from '@acmex/server/keys';
import { scopedStorage, type Storage } from '@acmex/storage';
import { CliError } from '../errors.ts';
import { type ConfiguredOutputOptions, type Row, type Result, table } from '../output.ts';
import { withManager } from '../managed/with-manager.ts';
import type { Terminal } from '../terminal.ts';

export interface KeyCreateOptions extends ConfiguredOutputOptions {
  readonly scopes?: readonly string[];
  readonly names?: readonly string[];
  readonly title?: string;
  readonly expires?: string;
  readonly tenant?: string;
}

const by = 'acmex server key';

/** `acmex server key create`: for who may write the storage, and so needs no key to make one. */
export async function keyCreate(
  {
    scopes: wanted = scopes,
    names = ['*'],
    title,
    expires: expiresAt,
    ...options
  }: KeyCreateOptions,
  terminal: Terminal,
): Promise<void> {
  const unknown = wanted.find((one) => !scopes.some((known) => known === one));
  if (unknown !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `there is no scope "${unknown}": choose among ${scopes.join(', ')}`,
    );
  const wrong = names.find(
    (one) => !/^(\*|(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f:.]+)$/i.test(one),
  );
  if (wrong !== undefined)
    throw new CliError(
      'ERR_CLI_USAGE',
      `"${wrong}" is no name: write *, *.example.com for all below it, or a name`,
    );
  await withKeys(options, terminal, async (keys) => {
    const { key, text } = await keys.create(
      { title, scopes: scopes.filter((one: Scope) => wanted.includes(one)), names, expiresAt },
      by,
    );
    return { text, document: { ...key, key: text }, rows: [{ id: key.id, key: text }] };
  });
}

/** `acmex server key list` */
export async function keyList(options: KeyCreateOptions, terminal: Terminal): Promise<void> {
  await withKeys(options, terminal, async (keys) => {
    const all = [];
    for await (const key of keys.list()) all.push(key);
    const rows = all.map(
      ({ id, title, createdAt, expiresAt, revokedAt, lastUsedAt, names, scopes: own }): Row => ({
        id,
        title,
        created: createdAt,
        used: lastUsedAt,
        ends: revokedAt === undefined ? expiresAt : `revoked ${revokedAt}`,
        names: names.join(' '),
        scopes: own.length === scopes.length ? 'all' : own.join(' '),
      }),
    );
    return { text: table(rows), document: all, rows };
  });
}

/** `acmex server key revoke` */
export async function keyRevoke(
  id: string,
  options: KeyCreateOptions,
  terminal: Terminal,
): Promise<void> {
  await withKeys(options, terminal, async (keys) => {
    const key = await keys.revoke(id, by);
    return { text: `${id} is taken no more`, document: key };
  });
}

async function withKeys(
  options: KeyCreateOptions,
  terminal: Terminal,
  work: (keys: KeyStore) => Promise<Result>,
): Promise<void> {
  await withTenant(
    options,
    terminal,
    async (tenant) => await work(new KeyStore({ tenant: tenant.name, storage: tenant.storage })),
  );
}

/** The part of the storage that is a tenant's. @throws CliError `ERR_CLI_USAGE` for a tenant that is none */
export async function withTenant(
  { tenant: named, ...options }: ConfiguredOutputOptions & { readonly tenant?: string },
  terminal: Terminal,
  work: (tenant: { readonly name: string; readonly storage: Storage }) => Promise<Result>,
): Promise<void> {
  await withManager(options, terminal, async ({ storage, config }) => {
    const [first = 'default', ...more] = Object.keys(config.values.tenants);
    const name = named ?? first;
    if (![first, ...more].includes(name))
      throw new CliError(
        'ERR_CLI_USAGE',
        `there is no tenant "${name}": choose among ${[first, ...more].join(', ')}`,
      );
    return await work({
      name,
      storage: name === 'default' ? storage : scopedStorage(storage, `tenant/${name}`),
    });
  });
}
