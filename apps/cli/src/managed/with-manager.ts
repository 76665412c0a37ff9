import type { ConfiguredManager } from '@acmex/manager/from-config';
import { noMetrics, type ProgramMetrics } from '../program-metrics.ts';
import { openStorage } from '../open-storage.ts';
import { type ConfiguredOutputOptions, formatResult, type Result } from '../output.ts';
import { type Reporter, reporter, type Terminal } from '../terminal.ts';
import { commandManager } from './manager.ts';

/** Opens the certificate manager for one command, and writes its result. */
export async function withManager(
  options: ConfiguredOutputOptions,
  terminal: Terminal,
  work: (manager: ConfiguredManager, report: Reporter) => Promise<Result>,
  metrics: ProgramMetrics = noMetrics,
): Promise<void> {
  const report = await reporter(terminal, options);
  try {
    await using storage = metrics.watchStorage(await openStorage(options, terminal, report));
    const result = await work(
      await commandManager({
        ...{ storage, configuration: options.configuration, terminal, report },
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
