import type { Clock, DurationInput } from '@acmex/clock';
import { type Config, openNetwork } from '@acmex/config';
import {
  type ConfiguredManager,
  fromConfig,
  type FromConfigOptions,
  reconcileDeclared,
} from '@acmex/manager/from-config';
import type { Network } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { type Log, logError } from './log.ts';
import { type Tenancy, tenancy, type Tenant } from './tenants.ts';

/** What metrics and traces pass to the certificate managers. */
export type ManagerWatching = Pick<
  FromConfigOptions,
  | 'onExchange'
  | 'onHeartbeat'
  | 'onNotificationAttempt'
  | 'watchIssuer'
  | 'watchDeployer'
  | 'watchDnsProvider'
  | 'watchTask'
  | 'currentTrace'
>;

export interface LiveTenantsOptions {
  readonly storage: Storage;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Of the locks of certificates; the default of the storage where it is undefined. */
  readonly lease?: DurationInput | undefined;
  readonly clock: Clock;
  /** What watches the managers. */
  readonly watch: ManagerWatching;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

/** What a configuration opens. */
interface Opened {
  readonly tenancy: Tenancy;
  readonly network: Network;
}

/** The tenants, with their certificate managers, by the configuration that is in effect. */
export class LiveTenants implements AsyncDisposable {
  readonly #options: LiveTenantsOptions;
  #opened: Opened;
  #replanning = Promise.resolve();
  #superseded = new AbortController();

  private constructor(options: LiveTenantsOptions, opened: Opened) {
    this.#options = options;
    this.#opened = opened;
    this.#replan();
  }

  static async open(config: Config, options: LiveTenantsOptions): Promise<LiveTenants> {
    return new LiveTenants(options, await openTenancy(config, options));
  }

  tenants(): ReadonlyMap<string, Tenant> {
    return this.#opened.tenancy.tenants;
  }

  managers(): ReadonlyMap<string, ConfiguredManager> {
    return this.#opened.tenancy.managers;
  }

  /** Returns how CAs and DNS hosts are reached. */
  network(): Network {
    return this.#opened.network;
  }

  /** Returns the manager of the storage's root, which the command line uses too. */
  rootManager(): ConfiguredManager {
    return this.#opened.tenancy.root;
  }

  /** Opens the tenants of another configuration. @returns puts them into effect */
  async prepare(config: Config): Promise<() => void> {
    const next = await openTenancy(config, this.#options);
    return () => {
      this.#opened = next;
      this.#replan();
    };
  }

  /** Waits until no plan is written any more. The signal of the options must have aborted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#superseded.abort();
    await this.#replanning;
  }

  /**
   * Makes the renewal plans again where the configuration has changed them, while the server is
   * already working: this writes each certificate. Plans of an earlier configuration are given up.
   */
  #replan(): void {
    this.#superseded.abort();
    this.#superseded = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, this.#superseded.signal]);
    const { managers } = this.#opened.tenancy;
    const replanAll = async () => {
      for (const { maintenance } of managers.values()) await maintenance.replan({ signal });
    };
    this.#replanning = this.#replanning.then(replanAll).catch((error: unknown) => {
      if (!signal.aborted)
        logError(this.#options.log, 'the renewal plans could not be made again', error);
    });
  }
}

async function openTenancy(
  config: Config,
  { storage, environment, log, lease, clock, watch, signal }: LiveTenantsOptions,
): Promise<Opened> {
  const network = await openNetwork(config, { environment });
  const opened = tenancy(config, storage, (tenantStorage, tenant) =>
    fromConfig(config, {
      storage: tenantStorage,
      tenant,
      environment,
      lease,
      clock,
      userAgent: 'acmex-server',
      ...watch,
      network,
      onWarning: (msg) => log({ level: 'warn', package: '@acmex/manager', msg }),
    }),
  );
  const { managers, root } = opened;
  for (const manager of managers.values()) await manager.hooks.check();
  const onError = (id: string, error: unknown) =>
    logError(log, `${id} is a duplicate and could not be joined`, error);
  for (const { id, change } of await reconcileDeclared(root, { signal, onError }))
    log({ level: 'info', msg: `${id} is ${change} as the configuration declares it` });
  for (const { provisioner } of managers.values())
    await provisioner.joinDuplicates({ signal, onError });
  return { tenancy: opened, network };
}
