import type { ConfiguredManager } from '@acmex/manager/from-config';
import type { Storage } from '@acmex/storage';
import { noMetrics, type ProgramMetrics } from '../program-metrics.ts';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult, type Result } from '../output.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { commandManager } from './manager.ts';

export interface TenantOptions extends ConfiguredOutputOptions {
  /** A tenant of the server; the certificates of the command line by default. */
  readonly tenant?: string | undefined;
}

/** Opens the certificate manager for one command, and writes its result. */
export async function withManager(
  { tenant, ...options }: TenantOptions,
  terminal: Terminal,
  work: (manager: ConfiguredManager, report: Reporter) => Promise<Result>,
  metrics: ProgramMetrics = noMetrics,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    await using storage = metrics.watchStorage(await openStorage(options, terminal, report));
    const result = await work(
      await commandManager({
        ...{ configuration: options.configuration, terminal, report, tenant },
        storage: await partOf(storage, tenant, options),
        ...metrics.managerOptions,
      }),
      report,
    );
    report.close();
    terminal.stdout.write(formatResult(result, options.output));
  } finally {
    report.close();
  }
}

/** The server's code is read only where a tenant is named. */
async function partOf(
  storage: Storage,
  tenant: string | undefined,
  { configuration: { values } }: ConfiguredOutputOptions,
): Promise<Storage> {
  if (tenant === undefined) return storage;
  const { tenantStorage } = await import('../tenant-storage.ts');
  const names = [...new Set(['default', ...Object.keys(values.tenants)])];
  return tenantStorage(storage, { name: tenant, names });
}
