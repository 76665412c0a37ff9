import type { Config } from '@acmex/config';
import type { RunHooks } from '@acmex/manager';
import { fromConfig, type ConfiguredManager } from '@acmex/manager/from-config';
import type { AcmeSession } from '@acmex/protocol';
import { nodeFetch } from '@acmex/protocol/node';
import type { Storage } from '@acmex/storage';
import { loggingFetch, reportProgress, trackDisplay } from '../progress.ts';
import type { Reporter, Terminal } from '../terminal.ts';

export interface ManagedOptions {
  readonly storage: Storage;
  readonly configuration: Config;
  readonly terminal: Terminal;
  readonly report: Reporter;
  /** In place of the account that is kept: `obtain`, which has registered or found it. */
  readonly session?: { readonly issuer: string; readonly session: AcmeSession } | undefined;
  readonly hooks?: RunHooks | undefined;
}

/** What keeps certificates current, as a command tells of it. */
export function managed({
  storage,
  configuration,
  terminal: { env, display },
  report,
  session,
  hooks,
}: ManagedOptions): ConfiguredManager {
  return fromConfig(configuration, {
    storage,
    environment: env,
    session,
    hooks,
    userAgent: 'acmex-cli',
    fetch: (ca) => loggingFetch(nodeFetch({ ca }), report),
    onWarning: (message) => report.warn(message),
    onProgress: (progress) => {
      trackDisplay(display, progress);
      reportProgress(report, progress);
    },
  });
}
