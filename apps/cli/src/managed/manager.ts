import type { Config } from '@acmex/config';
import {
  fromConfig,
  type ConfiguredManager,
  type FromConfigOptions,
} from '@acmex/manager/from-config';
import { printable } from '@acmex/errors';
import { nodeFetch } from '@acmex/protocol/node';
import { loggingFetch, reportProgress, trackDisplay } from '../progress.ts';
import type { Reporter, Terminal } from '../terminal.ts';

export interface CommandManagerOptions extends Pick<
  FromConfigOptions,
  'storage' | 'issuers' | 'hooks' | 'prompt'
> {
  readonly configuration: Config;
  readonly terminal: Terminal;
  readonly report: Reporter;
}

/** Creates the certificate manager of a command, which reports its progress. */
export function commandManager({
  configuration,
  terminal: { env, display },
  report,
  ...options
}: CommandManagerOptions): ConfiguredManager {
  return fromConfig(configuration, {
    ...options,
    environment: env,
    userAgent: 'acmex-cli',
    fetch: (ca) => loggingFetch(nodeFetch({ ca }), report),
    onWarning: (message) => report.warn(message),
    onRegistered: (account) => report.done(`account ${printable(account, 300)}`),
    onProgress: (progress) => {
      trackDisplay(display, progress);
      reportProgress(report, progress);
    },
  });
}
