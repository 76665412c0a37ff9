import type { Config } from '@acmex/config';
import type { ConfiguredManager } from '@acmex/manager/from-config';
import { scopedStorage, type Storage } from '@acmex/storage';

/** Who shares the server: a part of the storage, and what its keys may do at most. */
export interface Tenant {
  readonly name: string;
  /** What its tasks are named with; empty for the storage's root. */
  readonly scope: string;
  readonly storage: Storage;
  readonly manager: ConfiguredManager;
  /** Names that its certificates may be for: see `permits`. */
  readonly names: readonly string[];
  /** Undefined: all. */
  readonly issuers: readonly string[] | undefined;
  readonly dnsProviders: readonly string[] | undefined;
  /** The deploy targets that its requests may name. */
  readonly deployTargets: readonly string[];
  readonly maxCertificates: number | undefined;
  readonly maxOrdersPerHour: number | undefined;
}

/**
 * What works for certificates: by the scope of the worker, which is empty for what the command line
 * shares.
 */
export interface Tenancy {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly managers: ReadonlyMap<string, ConfiguredManager>;
  /** The manager of the storage's root, which the command line uses too. */
  readonly root: ConfiguredManager;
}

/** The tenant that there is without any in the configuration. */
export const defaultTenant = 'default';

/**
 * The tenants of a configuration. `default` has the storage's root, which the command line uses
 * too, and `[[certificates]]`; all others have their own part of it.
 */
export function tenancy(
  config: Config,
  storage: Storage,
  managerOf: (storage: Storage, name: string) => ConfiguredManager,
): Tenancy {
  const described = Object.entries(config.values.tenants);
  const root = managerOf(storage, defaultTenant);
  const tenants = described.map(
    ([
      name,
      {
        names,
        issuers,
        dns_providers: dnsProviders,
        deploy_targets: deployTargets,
        max_certificates: maxCertificates,
        max_orders_per_hour: maxOrdersPerHour,
      },
    ]): Tenant => {
      const manager =
        name === defaultTenant ? root : managerOf(scopedStorage(storage, `tenant/${name}`), name);
      return {
        name,
        scope: name === defaultTenant ? '' : name,
        storage: manager.storage,
        manager,
        names,
        issuers,
        dnsProviders,
        deployTargets,
        maxCertificates,
        maxOrdersPerHour,
      };
    },
  );
  const everything: Tenant = {
    name: defaultTenant,
    scope: '',
    storage,
    manager: root,
    names: ['*'],
    issuers: undefined,
    dnsProviders: undefined,
    deployTargets: config.values.server.deploy_targets,
    maxCertificates: undefined,
    maxOrdersPerHour: undefined,
  };
  const all = tenants.length > 0 ? tenants : [everything];
  return {
    root,
    tenants: new Map(all.map((tenant) => [tenant.name, tenant])),
    managers: new Map([
      ['', root],
      ...all
        .filter(({ name }) => name !== defaultTenant)
        .map(({ name, manager }) => [name, manager] as const),
    ]),
  };
}
