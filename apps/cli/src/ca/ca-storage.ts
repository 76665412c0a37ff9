import { auditedActions, type ServerWatch } from '@acmex/ca';
import { systemClock } from '@acmex/clock';
import { errorText } from '@acmex/errors';
import type { Storage } from '@acmex/storage';
import type { Configured } from '../configuration.ts';
import { openStorage } from '../open-storage.ts';
import type { Reporter, Terminal } from '../terminal.ts';

/** Opens the storage of a CA. If there is an audit log, it has what the CA does. */
export async function openCaStorage(
  options: Configured,
  terminal: Pick<Terminal, 'env' | 'uid' | 'tracing'>,
  report: Reporter,
): Promise<Storage> {
  return await openStorage(options, terminal, report, { actionsIn: auditedActions });
}

/**
 * Opens the storage of a CA that runs until it is stopped. With an audit log, old events are removed
 * meanwhile: the removal of old records writes events.
 */
export async function openServedStorage(
  options: Configured,
  terminal: Pick<Terminal, 'env' | 'uid' | 'tracing' | 'clock'>,
  report: Reporter,
): Promise<Storage> {
  const storage = await openCaStorage(options, terminal, report);
  if (!options.configuration.values.audit.enabled) return storage;
  const { startEventRemoval } = await import('@acmex/orchestrator');
  const removal = startEventRemoval({
    stores: () => [{ storage }],
    clock: terminal.clock ?? systemClock,
    onError: (error) => report.warn(`old events cannot be removed: ${errorText(error)}`),
  });
  return {
    ...storage,
    async [Symbol.asyncDispose]() {
      await removal[Symbol.asyncDispose]();
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** Returns what gives the account and the address of a client to the audit log, if there is one. */
export async function auditWatch({
  configuration,
}: Configured): Promise<Pick<ServerWatch, 'answering'>> {
  if (!configuration.values.audit.enabled) return {};
  const { withAuditOrigin } = await import('@acmex/observability/audit');
  return {
    answering: async ({ address, account }, work) =>
      await withAuditOrigin({ address, actor: account }, work),
  };
}
