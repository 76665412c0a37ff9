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

export interface ConfiguredAuditOptions {
  readonly origin: AuditOrigin;
  /** Called where the ends of the log could not be signed; it is tried again. */
  readonly onError: (error: unknown) => void;
  readonly clock?: Clock | undefined;
}

/**
 * Returns a storage whose changes are recorded, and signs the ends of the log at intervals and when
 * it is disposed of, as `[audit]` of acmex.toml describes it; the storage itself where
 * `audit.enabled` is false.
 * @param storage with its encryption; it is disposed of with the audited storage
 */
export function configuredAudit(
  { values: { audit } }: { readonly values: { readonly audit: AuditValues } },
  storage: Storage,
  { origin, onError, clock = systemClock }: ConfiguredAuditOptions,
): Storage {
  if (!audit.enabled) return storage;
  const audited = auditedStorage(storage, { origin, clock });
  const ended = new AbortController();
  let hasWritten = false;
  const sign = async () => {
    if (!hasWritten) return;
    hasWritten = false;
    try {
      const signed = await createCheckpoint(storage, { clock });
      if (signed && audit.checkpoint_file !== undefined)
        await appendCheckpoint(audit.checkpoint_file, signed);
    } catch (error) {
      hasWritten = true;
      throw error;
    }
  };
  const loop = async () => {
    for (;;) {
      await clock.sleep({ seconds: audit.checkpoint_secs }, { signal: ended.signal });
      await sign().catch(onError);
    }
  };
  loop().catch(() => {
    /* the storage is disposed of */
  });
  return {
    ...audited,
    async write(changes, options) {
      const versions = await audited.write(changes, options);
      hasWritten = true;
      return versions;
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await sign().catch(onError);
      await storage[Symbol.asyncDispose]();
    },
  };
}
