import { namePattern } from '@acmex/identifier';
import { KeyStore, type Scope, scopes } from '@acmex/server/keys';
import type { Storage } from '@acmex/storage';
import { CliError } from '../errors.ts';
import { type ConfiguredOutputOptions, type Row, type Result, table } from '../output.ts';
import { withManager } from '../managed/with-manager.ts';
import { tenantStorage } from '../tenant-storage.ts';
import type { Terminal } from '../terminal.ts';

export interface KeyCreateOptions extends ConfiguredOutputOptions {
  readonly scopes?: readonly string[];
  readonly names?: readonly string[];
  readonly deployTargets?: readonly string[];
  readonly title?: string;
  readonly expires?: string;
  readonly tenant?: string;
}

const by = 'acmex server key';

/** `acmex server key create`: needs no API key, because its user can write the storage. */
export async function keyCreate(
  {
    scopes: requested = scopes,
    names = ['*'],
    deployTargets,
    title,
    expires: expiresAt,
    ...options
  }: KeyCreateOptions,
  terminal: Terminal,
): Promise<void> {
  const unknown = requested.find((name) => !scopes.some((scope) => scope === name));
  if (unknown !== undefined)
    throw new CliError('ERR_CLI_USAGE', `"${unknown}" is not a scope: use ${scopes.join(', ')}`);
  const patterns = names.map(namePattern);
  await withKeys(options, terminal, async (keys, tenant) => {
    assertDeployTargets(deployTargets, tenant);
    const { key, text } = await keys.create(
      {
        title,
        scopes: scopes.filter((scope: Scope) => requested.includes(scope)),
        names: patterns,
        deployTargets,
        expiresAt,
      },
      by,
    );
    return { text, document: { ...key, key: text }, rows: [{ id: key.id, key: text }] };
  });
}

/** @throws CliError `ERR_CLI_USAGE` for a target that requests to the tenant may not name */
function assertDeployTargets(
  wanted: readonly string[] = [],
  { name, deployTargets }: Pick<KeysTenant, 'name' | 'deployTargets'>,
): void {
  const unknown = wanted.find((target) => !deployTargets.includes(target));
  if (unknown === undefined) return;
  const use =
    deployTargets.length === 0
      ? 'add it to deploy_targets in acmex.toml'
      : `use ${deployTargets.join(', ')}, or add it to deploy_targets in acmex.toml`;
  throw new CliError(
    'ERR_CLI_USAGE',
    `"${unknown}" is not a deploy target that requests of the tenant ${name} may name: ${use}`,
  );
}

/** `acmex server key list`: lists the keys, without their secrets. */
export async function keyList(options: KeyCreateOptions, terminal: Terminal): Promise<void> {
  await withKeys(options, terminal, async (keys) => {
    const all = [];
    for await (const key of keys.list()) all.push(key);
    const rows = all.map(
      ({
        id,
        title,
        createdAt,
        expiresAt,
        revokedAt,
        lastUsedAt,
        names,
        scopes: granted,
      }): Row => ({
        id,
        title,
        created: createdAt,
        used: lastUsedAt,
        ends: revokedAt === undefined ? expiresAt : `revoked ${revokedAt}`,
        names: names.join(' '),
        scopes: granted.length === scopes.length ? 'all' : granted.join(' '),
      }),
    );
    return { text: table(rows), document: all, rows };
  });
}

/** `acmex server key revoke`: makes a key invalid immediately. */
export async function keyRevoke(
  id: string,
  options: KeyCreateOptions,
  terminal: Terminal,
): Promise<void> {
  await withKeys(options, terminal, async (keys) => {
    const key = await keys.revoke(id, by);
    return { text: `${id} is revoked`, document: key };
  });
}

async function withKeys(
  options: KeyCreateOptions,
  terminal: Terminal,
  work: (keys: KeyStore, tenant: KeysTenant) => Promise<Result>,
): Promise<void> {
  await withTenant(
    options,
    terminal,
    async (tenant) =>
      await work(new KeyStore({ tenant: tenant.name, storage: tenant.storage }), tenant),
  );
}

/** A tenant whose keys a command reads or changes. */
interface KeysTenant {
  readonly name: string;
  readonly storage: Storage;
  /** The deploy targets that its requests may name. */
  readonly deployTargets: readonly string[];
}

/**
 * Opens the part of the storage that belongs to a tenant.
 * @throws ServerError `ERR_SERVER_TENANT`
 */
export async function withTenant(
  { tenant: named, ...options }: ConfiguredOutputOptions & { readonly tenant?: string },
  terminal: Terminal,
  work: (tenant: KeysTenant) => Promise<Result>,
): Promise<void> {
  await withManager(options, terminal, async ({ storage, config }) => {
    const { tenants, server } = config.values;
    const names = Object.keys(tenants);
    const [first = 'default'] = names;
    const name = named ?? first;
    const all = [...new Set([first, ...names])];
    const { deploy_targets: deployTargets } = tenants[name] ?? server;
    return await work({
      ...{ name, deployTargets },
      storage: tenantStorage(storage, { name, names: all }),
    });
  });
}
