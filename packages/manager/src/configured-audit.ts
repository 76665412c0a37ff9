import { systemClock } from '@acmex/clock';
import { checkpointDestinationNames, type Config } from '@acmex/config';
import {
  auditedStorage,
  type AuditedStorageOptions,
  createCheckpoint,
  deliverCheckpoints,
} from '@acmex/observability/audit';
import type { Storage } from '@acmex/storage';
import {
  type CheckpointDestinationOptions,
  checkpointDestinations,
} from './checkpoint-destinations.ts';

export interface ConfiguredAuditOptions
  extends CheckpointDestinationOptions, Pick<AuditedStorageOptions, 'origin' | 'actionsIn'> {
  /**
   * Called where the ends of the log could not be signed, or a checkpoint could not be sent: it is
   * tried again. It is not called again for the same failure.
   */
  readonly onError: (error: unknown) => void;
}

/**
 * Returns a storage whose changes are recorded, and signs the ends of the log at intervals and when
 * it is disposed of, as `[audit]` of acmex.toml describes it; the storage itself where
 * `audit.enabled` is false. Checkpoints are sent where `[audit]` says; a write waits for none.
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
  const signer = new CheckpointSigner(config, storage, options);
  const ended = new AbortController();
  const loop = async () => {
    for (;;) {
      await clock.sleep({ seconds: audit.checkpoint_secs }, { signal: ended.signal });
      await signer.sign();
      await signer.deliver();
    }
  };
  const looping = loop().catch(() => {
    /* the storage is disposed of */
  });
  return {
    ...audited,
    async write(changes, writeOptions) {
      const versions = await audited.write(changes, writeOptions);
      signer.hasWritten = true;
      return versions;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await looping;
      if (await signer.sign()) await signer.deliver();
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** Signs the ends of a log, and sends that. */
class CheckpointSigner {
  /** Whether this process has written since it signed. */
  hasWritten = false;
  readonly #config: Pick<Config, 'values'>;
  readonly #storage: Storage;
  readonly #options: ConfiguredAuditOptions;
  /** The failures that were reported, by what failed. */
  readonly #failures = new Map<string, string>();

  constructor(config: Pick<Config, 'values'>, storage: Storage, options: ConfiguredAuditOptions) {
    this.#config = config;
    this.#storage = storage;
    this.#options = options;
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
