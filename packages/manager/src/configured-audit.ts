import { type Clock, systemClock } from '@acmex/clock';
import {
  appendCheckpoint,
  auditedStorage,
  type AuditOrigin,
  createCheckpoint,
} from '@acmex/observability/audit';
import type { Storage } from '@acmex/storage';

/** `[audit]` of acmex.toml. */
export interface AuditValues {
  readonly enabled: boolean;
  readonly checkpoint_secs: number;
  readonly checkpoint_file?: string | undefined;
}

/** A storage whose changes are recorded, as `[audit]` of acmex.toml describes it. */
export interface ConfiguredAudit {
  /** Its disposal signs the ends of the log, and disposes of the storage inside. */
  readonly storage: Storage;
  /** Signs the ends of the log if something was recorded, and appends that to the file. */
  checkpoint(): Promise<void>;
  /** Signs the ends of the log at intervals, until the storage is disposed of. */
  startCheckpoints(onError: (error: unknown) => void): void;
}

/**
 * Returns the audited storage around a storage; undefined where `audit.enabled` is false.
 * @param storage with its encryption
 */
export function configuredAudit(
  { values: { audit } }: { readonly values: { readonly audit: AuditValues } },
  storage: Storage,
  { origin, clock = systemClock }: { readonly origin: AuditOrigin; readonly clock?: Clock },
): ConfiguredAudit | undefined {
  if (!audit.enabled) return undefined;
  const audited = auditedStorage(storage, { origin, clock });
  const ended = new AbortController();
  let hasWritten = false;
  const checkpoint = async () => {
    if (!hasWritten) return;
    hasWritten = false;
    const signed = await createCheckpoint(storage, { clock });
    if (signed && audit.checkpoint_file !== undefined)
      await appendCheckpoint(audit.checkpoint_file, signed);
  };
  return {
    checkpoint,
    storage: {
      ...audited,
      async write(changes, options) {
        hasWritten = true;
        return await audited.write(changes, options);
      },
      async [Symbol.asyncDispose]() {
        ended.abort();
        try {
          await checkpoint();
        } finally {
          await storage[Symbol.asyncDispose]();
        }
      },
    },
    startCheckpoints(onError) {
      const loop = async () => {
        for (;;) {
          await clock.sleep({ seconds: audit.checkpoint_secs }, { signal: ended.signal });
          await checkpoint().catch(onError);
        }
      };
      loop().catch(() => {
        /* the storage is disposed of */
      });
    },
  };
}
