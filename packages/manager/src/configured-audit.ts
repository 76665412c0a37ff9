import { type Clock, systemClock } from '@acmex/clock';
import { checkpointDestinationNames, type Config } from '@acmex/config';
import {
  auditedStorage,
  type AuditedStorageOptions,
  createCheckpoint,
  deliverCheckpoints,
  pruneAuditLog,
} from '@acmex/observability/audit';
import type { Storage } from '@acmex/storage';
import {
  type CheckpointDestinationOptions,
  checkpointDestinations,
} from './checkpoint-destinations.ts';

export interface ConfiguredAuditOptions
  extends CheckpointDestinationOptions, Pick<AuditedStorageOptions, 'origin' | 'actionsIn'> {
  /**
   * Called where the ends of the log could not be signed, a checkpoint could not be sent, or old
   * records could not be removed: it is tried again. It is not called again for the same failure.
   */
  readonly onError: (error: unknown) => void;
}

/**
 * Returns a storage whose changes are recorded, and signs the ends of the log at intervals and when
 * it is disposed of, as `[audit]` of acmex.toml describes it; the storage itself where
 * `audit.enabled` is false. Checkpoints are sent where `[audit]` says; a write waits for none.
 * Records that are older than `audit.retention_days` are removed an hour after the start, and then
 * once a day.
 * @param storage with its encryption; it is disposed of with the audited storage
 */
export function configuredAudit(
  config: Pick<Config, 'values'>,
  storage: Storage,
  options: ConfiguredAuditOptions,
): Storage {
  const { audit } = config.values;
  const { origin, actionsIn, clock = systemClock } = options;
  if (!audit.enabled) return storage;
  const audited = auditedStorage(storage, { origin, actionsIn, clock });
  const upkeep = new AuditUpkeep(config, storage, options);
  const ended = new AbortController();
  const loop = async () => {
    for (;;) {
      await clock.sleep({ seconds: audit.checkpoint_secs }, { signal: ended.signal });
      await upkeep.sign();
      await upkeep.deliver();
      await upkeep.prune(audited, ended.signal);
    }
  };
  const looping = loop().catch(() => {
    /* the storage is disposed of */
  });
  return {
    ...audited,
    async write(changes, writeOptions) {
      const versions = await audited.write(changes, writeOptions);
      upkeep.hasWritten = true;
      return versions;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await looping;
      if (await upkeep.sign()) await upkeep.deliver();
      await storage[Symbol.asyncDispose]();
    },
  };
}

const hourMs = 3_600_000;

/** Signs the ends of a log, sends that, and removes what is old. */
class AuditUpkeep {
  /** Whether this process has written since it signed. */
  hasWritten = false;
  readonly #config: Pick<Config, 'values'>;
  readonly #storage: Storage;
  readonly #options: ConfiguredAuditOptions;
  readonly #clock: Clock;
  #pruneAtMs: number;
  /** The failures that were reported, by what failed. */
  readonly #failures = new Map<string, string>();

  constructor(config: Pick<Config, 'values'>, storage: Storage, options: ConfiguredAuditOptions) {
    this.#config = config;
    this.#storage = storage;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#pruneAtMs = this.#clock.monotonic() + hourMs;
  }

  /** @returns whether there was something to sign */
  async sign(): Promise<boolean> {
    if (!this.hasWritten) return false;
    this.hasWritten = false;
    const isSigned = await this.#reported('sign', async () => {
      await createCheckpoint(this.#storage, this.#options);
    });
    this.hasWritten ||= !isSigned;
    return true;
  }

  /** Sends what the destinations do not have. */
  async deliver(): Promise<void> {
    if (checkpointDestinationNames(this.#config.values.audit).length === 0) return;
    await this.#reported('destinations', async () => {
      const destinations = await checkpointDestinations(this.#config, this.#options);
      await Promise.all(
        destinations.map(async (destination) =>
          this.#reported(destination.name, async () => {
            await deliverCheckpoints(this.#storage, destination, this.#options);
          }),
        ),
      );
    });
  }

  /** Removes what is older than `audit.retention_days`, once a day. */
  async prune(audited: Storage, signal: AbortSignal): Promise<void> {
    const { retention_days: days } = this.#config.values.audit;
    if (days === undefined || this.#clock.monotonic() < this.#pruneAtMs) return;
    this.#pruneAtMs = this.#clock.monotonic() + 24 * hourMs;
    const olderThan = { hours: 24 * days };
    await this.#reported('prune', async () => {
      try {
        const { records } = await pruneAuditLog(audited, {
          ...{ olderThan, clock: this.#clock, signal },
        });
        this.hasWritten ||= records > 0;
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
  }

  /** Does work, and reports its failure unless it is the one that was reported before. */
  async #reported(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.#failures.delete(what);
      return true;
    } catch (error) {
      const text = String(error);
      if (this.#failures.get(what) !== text) this.#options.onError(error);
      this.#failures.set(what, text);
      return false;
    }
  }
}
