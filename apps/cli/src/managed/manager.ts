import { type Config, openNetwork } from '@acmex/config';
import {
  fromConfig,
  type ConfiguredManager,
  type FromConfigOptions,
} from '@acmex/manager/from-config';
import { printable } from '@acmex/errors';
import type { ManagerTracing } from '@acmex/observability/tracing';
import { loggingFetch, reportProgress, trackDisplay } from '../progress.ts';
import type { Reporter, Terminal } from '../terminal.ts';

export interface CommandManagerOptions extends Pick<
  FromConfigOptions,
  | 'storage'
  | 'clock'
  | 'issuers'
  | 'hooks'
  | 'prompt'
  | 'onExchange'
  | 'watchIssuer'
  | 'onHeartbeat'
  | 'onNotificationAttempt'
  | 'tenant'
> {
  /** What watches the manager, instead of the traces of the terminal. */
  readonly watch?: Partial<ManagerTracing> | undefined;
  readonly configuration: Config;
  readonly terminal: Terminal;
  readonly report: Reporter;
}

/** Creates the certificate manager of a command, which reports its progress. */
export async function commandManager({
  configuration,
  terminal: { env, display, tracing },
  report,
  watch,
  ...options
}: CommandManagerOptions): Promise<ConfiguredManager> {
  const network = await openNetwork(configuration, { environment: env });
  return fromConfig(configuration, {
    ...(tracing && !watch ? tracing.watching(options) : options),
    ...watch,
    environment: env,
    userAgent: 'acmex-cli',
    network,
    fetch: (ca) => loggingFetch(network.fetch(ca), report),
    onWarning: (message) => report.warn(message),
    onRegistered: (account) => report.done(`account ${printable(account, 300)}`),
    onProgress: (progress) => {
      trackDisplay(display, progress);
      reportProgress(report, progress);
    },
  });
}
