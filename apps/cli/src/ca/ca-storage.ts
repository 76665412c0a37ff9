import { auditedActions, type ServerWatch } from '@acmex/ca';
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
